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
from prefixbench.analysis.pooling import pool_rows
from prefixbench.analysis.verdicts import Verdict, correct_for_multiplicity, decide_verdict
from prefixbench.items.table import ItemTable, Statistic

from tests.fake_runs import FakeRun, make_table

FEW = AnalysisSettings(n_resamples=199, mixed_models=False)
STATISTICS = st.sampled_from([Statistic.MEAN, Statistic.SPEARMAN, Statistic.AVERAGE_PRECISION])
POINTS = st.floats(-20, 20, allow_nan=False).map(lambda value: round(value, 3))
P_VALUES = st.floats(0.0001, 1, allow_nan=False)


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
    assert reverse["p_value"] == pytest.approx(row["p_value"])
    assert reverse["mde"] == pytest.approx(row["mde"])
    assert (reverse["share_better"], reverse["share_worse"]) == (row["share_worse"], row["share_better"])
    opposite = {"helps": "hurts", "hurts": "helps"}
    assert reverse["verdict"] == opposite.get(row["verdict"], row["verdict"])


@settings(max_examples=12, deadline=None)
@given(pairs(), st.integers(0, 1_000))
def test_the_order_of_items_changes_nothing(pair: Pair, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(pair.target))
    row, shuffled = pair.compare(), pair.compare(order=order)
    for column in ("delta_points", "ci_low", "ci_high", "p_value", "mde", "share_better", "share_worse"):
        assert shuffled[column] == pytest.approx(row[column], abs=1e-9), column


@settings(max_examples=12, deadline=None)
@given(pairs(), st.sampled_from([0.25, 0.5, 2.0, 8.0]), st.sampled_from([-1.0, 0.0, 4.0]))
def test_scale_and_level_of_all_scores_do_as_they_should(pair: Pair, scale: float, level: float) -> None:
    row = pair.compare()
    moved = Pair(pair.statistic, pair.none * scale + level, pair.correct * scale + level, pair.target, pair.group)
    other, factor = moved.compare(), scale if pair.statistic is Statistic.MEAN else 1.0
    for column in ("delta_points", "ci_low", "ci_high", "standard_error", "mde"):
        assert other[column] == pytest.approx(factor * row[column], rel=1e-6, abs=1e-6), column
    assert other["p_value"] == pytest.approx(row["p_value"], abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(pairs())
def test_equal_scores_differ_by_nothing_with_certainty_of_nothing(pair: Pair) -> None:
    row = pair.compare(correct="none")
    assert (row["delta_points"], row["p_value"], row["p_holm"]) == (0.0, 1.0, 1.0)
    assert row["ci_low"] < 0 < row["ci_high"]
    assert row["share_same"] == 1.0
    assert row["verdict"] in {"equivalent", "inconclusive"}


@settings(max_examples=15, deadline=None)
@given(pairs())
def test_what_is_stated_of_one_contrast_fits_together(pair: Pair) -> None:
    row = pair.compare()
    assert row["ci_low"] <= row["equivalence_low"] <= row["equivalence_high"] <= row["ci_high"]
    assert row["ci_low"] - 1.5 * row["standard_error"] <= row["delta_points"]
    assert row["delta_points"] <= row["ci_high"] + 1.5 * row["standard_error"]
    assert 0 < row["p_value"] <= row["p_holm"] <= 1
    assert row["mde"] > row["standard_error"]
    assert row["share_better"] + row["share_worse"] + row["share_same"] == pytest.approx(1)
    assert row["delta_points"] == pytest.approx(100 * (row["score"] - row["baseline_score"]))


@settings(max_examples=20, deadline=None)  # statsmodels collects garbage at every correction
@given(st.lists(P_VALUES, min_size=1, max_size=30))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    corrected = correct_for_multiplicity(p_values)
    assert all(low <= high <= 1 for low, high in zip(p_values, corrected, strict=True))
    ordered = [corrected[index] for index in np.argsort(p_values, kind="stable")]
    assert ordered == sorted(ordered)
    assert min(corrected) == pytest.approx(min(1.0, len(p_values) * min(p_values)))


@settings(max_examples=12, deadline=None)
@given(st.lists(P_VALUES, min_size=1, max_size=10), P_VALUES)
def test_a_larger_family_never_lowers_a_corrected_p_value(p_values: list[float], another: float) -> None:
    larger = correct_for_multiplicity([*p_values, another])[:-1]
    assert all(
        before <= after + 1e-12 for before, after in zip(correct_for_multiplicity(p_values), larger, strict=True)
    )


@st.composite
def intervals(draw: st.DrawFn) -> tuple[tuple[float, float], tuple[float, float]]:
    """A 95% interval and the 90% one inside it."""
    low, high = sorted((draw(POINTS), draw(POINTS)))
    margin = (high - low) * 0.08
    return (low, high), (low + margin, high - margin)


@given(intervals(), P_VALUES, st.floats(0, 5), st.floats(0, 5))
def test_a_larger_smallest_effect_only_ever_moves_a_verdict_towards_equivalence(
    ends: tuple[tuple[float, float], tuple[float, float]], p_value: float, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    before, after = (decide_verdict(*ends, p_value, smallest) for smallest in (small, large))
    if before is Verdict.EQUIVALENT:
        assert after is Verdict.EQUIVALENT
    if after in {Verdict.HELPS, Verdict.HURTS}:
        assert before is after


@given(intervals(), P_VALUES, P_VALUES, st.floats(0, 5))
def test_a_larger_p_value_never_makes_a_verdict_of_a_difference(
    ends: tuple[tuple[float, float], tuple[float, float]], one: float, other: float, smallest: float
) -> None:
    small, large = sorted((one, other))
    if decide_verdict(*ends, large, smallest) in {Verdict.HELPS, Verdict.HURTS}:
        assert decide_verdict(*ends, small, smallest) is decide_verdict(*ends, large, smallest)


@settings(deadline=None)
@given(st.lists(st.tuples(POINTS, st.floats(0.1, 3)), min_size=2, max_size=12))
def test_a_pooled_delta_lies_among_the_tasks_and_is_no_surer_than_the_surest(
    effects: list[tuple[float, float]],
) -> None:
    rows = [
        {
            "task": f"T{number}", "identical": False, "delta_points": delta, "standard_error": error,
            "ci_low": delta - 2 * error, "ci_high": delta + 2 * error, "p_value": 0.5,
            "equivalence_low": delta - 1.6 * error, "equivalence_high": delta + 1.6 * error,
        }
        for number, (delta, error) in enumerate(effects)
    ]  # fmt: skip
    pooled = pool_rows(rows, 0.5)
    deltas, errors = zip(*effects, strict=True)
    assert min(deltas) - 1e-6 <= pooled.delta <= max(deltas) + 1e-6
    assert pooled.interval[1] - pooled.interval[0] >= 2 * 1.95 * (sum(error**-2 for error in errors)) ** -0.5
    assert pooled.interval[0] <= pooled.narrow_interval[0] <= pooled.delta <= pooled.narrow_interval[1]
