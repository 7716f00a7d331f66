"""Batches: every text once, within budget, little padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.encode.batching import PaddingCount, cut_batches
from prefixbench.encode.stream import work_ahead


@given(
    lengths=st.lists(st.integers(1, 600), min_size=1, max_size=200),
    budget=st.integers(64, 4096),
    n_groups=st.integers(1, 4),
)
def test_every_text_is_in_one_batch_within_the_budget(lengths: list[int], budget: int, n_groups: int) -> None:
    array = np.array(lengths)
    groups = np.arange(len(array)) % n_groups
    batches = cut_batches(array, budget, groups)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or array[batch].max() * len(batch) <= budget
        assert len(set(groups[batch])) == 1
        assert (np.diff(array[batch]) <= 0).all()


@pytest.mark.parametrize("spread", [0.3, 1.0, 1.5])
def test_padding_stays_under_five_percent_of_tokens(spread: float) -> None:
    rng = np.random.default_rng(7)
    lengths = np.clip(rng.lognormal(3, spread, 2000), 3, 256).astype(np.int64)
    padding = PaddingCount()
    for batch in cut_batches(lengths, 2048):
        padding = padding.plus(lengths[batch])
    assert padding.tokens == lengths.sum()
    assert 0 < padding.waste < 0.05


def test_no_texts_make_no_batches() -> None:
    assert cut_batches(np.array([], dtype=np.int64), 2048) == []
    assert PaddingCount().waste == 0


def test_the_next_job_is_made_while_the_caller_works_on_this_one() -> None:
    made: list[int] = []

    def make(job: int) -> int:
        made.append(job)
        return job * 10

    results = []
    for job, result in work_ahead(make, [1, 2, 3]):
        results.append((job, result))
    assert results == [(1, 10), (2, 20), (3, 30)]
    assert made == [1, 2, 3]
    assert list(work_ahead(make, [])) == []
