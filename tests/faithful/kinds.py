"""Kinds of models: each a choice of parts. The rows of the matrix hold every pair of choices that can go together."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Router, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import GraniteConfig, GraniteModel, PreTrainedTokenizerFast, XLMRobertaXLConfig, XLMRobertaXLModel

from tests.score_fakes import WORDS
from tests.tiny_models import add_adapters

AXES: dict[str, tuple[str, ...]] = {
    "network": ("encoder", "decoder", "static"),
    "pooling": ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken", "mean+cls"),
    "padding": ("pads right", "pads left"),
    "end": ("eos", "no eos"),
    "prompt": ("prompt pooled", "prompt left out"),
    "dense": ("", "dense"),
    "length": ("", "unit", "cut to 6"),
    "similarity": ("cosine", "dot", "euclidean", "manhattan", "unnamed"),
    "truncation": ("cuts right", "cuts left"),
    "router": ("", "router", "router by default to documents", "router of two limits"),
    "adapter": ("", "adapter"),
}
"""What a kind is made of; one value more here is a few rows more."""

OF_TRANSFORMERS = frozenset({"pooling", "padding", "end", "prompt", "truncation", "router", "adapter"})
"""What a model that averages word vectors does without; it has the first value of each."""

HIDDEN, LIMIT = 16, 14
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
PIECES = (*SPECIAL, "query", "passage", "the", "dog", "ran", "title", "text", "none", ":", "|", *WORDS)


@dataclass(frozen=True)
class Kind:
    """One value of each axis."""

    network: str
    pooling: str
    padding: str
    end: str
    prompt: str
    dense: str
    length: str
    similarity: str
    truncation: str
    router: str
    adapter: str

    def __str__(self) -> str:
        left_out = OF_TRANSFORMERS if self.network == "static" else frozenset()
        return ", ".join(value for name, value in asdict(self).items() if value and name not in left_out)

    @property
    def is_possible(self) -> bool:
        """Whether there can be such a model.

        Adapters are switched in the one transformer that a model has.
        A decoder's first token has read nothing else.
        """
        if self.network == "static":
            return all(getattr(self, name) == AXES[name][0] for name in OF_TRANSFORMERS)
        if self.network == "decoder" and (self.adapter or self.pooling == "cls"):
            return False
        return not (self.adapter and self.router)


@cache
def list_kinds() -> list[Kind]:
    """The rows that a greedy choice needs to hold every possible pair of values at least once."""
    kinds = [kind for values in itertools.product(*AXES.values()) if (kind := Kind(*values)).is_possible]
    random.Random(0).shuffle(kinds)  # the first of equals is taken, and would else be much like the one before
    numbers: dict[tuple[str, str, str, str], int] = {}
    pairs = np.array([[numbers.setdefault(pair, len(numbers)) for pair in list_pairs(kind)] for kind in kinds])
    missing = np.ones(len(numbers), dtype=bool)
    rows = []
    while missing.any():
        best = int(missing[pairs].sum(axis=1).argmax())
        missing[pairs[best]] = False
        rows.append(kinds[best])
    return rows


def list_pairs(kind: Kind) -> Iterator[tuple[str, str, str, str]]:
    """Every two values of a kind, with their axes."""
    for (axis, value), (other_axis, other) in itertools.combinations(asdict(kind).items(), 2):
        yield axis, value, other_axis, other


def build_kind(kind: Kind, folder: Path, seed: int = 0) -> Path:
    """A model of this kind with random weights, saved to ``folder``."""
    torch.manual_seed(seed)
    trunk, width = _build_trunk(kind, folder, seed)
    modules: list[torch.nn.Module] = trunk
    if kind.dense:
        modules.append(Dense(width, 12))
    if kind.length == "unit":
        modules.append(Normalize())
    named: dict[str, Any] = {} if kind.similarity == "unnamed" else {"similarity_fn_name": kind.similarity}
    cut = 6 if kind.length == "cut to 6" else None
    model = SentenceTransformer(modules=modules, device="cpu", truncate_dim=cut, **named)
    model.save(str(folder / "model"), create_model_card=False)
    if kind.adapter:
        add_adapters(folder / "model", ("search",))
    return folder / "model"


def _build_trunk(kind: Kind, folder: Path, seed: int) -> tuple[list[torch.nn.Module], int]:
    """The modules that turn texts into vectors, and how long these are."""
    if kind.network == "static":
        return [StaticEmbedding(_build_tokenizer(kind), embedding_dim=HIDDEN)], HIDDEN
    modes = kind.pooling.split("+")
    pooling = Pooling(HIDDEN, tuple(modes) if len(modes) > 1 else kind.pooling)
    pooling.include_prompt = kind.prompt == "prompt pooled"
    width = HIDDEN * len(modes)
    if not kind.router:
        return [_build_transformer(kind, folder / "0", seed), pooling], width
    limits = {"query": LIMIT, "document": LIMIT + 6 if kind.router == "router of two limits" else LIMIT}
    routes = {
        name: [_build_transformer(kind, folder / name, seed + number, limit), pooling]
        for number, (name, limit) in enumerate(limits.items())
    }
    default = "document" if kind.router == "router by default to documents" else None
    return [Router(routes, default_route=default)], width


def _build_transformer(kind: Kind, folder: Path, seed: int, limit: int = LIMIT) -> Transformer:
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "vocab_size": len(PIECES),
        "hidden_size": HIDDEN,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 48,
        "initializer_range": 0.6,
    }
    # Two networks whose tokenizers are loaded as they were saved, and whose positions do not count padding.
    network: Any
    if kind.network == "encoder":
        network = XLMRobertaXLModel(XLMRobertaXLConfig(pad_token_id=0, **sizes))
    else:
        network = GraniteModel(GraniteConfig(num_key_value_heads=1, **sizes))
    network.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=_build_tokenizer(kind),
        **dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), SPECIAL, strict=True)),
        padding_side=kind.padding.removeprefix("pads "),
        truncation_side=kind.truncation.removeprefix("cuts "),
        model_max_length=limit,
    )
    tokenizer.save_pretrained(folder)
    transformer: Transformer = Transformer(str(folder))
    return transformer


def _build_tokenizer(kind: Kind) -> Tokenizer:
    """Whole words; an encoder's texts begin with a token of their own, and all end with one where they do."""
    numbers = {piece: number for number, piece in enumerate(PIECES)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    begin, end = "[CLS] " if kind.network == "encoder" else "", " [SEP]" if kind.end == "eos" else ""
    if begin or end:
        special = [(token, numbers[token]) for token in ("[CLS]", "[SEP]")]
        tokenizer.post_processor = processors.TemplateProcessing(single=f"{begin}$A{end}", special_tokens=special)
    return tokenizer
