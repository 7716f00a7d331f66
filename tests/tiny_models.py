"""Tiny sentence-transformers models with random weights, saved to a folder as real ones are."""

from __future__ import annotations

import string
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from prefixbench.encode.cached import CachedEmbedder
from prefixbench.spec.conditions import Role, Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import Embedder, RoleAudit, Vectors
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding

WORDS = ("query", "passage", "search", "document", "the", "cat", "sat", "on", "mat", "dog", "ran", "far", "away", ":")

SPARE_IDS = 16
"""Room for special tokens that a tokenizer class adds when it is loaded anew."""

TEXTS = [
    "the cat sat on the mat",
    "a dog ran far away",
    "x",
    "mat",
    "the dog sat on the cat and the cat ran away from the dog, far far away: " * 3,
    "Zebra!",
]


def make_transformer(folder: Path, seed: int = 0, max_length: int = 48, kind: str = "bert") -> Transformer:
    """Two layers of 32 dimensions: a ``bert`` with word pieces, or, with single letters, a ``decoder`` or a ``gemma``.

    A ``gemma`` sees both ways and, in its first layer, only seven tokens around each.
    """
    from transformers import (
        BertConfig,
        BertModel,
        BertTokenizer,
        Gemma3TextConfig,
        Gemma3TextModel,
        LlamaTokenizer,
        Qwen2Config,
        Qwen2Model,
    )

    folder.mkdir(parents=True)
    letters = string.ascii_letters + string.digits + string.punctuation
    tokenizer: Any
    if kind == "bert":
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters, *(f"##{one}" for one in letters)]
        vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
        tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=max_length)
    else:
        vocabulary = {piece: index for index, piece in enumerate(["<unk>", "<s>", "</s>", "▁", *letters])}
        tokenizer = LlamaTokenizer(vocab=vocabulary, merges=[], model_max_length=8 * max_length, pad_token="</s>")
    torch.manual_seed(seed)
    model: Any
    if kind == "bert":
        model = BertModel(
            BertConfig(
                vocab_size=len(vocabulary) + SPARE_IDS,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=64,
                max_position_embeddings=64,
                initializer_range=0.5,
            )
        )
    elif kind == "gemma":
        model = Gemma3TextModel(
            Gemma3TextConfig(
                vocab_size=len(vocabulary),
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=16,
                intermediate_size=64,
                max_position_embeddings=8 * max_length,
                sliding_window=6,
                layer_types=["sliding_attention", "full_attention"],
                use_bidirectional_attention=True,
                pad_token_id=vocabulary["</s>"],
            )
        )
    else:
        model = Qwen2Model(
            Qwen2Config(
                vocab_size=len(vocabulary) + SPARE_IDS,
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                intermediate_size=64,
                initializer_range=0.2,
            )
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformer: Transformer = Transformer(str(folder))
    return transformer


def make_model(
    folder: Path,
    *,
    pooling: str = "mean",
    include_prompt: bool = True,
    normalize: bool = True,
    prompts: dict[str, str] | None = None,
    default_prompt_name: str | None = None,
    kind: str = "bert",
    seed: int = 0,
) -> Path:
    """A model saved to ``folder/model``; the folder is returned."""
    transformer = make_transformer(folder / "parts", seed, kind=kind)
    modules: list[torch.nn.Module] = [transformer, Pooling(32, pooling, include_prompt=include_prompt)]
    modules += [Normalize()] if normalize else []
    model = SentenceTransformer(modules=modules, prompts=prompts, default_prompt_name=default_prompt_name, device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def make_router(folder: Path) -> Path:
    """A model with one network for queries and another for documents."""
    sides = {}
    for seed, name in enumerate(("query", "document")):
        sides[name] = [make_transformer(folder / name, seed), Pooling(32, "mean")]
    router = Router.for_query_document(query_modules=sides["query"], document_modules=sides["document"])
    SentenceTransformer(modules=[router, Normalize()], device="cpu").save(
        str(folder / "model"), create_model_card=False
    )
    return folder / "model"


def make_static(folder: Path) -> Path:
    """A model that only averages word vectors."""
    from tokenizers import Tokenizer

    make_transformer(folder / "parts")
    tokenizer = Tokenizer.from_file(str(folder / "parts" / "tokenizer.json"))
    torch.manual_seed(0)
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=16)], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def add_adapters(model_folder: Path, names: tuple[str, ...]) -> None:
    """Save LoRA adapters with random weights into ``adapters/NAME`` of a model's folder."""
    from peft import LoraConfig, get_peft_model

    for seed, name in enumerate(names):
        base = SentenceTransformer(str(model_folder), device="cpu").transformers_model
        torch.manual_seed(100 + seed)
        config = LoraConfig(r=4, target_modules=["query", "value"], init_lora_weights=False)
        with warnings.catch_warnings():
            # peft still reads transformers' deprecated is_gradient_checkpointing.
            warnings.simplefilter("ignore", FutureWarning)
            adapted = get_peft_model(base, config)  # type: ignore[arg-type]
        adapted.save_pretrained(str(model_folder / "adapters" / name))


def embed_texts(embedder: Embedder, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
    """Read and embed in one go."""
    return embedder.embed(embedder.read(texts, side, titles))


def audit_texts(
    embedder: Embedder,
    texts: Sequence[str],
    side: Side,
    titles: Sequence[str] | None = None,
    role: Role | None = None,
) -> RoleAudit:
    """Audit texts over a store of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return CachedEmbedder(embedder, VectorStore.open(Path(folder))).audit(texts, side, titles, role=role)
