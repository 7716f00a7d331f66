from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.analysis.columns import CONTRASTS, MODELS, MOVERS, POOLED, REFUSALS
from prefixbench.analysis.spread import count_tail_degrees
from prefixbench.items.table import Statistic
from scipy import stats

from tests.fake_runs import FakeRun, make_table

QUICK = AnalysisSettings(n_resamples=999)


def make_run(shift: float, n: int = 400, seed: int = 0) -> FakeRun:
    rng = np.random.default_rng(seed)
    base = rng.beta(0.6, 0.4, n)
    run = FakeRun()
    run.add("none", make_table(base))
    run.add("correct", make_table(base + shift + rng.normal(0, 0.05, n)))
    return run


def test_a_real_gain_helps_and_its_reverse_hurts() -> None:
    gain = analyse(make_run(0.05), QUICK).contrasts.iloc[0]
    assert gain["verdict"] == "helps"
    assert gain["ci_low"] < gain["delta_points"] < gain["ci_high"]
    assert gain["delta_points"] == pytest.approx(100 * (gain["score"] - gain["baseline_score"]))
    assert analyse(make_run(-0.05), QUICK).contrasts.iloc[0]["verdict"] == "hurts"


def test_frames_hold_exactly_the_documented_columns() -> None:
    analysis = analyse(make_run(0.05), QUICK)
    frames = {
        "contrasts": CONTRASTS, "pooled": POOLED, "models": MODELS, "movers": MOVERS, "refusals": REFUSALS,
    }  # fmt: skip
    for name, columns in frames.items():
        assert list(getattr(analysis, name).columns) == list(columns)


def test_a_cell_with_two_names_differs_from_itself_by_exactly_nothing() -> None:
    run = FakeRun()
    run.add(("none", "correct"), make_table(np.random.default_rng(0).random(50)))
    row = analyse(run, QUICK).contrasts.iloc[0]
    assert row["identical"]
    assert (row["delta_points"], row["ci_low"], row["ci_high"]) == (0, 0, 0)
    assert row["verdict"] == "equivalent"
    assert row["note"] == "same strings: both names are one cell"


def test_numbers_do_not_depend_on_what_else_is_in_the_run() -> None:
    alone = analyse(make_run(0.01), QUICK).contrasts.iloc[0]
    run = make_run(0.01)
    rng = np.random.default_rng(9)
    for task in ("Apple", "Zebra"):
        for name in ("none", "correct"):
            run.add(name, make_table(rng.random(400)), task=task)
    run.cells.reverse()
    together = analyse(run, QUICK).contrasts.query("task == 'Task'").iloc[0]
    for column in ("delta_points", "ci_low", "ci_high", "p_value", "mde"):
        assert together[column] == pytest.approx(alone[column], rel=1e-12)


@pytest.mark.parametrize("n", [50, 400])
def test_the_interval_is_scipys_percentile_bootstrap_at_the_widened_level(n: int) -> None:
    run = make_run(0.02, n=n)
    settings = AnalysisSettings(n_resamples=9_999)
    row = analyse(run, settings).contrasts.iloc[0]
    change = 100 * (run.tables["cell1"].value - run.tables["cell0"].value)
    degrees = count_tail_degrees(change - change.mean())
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, degrees) * np.sqrt(n / (n - 1)))
    result = stats.bootstrap(
        (change,), np.mean, confidence_level=level, method="percentile", n_resamples=40_000,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    tolerance = 0.12 * float(result.standard_error)
    assert row["ci_low"] == pytest.approx(result.confidence_interval.low, abs=tolerance)
    assert row["ci_high"] == pytest.approx(result.confidence_interval.high, abs=tolerance)


def test_spearman_interval_is_scipys_percentile_bootstrap() -> None:
    rng = np.random.default_rng(4)
    n = 120
    target = rng.normal(size=n)
    first, second = target + rng.normal(size=n), target + 1.4 * rng.normal(size=n)
    run = FakeRun()
    for name, prediction in (("none", second), ("correct", first)):
        table = make_table(np.zeros(n), Statistic.SPEARMAN, prediction=prediction, target=target)
        run.add(name, table, task_type="STS")
    row = analyse(run, AnalysisSettings(n_resamples=9_999)).contrasts.iloc[0]

    def difference(x: np.ndarray, y: np.ndarray, t: np.ndarray, axis: int = -1) -> np.ndarray:
        ranks = [stats.rankdata(values, axis=axis) for values in (x, y, t)]
        ranks = [rank - rank.mean(axis=axis, keepdims=True) for rank in ranks]
        norms = [np.sqrt((rank**2).sum(axis=axis)) for rank in ranks]
        correlations = [(rank * ranks[2]).sum(axis) / norm / norms[2] for rank, norm in zip(ranks, norms, strict=True)]
        return np.asarray(100 * (correlations[0] - correlations[1]))

    whole, kept = difference(first, second, target), [np.delete(np.arange(n), item) for item in range(n)]
    pseudo = np.array([n * whole - (n - 1) * difference(first[rows], second[rows], target[rows]) for rows in kept])
    degrees = count_tail_degrees(pseudo - pseudo.mean())
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, degrees) * np.sqrt(n / (n - 1)))
    result = stats.bootstrap(
        (first, second, target), difference, paired=True, confidence_level=level, n_resamples=20_000,
        method="percentile", rng=np.random.default_rng(1),
    )  # fmt: skip
    tolerance = 0.12 * float(result.standard_error)
    assert row["delta_points"] == pytest.approx(difference(first, second, target))
    assert row["ci_low"] == pytest.approx(result.confidence_interval.low, abs=tolerance)
    assert row["ci_high"] == pytest.approx(result.confidence_interval.high, abs=tolerance)


def test_the_p_value_is_scipys_paired_permutation_test() -> None:
    run = make_run(0.004, n=200)
    row = analyse(run, AnalysisSettings(n_resamples=9_999)).contrasts.iloc[0]
    pair = run.tables["cell1"].value, run.tables["cell0"].value
    result = stats.permutation_test(
        pair, lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=20_000, rng=np.random.default_rng(2),
    )  # fmt: skip
    assert 0.01 < row["p_value"] < 0.9
    assert row["p_value"] == pytest.approx(result.pvalue, abs=0.015)
