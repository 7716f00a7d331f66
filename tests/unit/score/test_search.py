from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mteb.models import SearchEncoderWrapper
from prefixbench.errors import ScoreError
from prefixbench.score import search as search_module

from tests.score_fakes import PlainEncoder, make_encoder
from tests.score_tasks import make_reranking, make_retrieval


def rank(searcher: Any, task: Any, top_k: int) -> dict[str, list[tuple[str, float]]]:
    data = task.dataset["default"]["test"]
    places = {"task_metadata": task.metadata, "hf_split": "test", "hf_subset": "default", "num_proc": None}
    options = {"batch_size": 32, "show_progress_bar": False}
    searcher.index(data["corpus"], encode_kwargs=options, **places)
    ranking = searcher.search(
        data["queries"], top_k=top_k, top_ranked=data["top_ranked"], encode_kwargs=options, **places
    )
    return {query: list(scores.items()) for query, scores in ranking.items()}


@pytest.mark.parametrize("top_k", [1, 3, 11, 59, 60, 1000])
@pytest.mark.parametrize("chunk", [7, 60])
def test_rankings_are_mtebs_to_the_order_of_ties(top_k: int, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "CORPUS_CHUNK", chunk)
    encoder = make_encoder()
    reference = SearchEncoderWrapper(PlainEncoder(encoder), corpus_chunk_size=chunk)  # type: ignore[arg-type]
    task = make_retrieval()
    ours = rank(encoder, task, top_k)
    assert ours == rank(reference, task, top_k)
    assert all(len(scores) == min(top_k, 60) for scores in ours.values())


def test_documents_do_tie_in_these_rankings() -> None:
    ranking = rank(make_encoder(), make_retrieval(), 60)
    assert all(len({score for _, score in scores}) <= 50 for scores in ranking.values())


@pytest.mark.parametrize("top_k", [3, 1000])
def test_rerankings_are_mtebs(top_k: int) -> None:
    encoder = make_encoder()
    task = make_reranking()
    reference = rank(SearchEncoderWrapper(PlainEncoder(encoder)), task, top_k)  # type: ignore[arg-type]
    assert rank(encoder, task, top_k) == reference
    assert reference["x9"] == []


def test_distinct_falling_scores_end_in_a_fixed_arrangement() -> None:
    rng = np.random.default_rng(0)
    scores = np.sort(rng.random(50).astype(np.float32))[::-1]
    ids = np.array([f"d{place}" for place in range(50)], dtype=object)
    fast = search_module._merge([], scores, ids, 20)
    slow: list[tuple[float, str]] = []
    tied = np.concatenate([scores, scores[-1:]])  # a tie at the end sends every push through the heap
    slow = search_module._merge(slow, tied, np.append(ids, "last"), 20)
    assert fast == slow


def test_searching_before_indexing_is_refused() -> None:
    task = make_retrieval()
    assert task.dataset is not None
    with pytest.raises(ScoreError, match=r"^a corpus must be indexed before it is searched\.$"):
        make_encoder().search(
            task.dataset["default"]["test"]["queries"],
            task_metadata=task.metadata,
            hf_split="test",
            hf_subset="default",
            top_k=3,
        )
