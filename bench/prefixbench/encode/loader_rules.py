"""What loaders add to a model beyond its own files: limits, padding, closing tokens, post-processing.

The table follows the loaders of the mteb version this project is pinned to, so that scores equal the leaderboard's; a
test compares it with mteb's registry.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import torch


@dataclass(frozen=True, slots=True)
class LoaderRule:
    """What is set on the models whose names match.

    Attributes:
        max_seq_length: Tokens read, unless the user says otherwise.
        padding_side: Where short texts are padded.
        add_eos_token: Whether the tokenizer closes each text with its end token.
        add_bos_token: Whether it opens each text with its start token.
        pad_token: The token short texts are padded with.
        include_prompt: Whether pooling averages the prefix's tokens in.
        truncate_dim: Leading dimensions kept of each vector.
        finish: Name of the post-processing in ``FINISHES``.
    """

    max_seq_length: int | None = None
    padding_side: Literal["left", "right"] | None = None
    add_eos_token: bool = False
    add_bos_token: bool | None = None
    pad_token: str | None = None
    include_prompt: bool = True
    truncate_dim: int | None = None
    finish: str | None = None

    @property
    def tokenizer_options(self) -> dict[str, str | bool | int]:
        """What the tokenizer is built with."""
        options: dict[str, str | bool | int | None] = {
            "padding_side": self.padding_side,
            "add_eos_token": self.add_eos_token or None,
            "add_bos_token": self.add_bos_token,
            "pad_token": self.pad_token,
            "model_max_length": self.max_seq_length,
        }
        return {name: value for name, value in options.items() if value is not None}


RULES: tuple[tuple[str, LoaderRule], ...] = (
    ("nomic-ai/nomic-embed-text-v1.5", LoaderRule(finish="layer_norm")),
    ("GritLM/GritLM-*", LoaderRule(include_prompt=False)),
    ("intfloat/e5-mistral-7b-instruct", LoaderRule(add_eos_token=True, add_bos_token=True)),
    ("BeastyZ/e5-R-mistral-7b", LoaderRule(pad_token="</s>")),  # noqa: S106 - a token of text, no secret
    ("Alibaba-NLP/gte-Qwen*-instruct", LoaderRule(add_eos_token=True)),
    ("codefuse-ai/F2LLM-*", LoaderRule(add_eos_token=True, max_seq_length=8192)),
    ("codefuse-ai/C2LLM-*", LoaderRule(max_seq_length=2048, padding_side="left")),
    ("HIT-TMG/KaLM-embedding-multilingual-mini-instruct-*", LoaderRule(max_seq_length=512)),
    ("KaLM-Embedding/KaLM-embedding-multilingual-mini-instruct-*", LoaderRule(max_seq_length=512)),
    ("tencent/KaLM-Embedding-Gemma3-*", LoaderRule(max_seq_length=512)),
    ("tencent/Youtu-Embedding", LoaderRule(max_seq_length=8192)),
    ("Octen/Octen-Embedding-*-INT8", LoaderRule(max_seq_length=18480, truncate_dim=1024)),
    ("Octen/Octen-Embedding-*", LoaderRule(max_seq_length=18480)),
    ("bflhc/MoD-Embedding", LoaderRule(max_seq_length=18480)),
    ("litillabs/litil-embed-0.6b", LoaderRule(max_seq_length=18480)),
    ("papr-ai/papr-embed-code-*", LoaderRule(max_seq_length=8192)),
    ("sbintuitions/sarashina-embedding-v2-1b", LoaderRule(max_seq_length=8192)),
    ("ai-sage/Giga-Embeddings-instruct", LoaderRule(max_seq_length=4096)),
    ("ai-sage/Giga-Embeddings-instruct-*", LoaderRule(max_seq_length=8192)),
    ("llamaindex/vdr-2b-multi-v1", LoaderRule(max_seq_length=32768)),
    ("petegordon/olmo3-embed-7b", LoaderRule(max_seq_length=512)),
    ("infgrad/Jasper-Token-Compression-600M", LoaderRule(max_seq_length=1024, padding_side="left")),
    ("Singaraj/sante-embed", LoaderRule(add_eos_token=True, max_seq_length=512)),
    ("malteos/most-embed-de", LoaderRule(max_seq_length=4096)),
    ("nvidia/Nemotron-3-Embed-*", LoaderRule(max_seq_length=4096)),
    ("nvidia/NV-Embed-*", LoaderRule(max_seq_length=32768, padding_side="right", add_eos_token=True)),
)
"""The first pattern that a model's name fits decides; every other model is left as its files say."""


ORIGINS = (
    ("config.json", r'"_name_or_path":\s*"([^"]+)"'),
    ("README.md", r"(?m)^(?:base_model|model-index|- name):\s*(\S+/\S+)"),
)
"""Where a copy of a model still says what it was."""


def find_rule(name: str) -> LoaderRule:
    """The rule of a model, by its hub name."""
    return next((rule for pattern, rule in RULES if fnmatch.fnmatchcase(name, pattern)), LoaderRule())


def describe_origin(folder: Path, name: str) -> tuple[str, ...]:
    """A note where a model's files say that they are a copy of one whose loader adds something, under another name."""
    if find_rule(name) != LoaderRule():
        return ()
    for file, pattern in ORIGINS:
        try:
            text = (folder / file).read_text(encoding="utf-8", errors="replace") if (folder / file).is_file() else ""
        except OSError:
            continue
        for origin in re.findall(pattern, text):
            if find_rule(origin) != LoaderRule():
                added = [f.name for f in fields(LoaderRule) if getattr(find_rule(origin), f.name) != f.default]
                return (
                    f"The files come from {origin} ({file}), for which mteb's loader sets {', '.join(added)}; "
                    f"under the name {name} nothing of it is set.",
                )
    return ()


def layer_norm(vectors: torch.Tensor) -> torch.Tensor:
    """Layer norm without weights, then unit length, shape ``(n_texts, dim)``; see nomic-embed-text-v1.5's card."""
    normed = torch.nn.functional.layer_norm(vectors, normalized_shape=(vectors.shape[1],))
    return torch.nn.functional.normalize(normed, p=2, dim=1)


FINISHES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"layer_norm": layer_norm}
