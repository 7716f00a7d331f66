"""Batches: every text once, within budget, little padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.encode.batching import cut_batches


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
    computed = sum(int(lengths[batch].max()) * len(batch) for batch in cut_batches(lengths, 2048))
    assert 0.95 < lengths.sum() / computed < 1


def test_no_texts_make_no_batches() -> None:
    assert cut_batches(np.array([], dtype=np.int64), 2048) == []
