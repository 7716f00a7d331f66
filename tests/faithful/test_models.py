"""Every kind of model, vector by vector and score by score, against the libraries doing the same thing directly.

One row is one kind: how its folder is made. A new kind is one row more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from prefixbench.encode.cached import CachedEmbedder
from prefixbench.encode.load import load_embedder
from prefixbench.score import MtebEncoder, TextPart, score_cell
from prefixbench.spec.conditions import Role, Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import Vectors
from sentence_transformers import SentenceTransformer

from tests.score_tasks import make_similarity
from tests.tiny_models import TEXTS, make_model

PREFIXES = ("", "query: ", "the dog ran:")
SETTINGS = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=256)
ASKED = [*TEXTS, "", "the mat " * 40]


def make_pooled(folder: Path, mode: str, **changes: Any) -> Path:
    return make_model(folder, pooling=mode, **changes)


KINDS: dict[str, Callable[[Path], Path]] = {
    **{
        f"pooling {mode}": lambda folder, mode=mode: make_pooled(folder, mode)  # type: ignore[misc]
        for mode in ("mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean")
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_and_scores_are_those_of_the_libraries(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind](tmp_path)
    embedder = load_embedder(ModelSpec(name="org/tiny"), SETTINGS, folder, cache=tmp_path / "cache")
    library = SentenceTransformer(str(folder), device="cpu")
    cached = CachedEmbedder(embedder, VectorStore.open(tmp_path / "vectors"))
    known = embedder.known
    roles = (None, Role.QUERY, Role.DOCUMENT) if known.is_role_aware else (None,)
    for prefix in PREFIXES:
        for role in roles:
            route = {} if role is None else {"task": role.value}
            expected: Vectors = library.encode(ASKED, prompt=prefix, show_progress_bar=False, **route)  # type: ignore[call-overload]
            side = known.sent_side(Side(prefix), role)
            np.testing.assert_allclose(cached.embed(ASKED, side), expected, atol=2e-6)

        def embed(part: TextPart, prefix: str = prefix) -> Vectors:
            return cached.embed(part.texts, known.sent_side(Side(prefix), part.role))

        ours = score_cell(
            make_similarity("cosine_spearman"),
            MtebEncoder(embed, "org/tiny", similarity_fn_name=known.similarity),
            "test",
            "default",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wrapped = SentenceTransformerEncoderWrapper(library, model_prompts={"STS": prefix})
            theirs = mteb.evaluate(wrapped, make_similarity("cosine_spearman"), cache=None, co2_tracker=False)
        scores = theirs.task_results[0].scores["test"][0]
        for name, value in ours.scores.items():
            assert value == pytest.approx(scores[name], abs=1e-5), (prefix, name)
