"""Rank-biased overlap against its definition, which shares no code with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from prefixbench.analysis.rank_overlap import PERSISTENCE, overlap_rankings

RANKINGS = st.lists(st.integers(0, 30), unique=True, max_size=20)


def pad(rankings: list[list[int]]) -> NDArray[np.int64]:
    """Rows of one length; −1 where a ranking has ended."""
    depth = max(map(len, rankings))
    return np.array([[*own, *[-1] * (depth - len(own))] for own in rankings], dtype=np.int64).reshape(len(rankings), -1)


def overlap(first: list[int], second: list[int], persistence: float = PERSISTENCE) -> float:
    return float(overlap_rankings(pad([first]), pad([second]), persistence)[0])


def follow_definition(first: list[int], second: list[int], p: float) -> float:
    """Webber, Moffat and Zobel 2010, equation 32, term by term."""
    short, long = sorted((first, second), key=len)
    s, n = len(short), len(long)
    agreed = [len({*short[:depth]} & {*long[:depth]}) for depth in range(n + 1)]
    seen = sum(agreed[depth] / depth * p**depth for depth in range(1, n + 1))
    grown = sum(agreed[s] * (depth - s) / (s * depth) * p**depth for depth in range(s + 1, n + 1))
    return (1 - p) / p * (seen + grown) + ((agreed[n] - agreed[s]) / n + agreed[s] / s) * p**n


@settings(max_examples=200)
@given(st.lists(st.tuples(RANKINGS, RANKINGS), min_size=1, max_size=6), st.floats(0.05, 0.99))
def test_every_row_is_the_definition(pairs: list[tuple[list[int], list[int]]], p: float) -> None:
    found = overlap_rankings(pad([one for one, _ in pairs]), pad([other for _, other in pairs]), p)
    for (one, other), value in zip(pairs, found, strict=True):
        assert 0 <= value <= 1
        if one and other:
            assert value == pytest.approx(follow_definition(one, other, p), abs=1e-12)
        else:
            assert value == (one == other)


@given(RANKINGS, RANKINGS)
def test_it_is_symmetric_and_knows_no_names(one: list[int], other: list[int]) -> None:
    assert overlap(one, other) == pytest.approx(overlap(other, one), abs=1e-12)
    renamed, other_renamed = ([1000 - name for name in own] for own in (one, other))
    assert overlap(renamed, other_renamed) == pytest.approx(overlap(one, other), abs=1e-12)


@given(RANKINGS.filter(bool))
def test_the_same_is_one_and_nothing_shared_is_zero(ranking: list[int]) -> None:
    assert overlap(ranking, ranking) == pytest.approx(1)
    assert overlap(ranking, [name + 100 for name in ranking]) == 0


@given(RANKINGS.filter(lambda own: len(own) > 2), st.data())
def test_an_exchange_further_up_costs_more(ranking: list[int], data: st.DataObject) -> None:
    low = data.draw(st.integers(1, len(ranking) - 2))
    high = data.draw(st.integers(0, low - 1))

    def exchange(place: int) -> list[int]:
        return [*ranking[:place], ranking[place + 1], ranking[place], *ranking[place + 2 :]]

    assert overlap(ranking, exchange(high)) < overlap(ranking, exchange(low)) < 1


@pytest.mark.parametrize(("p", "depth", "weight"), [(0.9, 10, 0.86), (0.98, 50, 0.85)])
def test_the_first_ranks_carry_the_weight_that_the_paper_gives_them(p: float, depth: int, weight: float) -> None:
    """Webber and others, section 4.3: the first ten ranks carry 86% at a persistence of 0.9."""
    n = 2_000
    one = list(range(n))
    other = [*range(depth), *range(n, 2 * n - depth)]
    found = overlap(one, other, p)
    assert found == pytest.approx(weight, abs=0.005)
    tail = math.log(1 / (1 - p)) - sum(p**i / i for i in range(1, depth + 1))
    assert found == pytest.approx(1 - p**depth + depth * (1 - p) / p * tail, abs=1e-9)  # equation 21
