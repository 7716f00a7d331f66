"""Exact search in blocks against mteb's own, and against one look at the whole corpus."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from mteb.models import SearchEncoderWrapper
from numpy.typing import NDArray
from prefixbench.score import MtebEncoder, TextPart
from prefixbench.score import search as search_module
from prefixbench.spec.conditions import Role
from prefixbench.vectors.embedder import Vectors

from tests.score_fakes import PlainEncoder
from tests.score_tasks import make_retrieval

TASK = make_retrieval()


class NumberedVectors:
    """Texts that are numbers are rows of arrays; ``similarity`` is then a dot product."""

    def __init__(self, queries: NDArray[np.float32], documents: NDArray[np.float32]) -> None:
        self.arrays = {Role.QUERY: queries, Role.DOCUMENT: documents}

    def __call__(self, part: TextPart) -> Vectors:
        assert part.role is not None
        return self.arrays[part.role][[int(text) for text in part.texts]]

    def rank(self, searcher: Any, top_k: int) -> dict[str, list[tuple[str, float]]]:
        """Each query's documents and scores, in the order of the dictionary."""
        places = {"task_metadata": TASK.metadata, "hf_split": "test", "hf_subset": "default", "num_proc": None}
        options = {"batch_size": 512, "show_progress_bar": False}
        sets = {
            role: Dataset.from_dict(
                {"id": [f"x{row}" for row in range(len(array))], "text": list(map(str, range(len(array))))}
            )
            for role, array in self.arrays.items()
        }
        searcher.index(sets[Role.DOCUMENT], encode_kwargs=options, **places)
        found = searcher.search(sets[Role.QUERY], top_k=top_k, encode_kwargs=options, **places)
        return {query: list(scores.items()) for query, scores in found.items()}


def make_vectors(seed: int, n_documents: int, coarseness: int) -> NumberedVectors:
    """Random vectors: of small whole numbers, so that every sum is exact and many documents tie, or of any."""
    rng = np.random.default_rng(seed)
    if coarseness:
        queries, documents = (rng.integers(-coarseness, coarseness + 1, (n, 6)) for n in (3, n_documents))
        return NumberedVectors(queries.astype(np.float32), documents.astype(np.float32))
    return NumberedVectors(*(rng.standard_normal((n, 6)).astype(np.float32) for n in (3, n_documents)))


SEEDS = st.integers(0, 2**32 - 1)
MANY = st.integers(1_001, 2_500)


@settings(max_examples=12, deadline=None)
@given(SEEDS, MANY, st.integers(90, 1_500), st.sampled_from([0, 1, 4]), st.sampled_from([10, 1000]))
def test_blocks_of_any_size_give_what_mteb_gives_in_them(
    seed: int, n_documents: int, block: int, coarseness: int, top_k: int
) -> None:
    vectors = make_vectors(seed, n_documents, coarseness)
    encoder = MtebEncoder(vectors, "org/numbers", similarity_fn_name="dot")
    mtebs = SearchEncoderWrapper(PlainEncoder(encoder), corpus_chunk_size=block)  # type: ignore[arg-type]
    with patch.object(search_module, "CORPUS_CHUNK", block):
        assert vectors.rank(encoder, top_k) == vectors.rank(mtebs, top_k)


@settings(max_examples=12, deadline=None)
@given(SEEDS, MANY, st.integers(90, 1_500), st.sampled_from([1, 4, 50]), st.sampled_from([10, 1000]))
def test_blocks_find_what_one_look_at_the_whole_finds(
    seed: int, n_documents: int, block: int, coarseness: int, top_k: int
) -> None:
    vectors = make_vectors(seed, n_documents, coarseness)
    encoder = MtebEncoder(vectors, "org/numbers", similarity_fn_name="dot")
    with patch.object(search_module, "CORPUS_CHUNK", block):
        found = vectors.rank(encoder, top_k)
    products = vectors.arrays[Role.QUERY] @ vectors.arrays[Role.DOCUMENT].T
    for own, (query, ranking) in zip(products, found.items(), strict=True):
        best = np.sort(own)[::-1][:top_k]
        assert sorted((score for _, score in ranking), reverse=True) == best.tolist(), query
        assert all(own[int(name[1:])] == score for name, score in ranking)
        # All that score more than the last are there; of those that tie with it, as many as there is room for.
        assert {f"x{row}" for row in np.flatnonzero(own > best[-1])} <= {name for name, _ in ranking}
