"""What holds for the statistics whatever the scores are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.items.table import ItemTable, Statistic

from tests.fake_runs import FakeRun, make_table

FEW = AnalysisSettings(n_resamples=199)
STATISTICS = st.sampled_from([Statistic.MEAN, Statistic.SPEARMAN, Statistic.AVERAGE_PRECISION])


@dataclass(frozen=True)
class Pair:
    """Two conditions scored on the same items."""

    statistic: Statistic
    none: NDArray[np.float64]
    correct: NDArray[np.float64]
    target: NDArray[np.float64]
    group: NDArray[np.int64]

    def compare(self, *, order: NDArray[np.int64] | None = None, **swaps: str) -> dict[str, Any]:
        """The row of ``correct-none``; ``order`` permutes the rows of the tables."""
        run = FakeRun()
        for name in ("none", "correct"):
            run.add(name, self.make(getattr(self, swaps.get(name, name)), order))
        frame = analyse(run, FEW).contrasts
        assert len(frame) == 1
        return dict(frame.iloc[0])

    def make(self, scores: NDArray[np.float64], order: NDArray[np.int64] | None) -> ItemTable:
        rows = np.arange(len(scores)) if order is None else order
        kept = None if self.statistic is Statistic.MEAN else scores
        table = make_table(scores, self.statistic, prediction=kept, target=self.target, group=self.group)
        columns = {
            name: getattr(table, name)[rows]
            for name in ("item_id", "group_id", "replicate", "value", "prediction", "target")
            if getattr(table, name) is not None
        }
        return ItemTable(self.statistic, **columns)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Scores that differ, with ties, in clusters or alone, of any statistic."""
    statistic = draw(STATISTICS)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n = draw(st.integers(24, 60))
    decimals = draw(st.integers(1, 6))
    shared = rng.normal(size=n)
    none, correct = (np.round(shared + 0.5 * rng.normal(size=n), decimals) for _ in range(2))
    target = (shared > 0).astype(np.float64) if statistic is Statistic.AVERAGE_PRECISION else np.round(shared, 1)
    assume(3 <= np.count_nonzero(target > 0) <= n - 3)
    group = np.arange(n) // draw(st.sampled_from([1, 2]))
    return Pair(statistic, none, correct, target, group)


@settings(max_examples=15, deadline=None)
@given(pairs())
def test_the_reverse_contrast_is_the_negative(pair: Pair) -> None:
    row, reverse = pair.compare(), pair.compare(none="correct", correct="none")
    assert reverse["delta_points"] == pytest.approx(-row["delta_points"], abs=1e-9)
    assert reverse["ci_low"] == pytest.approx(-row["ci_high"], abs=1e-6)
    assert reverse["ci_high"] == pytest.approx(-row["ci_low"], abs=1e-6)
    assert (reverse["share_better"], reverse["share_worse"]) == (row["share_worse"], row["share_better"])
    opposite = {"helps": "hurts", "hurts": "helps"}
    assert reverse["verdict"] == opposite.get(row["verdict"], row["verdict"])


@settings(max_examples=12, deadline=None)
@given(pairs(), st.integers(0, 1_000))
def test_the_order_of_items_changes_nothing(pair: Pair, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(pair.target))
    row, shuffled = pair.compare(), pair.compare(order=order)
    for column in ("delta_points", "ci_low", "ci_high", "share_better", "share_worse"):
        assert shuffled[column] == pytest.approx(row[column], abs=1e-9), column


@settings(max_examples=12, deadline=None)
@given(pairs(), st.sampled_from([-1.0, 0.0, 4.0]))
def test_the_level_of_all_scores_does_not_matter(pair: Pair, level: float) -> None:
    row = pair.compare()
    other = Pair(pair.statistic, pair.none + level, pair.correct + level, pair.target, pair.group).compare()
    for column in ("delta_points", "ci_low", "ci_high", "standard_error"):
        assert other[column] == pytest.approx(row[column], rel=1e-6, abs=1e-6), column


@settings(max_examples=12, deadline=None)
@given(pairs())
def test_equal_scores_differ_by_nothing_with_certainty_of_nothing(pair: Pair) -> None:
    row = pair.compare(correct="none")
    assert (row["delta_points"], row["ci_low"], row["ci_high"]) == (0.0, 0.0, 0.0)
    assert row["ci_low_cautious"] < 0 < row["ci_high_cautious"]
    assert row["share_same"] == 1.0
    assert row["verdict"] == "described"


@settings(max_examples=15, deadline=None)
@given(pairs())
def test_what_is_stated_of_one_contrast_fits_together(pair: Pair) -> None:
    row = pair.compare()
    assert row["ci_low"] <= row["delta_points"] <= row["ci_high"]
    assert row["ci_low_adjusted"] <= row["ci_low_cautious"] <= row["ci_low"]
    assert row["ci_high"] <= row["ci_high_cautious"] <= row["ci_high_adjusted"]
    assert row["share_better"] + row["share_worse"] + row["share_same"] == pytest.approx(1)
    assert row["delta_points"] == pytest.approx(100 * (row["score"] - row["baseline_score"]))
    assert row["reason"] == f"{row['n_units']} independent units, fewer than 100"
