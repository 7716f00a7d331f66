"""An encoder without a model, and mteb's own scores of it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import mteb
import numpy as np
from mteb.abstasks import AbsTask
from prefixbench.score import MtebEncoder, TextPart
from prefixbench.spec.conditions import Role
from prefixbench.vectors.embedder import Vectors

WORDS = ["river", "stone", "cloud", "market", "engine", "garden", "window", "letter", "music", "silver"]
WORDS += ["winter", "harbour", "doctor", "paper", "bridge", "field"]


@cache
def draw_vector(key: str, dim: int = 24) -> Any:
    """A vector that depends on the key alone."""
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(dim)


class WordEmbed:
    """Texts are near where they share words; whole texts, roles and titles add a little of their own.

    Attributes:
        asked: Every request: role, texts, titles.
    """

    def __init__(self, prefix: str = "", title_slot: bool = False) -> None:
        self.prefix = prefix
        self.title_slot = title_slot
        self.asked: list[tuple[Role | None, Sequence[str], Sequence[str] | None]] = []

    def __call__(self, part: TextPart) -> Vectors:
        role = part.role
        texts, titles = part.request(self.title_slot)
        self.asked.append((role, texts, titles))
        vectors = []
        for place, text in enumerate(texts):
            title = titles[place] if titles is not None else ""
            words = sum((draw_vector(word) for word in f"{title} {text}".lower().split()), np.zeros(24))
            vectors.append(words + 0.3 * draw_vector(f"{self.prefix}|{role}|{title}|{text}"))
        return np.array(vectors, dtype=np.float32).reshape(len(texts), 24)


def make_encoder(prefix: str = "", **options: Any) -> MtebEncoder:
    """An encoder over `WordEmbed`."""
    return MtebEncoder(WordEmbed(prefix), "org/words", "r1", {"prefix": prefix}, **options)


class PlainEncoder:
    """The same vectors behind the encoder protocol alone, so that mteb searches by itself."""

    def __init__(self, encoder: MtebEncoder) -> None:
        self.encode = encoder.encode
        self.similarity = encoder.similarity
        self.similarity_pairwise = encoder.similarity_pairwise
        self.mteb_model_meta = encoder.mteb_model_meta


def evaluate_plainly(
    task: AbsTask, encoder: MtebEncoder, hf_split: str, hf_subset: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """mteb's scores and prediction file of one split and subset, by ``mteb.evaluate`` and nothing of ours."""
    task.hf_subsets = [hf_subset]
    task.filter_eval_splits([hf_split])
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what mteb warns of by itself is not ours to answer for
        result = mteb.evaluate(
            PlainEncoder(encoder),  # type: ignore[arg-type]
            task,
            cache=None,
            co2_tracker=False,
            show_progress_bar=False,
            prediction_folder=folder,
        )
        files = list(Path(folder).glob("*.json"))
        predictions = json.loads(files[0].read_text()) if files else {}
    return dict(result.task_results[0].scores[hf_split][0]), predictions


def draw_texts(n_texts: int, seed: int, n_words: int = 5) -> list[str]:
    """Sentences of a few common words."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, n_words)) for _ in range(n_texts)]
