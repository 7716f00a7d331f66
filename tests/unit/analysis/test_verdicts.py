from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.analysis.names import list_contrasts, parse_contrast
from prefixbench.analysis.verdicts import Verdict, correct_for_multiplicity, count_items_to_settle, decide_verdict
from prefixbench.errors import SpecError
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tests.fake_runs import FakeRun, make_table


@pytest.mark.parametrize(
    ("interval", "narrow", "p_value", "verdict"),
    [
        ((0.6, 2.0), (0.7, 1.9), 0.001, Verdict.HELPS),
        ((-2.0, -0.6), (-1.9, -0.7), 0.001, Verdict.HURTS),
        ((0.1, 0.4), (0.12, 0.38), 0.001, Verdict.EQUIVALENT),
        ((-0.6, 0.4), (-0.45, 0.35), 0.6, Verdict.EQUIVALENT),
        ((0.4, 2.0), (0.5, 1.9), 0.001, Verdict.INCONCLUSIVE),
        ((0.6, 2.0), (0.7, 1.9), 0.06, Verdict.INCONCLUSIVE),
        ((-3.0, 3.0), (-2.5, 2.5), 0.9, Verdict.INCONCLUSIVE),
    ],
)
def test_the_rule(interval: tuple[float, float], narrow: tuple[float, float], p_value: float, verdict: Verdict) -> None:
    assert decide_verdict(interval, narrow, p_value, 0.5) is verdict


def test_the_family_is_every_planned_contrast_of_the_run_whatever_is_shown() -> None:
    rng = np.random.default_rng(0)
    run = FakeRun()
    for task in ("A", "B"):
        base = rng.random(100)
        for condition in ("none", "correct", "wrong", "mangled"):
            run.add(condition, make_table(base + rng.normal(0.01, 0.1, 100)), task=task)
    frame = analyse(run, AnalysisSettings(n_resamples=999)).contrasts
    planned = frame[frame["planned"]]
    assert set(planned["contrast"]) == {"correct-none", "wrong-none", "wrong-correct"}
    expected = multipletests(planned["p_value"], method="holm")[1]
    assert planned["p_holm"].to_numpy() == pytest.approx(expected)
    assert frame[~frame["planned"]]["p_holm"].isna().all()
    assert correct_for_multiplicity([]) == []


def test_items_to_settle_give_the_power_they_promise() -> None:
    rng = np.random.default_rng(1)
    n = count_items_to_settle(2.0, (1.5, 1.5), 100, 0.5, 1.0)
    assert n is not None
    error = 15.0 / np.sqrt(n)
    deltas = rng.normal(2.0, error, 20_000)
    assert np.mean(deltas - 1.96 * error > 0.5) == pytest.approx(0.8, abs=0.02)
    inside = count_items_to_settle(0.0, (1.5, 1.5), 100, 0.5, 1.0)
    assert inside is not None
    error = 15.0 / np.sqrt(inside)
    settled = np.abs(rng.normal(0.0, error, 20_000)) + stats.norm.ppf(0.95) * error < 0.5
    assert np.mean(settled) == pytest.approx(0.8, abs=0.02)


def test_no_number_of_items_settles_what_experiments_or_the_edge_leave_open() -> None:
    assert count_items_to_settle(2.0, (1.5, 0.2), 100, 0.5, 1.0) is None
    assert count_items_to_settle(0.5, (1.5, 1.5), 100, 0.5, 1.0) is None
    easy, corrected = (count_items_to_settle(2.0, (1.5, 1.5), 100, 0.5, factor) for factor in (1.0, 200.0))
    assert easy is not None
    assert corrected is not None
    assert corrected > easy


def test_contrasts_with_hyphens_are_read_against_the_conditions() -> None:
    conditions = {"none", "query-only", "correct"}
    assert parse_contrast("query-only-none", conditions) == ("query-only", "none")
    assert parse_contrast("correct-query-only", conditions) == ("correct", "query-only")
    with pytest.raises(SpecError, match=r"^--contrast: unknown contrast 'only-none'"):
        parse_contrast("only-none", conditions)


def test_every_condition_is_compared_with_none_and_each_side_with_correct() -> None:
    pairs = list_contrasts({"none", "correct", "query-only", "mangled"}, (("mangled", "correct"),))
    assert pairs == [
        ("correct", "none"),
        ("mangled", "none"),
        ("query-only", "none"),
        ("query-only", "correct"),
        ("mangled", "correct"),
    ]
