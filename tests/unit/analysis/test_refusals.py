from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from prefixbench.analysis import Analysis, AnalysisSettings, analyse
from prefixbench.items.table import ItemTable, Statistic

from tests.fake_runs import FakeRun, make_table
from tests.fakes import make_result

QUICK = AnalysisSettings(n_resamples=199)
VALUES = np.random.default_rng(0).random(40)


def analyse_pair(second: ItemTable, first: ItemTable | None = None, **changes: Any) -> Analysis:
    """A run with one bad pair on ``Task``, and a good one on ``Good`` that must stand."""
    run = FakeRun()
    run.add("none", make_table(VALUES) if first is None else first)
    run.add("correct", second, **changes)
    run.add("none", make_table(VALUES), task="Good")
    run.add("correct", make_table(VALUES**2), task="Good")
    return analyse(run, QUICK)


def assert_refused(analysis: Analysis, reason: str, contrast: str = "correct-none") -> None:
    assert analysis.contrasts["task"].tolist() == ["Good"]
    assert analysis.refusals[["task", "contrast", "reason"]].to_numpy().tolist() == [["Task", contrast, reason]]


def test_different_items() -> None:
    analysis = analyse_pair(make_table(VALUES, first_item=3))
    assert_refused(analysis, "correct and none have different items: 3 only under correct, 3 only under none.")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("dataset_revision", "r2", "dataset revisions (r2 and r1)"),
        ("scoring_version", 2, "scoring versions (2 and 1)"),
        ("model_revision", "def", "model revisions (def and abc)"),
        ("limit", 40, "limits (40 and None)"),
    ],
)
def test_mixed_provenance(field: str, value: Any, words: str) -> None:
    analysis = analyse_pair(make_table(VALUES**2), **{field: value})
    assert_refused(analysis, f"correct and none were computed with different {words}; run one of them again.")


def test_mixed_precision() -> None:
    encoder = replace(make_result().encoder, dtype="bfloat16")
    analysis = analyse_pair(make_table(VALUES**2), encoder=encoder)
    reason = "correct and none were computed with different precisions (bfloat16 and float32); run one of them again."
    assert_refused(analysis, reason)


def test_fewer_than_ten_items_and_ten_are_enough() -> None:
    analysis = analyse_pair(make_table(VALUES[:9] ** 2), make_table(VALUES[:9]))
    assert_refused(analysis, "9 items are fewer than the 10 an interval needs.", "all")
    assert len(analyse_pair(make_table(VALUES[:10] ** 2), make_table(VALUES[:10])).refusals) == 0


def test_fewer_than_ten_clusters() -> None:
    groups = np.arange(40) % 4
    analysis = analyse_pair(make_table(VALUES**2, group=groups), make_table(VALUES, group=groups))
    reason = "the 40 items fall into 4 clusters, fewer than the 10 an interval needs."
    assert_refused(analysis, reason, "all")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers(bad: float) -> None:
    values = VALUES.copy()
    values[3] = bad
    reason = "the per-item scores of correct hold NaN or infinite values; run that cell again."
    assert_refused(analyse_pair(make_table(values)), reason)


def test_different_gold_values() -> None:
    first = make_table(VALUES, Statistic.SPEARMAN, prediction=VALUES, target=np.arange(40.0))
    second = make_table(VALUES, Statistic.SPEARMAN, prediction=VALUES, target=np.arange(40.0)[::-1])
    assert_refused(analyse_pair(second, first), "correct and none have different gold values for the same items.")


def test_a_metric_that_is_undefined_without_one_item() -> None:
    target = np.zeros(40)
    target[0] = 1
    first = make_table(VALUES, Statistic.AVERAGE_PRECISION, prediction=VALUES, target=target)
    second = make_table(VALUES, Statistic.AVERAGE_PRECISION, prediction=VALUES[::-1], target=target)
    (reason,) = analyse_pair(second, first).refusals["reason"]
    assert reason == "the metric is undefined (constant scores, or items of one class only)."


def test_errors_in_the_targets_own_unit() -> None:
    first = make_table(VALUES, Statistic.MEAN_SQUARED_ERROR, prediction=VALUES, target=VALUES)
    analysis = analyse_pair(first, first, main_score="mse")
    reason = "ndcg_at_10 is an error in the target's own unit; points do not apply to it."
    assert_refused(analysis, reason, "all")


def test_the_same_item_twice() -> None:
    table = make_table(VALUES)
    doubled = replace(table, item_id=np.array(["q0", "q0", *table.item_id[2:]]))
    reason = "the items of correct occur in some experiments and not in others; they cannot be paired."
    (refused,) = analyse_pair(doubled).refusals["reason"]
    assert refused == reason


def test_a_failed_condition_is_named_with_its_reason() -> None:
    run = FakeRun()
    run.add("none", make_table(VALUES))
    run.fail("correct", "no memory left.")
    refusals = analyse(run, QUICK).refusals
    assert refusals[["contrast", "reason"]].to_numpy().tolist() == [
        ["correct-none", "correct was failed: no memory left."]
    ]
