from __future__ import annotations

import itertools

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.analysis.inference import PairedData, compute_p_value, estimate_contrast
from prefixbench.analysis.spread import (
    Spread,
    compute_bias,
    compute_detectable,
    compute_noncentrality,
    compute_spread,
    count_tail_degrees,
)
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from scipy import stats

from tests.fake_runs import FakeRun, make_table


def make_spread(contribution: np.ndarray) -> Spread:
    return compute_spread(contribution, np.ones(len(contribution)))


def test_one_replicate_has_the_usual_standard_error() -> None:
    change = np.random.default_rng(0).exponential(size=(60, 1))
    spread = make_spread(change)
    assert spread.error == pytest.approx(stats.sem(change[:, 0]))
    assert spread.acceleration == pytest.approx(stats.skew(change[:, 0]) / (6 * np.sqrt(60)))
    assert spread.degrees == 59


def test_crossed_replicates_have_the_two_way_standard_error() -> None:
    rng = np.random.default_rng(1)
    n, k = 200, 10
    table = rng.normal(size=(n, 1)) + 0.4 * rng.normal(size=(1, k)) + rng.normal(size=(n, k))
    items, experiments = table.mean(axis=1), table.mean(axis=0)
    residual = table - items[:, None] - experiments + table.mean()
    of_items = k * items.var(ddof=1)
    of_experiments = n * experiments.var(ddof=1)
    of_residual = np.sum(residual**2) / ((n - 1) * (k - 1))
    expected = np.sqrt((of_items + of_experiments - of_residual) / (n * k))
    assert make_spread(table).error == pytest.approx(expected, rel=1e-6)
    assert make_spread(table).degrees < 30


def test_experiments_without_effect_add_nothing() -> None:
    table = np.random.default_rng(2).normal(size=(500, 1)) + np.zeros((500, 10))
    spread = make_spread(table + 1e-3 * np.random.default_rng(3).normal(size=(500, 10)))
    assert spread.error == pytest.approx(stats.sem(table[:, 0]), rel=1e-3)


def test_clusters_have_the_standard_error_of_a_ratio() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(40), rng.integers(1, 6, 40))
    change = rng.normal(size=40)[groups] + 0.2 * rng.normal(size=len(groups))
    run = FakeRun()
    base = rng.random(len(groups))
    run.add("none", make_table(base, group=groups))
    run.add("correct", make_table(base + change, group=groups))
    row = analyse(run, AnalysisSettings(n_resamples=999)).contrasts.iloc[0]
    sums = np.bincount(groups, change) - change.mean() * np.bincount(groups)
    expected = np.sqrt(np.sum(sums**2) * 40 / 39) / len(groups)
    assert row["n_groups"] == 40
    assert row["standard_error"] == pytest.approx(100 * expected)
    assert row["standard_error"] > 1.5 * 100 * stats.sem(change)


def test_where_few_items_changed_the_interval_is_students_with_few_degrees_of_freedom() -> None:
    change = np.zeros((100, 1))
    change[:5], change[5:8] = 1, -1
    flipped = np.random.default_rng(3).choice([-1, 1], (999, 100)) @ change[:, 0] / 100
    estimate = estimate_contrast(PairedData(change, np.ones(100), np.full(999, 0.02), flipped), 1)
    degrees = count_tail_degrees(change[:, 0] - 0.02)
    assert degrees < 20
    reach = stats.t.ppf(0.975, degrees) * stats.sem(change[:, 0])
    assert estimate.interval == pytest.approx((0.02 - reach, 0.02 + reach))
    assert estimate.method == "few items changed: Student's interval of the jackknife; sign-flip test"


def test_ten_changed_items_are_enough_for_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    change = np.zeros((100, 1))
    change[:10] = rng.normal(size=(10, 1))
    replica = np.array([change[rng.integers(0, 100, 100)].mean() for _ in range(999)])
    flipped = rng.choice([-1, 1], (999, 100)) @ change[:, 0] / 100
    assert estimate_contrast(PairedData(change, np.ones(100), replica, flipped), 1).method.startswith("percentile")


def test_the_p_value_is_exact_for_few_units() -> None:
    change = np.random.default_rng(5).normal(0.4, 1, (12, 1))
    flips = np.array(list(itertools.product([1, -1], repeat=12))) @ change[:, 0] / 12
    exact = np.mean(np.abs(flips) >= abs(change.mean()) - 1e-12)
    p_value, _ = compute_p_value(flips, float(change.mean()), make_spread(change))
    assert p_value == pytest.approx(exact, abs=1 / 4096)


def test_beyond_the_flips_resolution_students_tail_is_taken() -> None:
    change = np.random.default_rng(6).normal(5, 1, (12, 1))
    flips = np.array(list(itertools.product([1, -1], repeat=12))) @ change[:, 0] / 12
    p_value, method = compute_p_value(flips, float(change.mean()), make_spread(change))
    assert p_value == pytest.approx(stats.ttest_1samp(change[:, 0], 0).pvalue)
    assert method == "Student's t beyond the flips' resolution"


def test_of_few_units_student_has_the_degrees_that_their_tails_leave() -> None:
    change = np.array([1.0, 1.1, 0.9, 1.2, 0.8, 1.0, 1.1, 0.9, 1.0, 4.0])[:, None]
    flips = np.array(list(itertools.product([1, -1], repeat=10))) @ change[:, 0] / 10
    spread = make_spread(change)
    p_value, _ = compute_p_value(flips, float(change.mean()), spread)
    assert spread.tail_degrees < 4
    assert p_value == pytest.approx(2 * stats.t.sf(change.mean() / spread.error, spread.tail_degrees))
    assert p_value > stats.ttest_1samp(change[:, 0], 0).pvalue


def test_few_changes_keep_their_exact_p_value() -> None:
    change = np.zeros((200, 1))
    change[:8] = 1
    flips = np.random.default_rng(9).choice([-1, 1], (9_999, 200)) @ change[:, 0] / 200
    p_value, _ = compute_p_value(flips, 8 / 200, make_spread(change), is_sparse=True)
    assert p_value == pytest.approx(2 / 256, abs=0.003)


def test_the_detectable_effect_has_eighty_per_cent_power() -> None:
    for degrees in (9, 49, 999):
        effect = compute_noncentrality(degrees)
        critical = stats.t.ppf(0.975, degrees)
        power = stats.nct.sf(critical, degrees, effect) + stats.nct.cdf(-critical, degrees, effect)
        assert power == pytest.approx(0.8, abs=1e-4)


def test_an_estimated_standard_error_is_too_small_by_as_much_as_allowed_for() -> None:
    samples = np.random.default_rng(11).normal(size=(40_000, 6))
    assert samples.std(axis=1, ddof=1).mean() == pytest.approx(compute_bias(5), rel=0.005)


@pytest.mark.parametrize("shape", ["normal", "skewed", "skewed the other way", "heavy"])
def test_the_detectable_effect_is_what_four_in_five_samples_detect(shape: str) -> None:
    rng = np.random.default_rng(10)
    n, size = 60, 4_000
    critical = stats.t.ppf(0.975, n - 1)
    samples = {
        "normal": rng.normal(size=(size, n)),
        "skewed": rng.exponential(size=(size, n)) - 1,
        "skewed the other way": 1 - rng.exponential(size=(size, n)),
        "heavy": rng.standard_t(5, size=(size, n)),
    }[shape]
    errors = samples.std(axis=1, ddof=1) / np.sqrt(n)
    needed = np.quantile(critical * errors - samples.mean(axis=1), 0.8)
    stated = [compute_detectable(make_spread(sample[:, None] + needed), needed) for sample in samples[:1_000]]
    assert np.mean(stated) == pytest.approx(needed, rel=0.04)


@pytest.mark.parametrize("statistic", [Statistic.MEAN, Statistic.SPEARMAN, Statistic.AVERAGE_PRECISION])
def test_a_plain_loop_over_the_formulas_agrees(statistic: Statistic) -> None:
    rng = np.random.default_rng(7)
    n = 50
    latent = rng.normal(size=n)
    target = (latent > 0).astype(float) if statistic is Statistic.AVERAGE_PRECISION else latent
    predictions = [latent + rng.normal(size=n), latent + 1.3 * rng.normal(size=n)]
    run = FakeRun()
    for name, prediction in zip(("correct", "none"), predictions, strict=True):
        run.add(name, make_table(prediction, statistic, prediction=prediction, target=target))
    row = analyse(run, AnalysisSettings(n_resamples=9_999)).contrasts.iloc[0]

    def score(rows: np.ndarray, prediction: np.ndarray) -> float:
        names = rows.astype(str)
        zeros = np.zeros(len(rows), np.int32)
        return compute_statistic(
            ItemTable(statistic, names, names, zeros, prediction[rows], prediction[rows], target[rows])
        )

    def delta(rows: np.ndarray) -> float:
        return 100 * (score(rows, predictions[0]) - score(rows, predictions[1]))

    whole = np.arange(n)
    estimate = delta(whole)
    pseudo = np.array([n * estimate - (n - 1) * delta(np.delete(whole, item)) for item in whole])
    pseudo += estimate - pseudo.mean()
    replicas = np.array([delta(rng.integers(0, n, n)) for _ in range(400)])
    flips = np.array([np.mean(pseudo * rng.choice([-1, 1], n)) for _ in range(4_000)])
    excess = stats.kurtosis(pseudo, bias=False)
    degrees = min(n - 1, 2 / (2 / (n - 1) + excess / n))
    reach = stats.t.ppf(0.975, degrees) * np.sqrt(n / (n - 1))
    ends = [np.quantile(replicas, stats.norm.cdf(z)) for z in (-reach, reach)]
    error = float(np.std(pseudo, ddof=1) / np.sqrt(n))
    if statistic is Statistic.AVERAGE_PRECISION:
        ratio = min(1.0, float(np.std(replicas, ddof=1)) * np.sqrt(n / (n - 1)) / error)
        error, flips = error * ratio, flips * ratio
    assert row["delta_points"] == pytest.approx(estimate)
    assert row["standard_error"] == pytest.approx(error, rel=0.15 if statistic is Statistic.AVERAGE_PRECISION else 1e-6)
    # 400 resamples leave a fifth of a standard error of chance at the ends.
    assert row["ci_low"] == pytest.approx(ends[0], abs=0.6 * error)
    assert row["ci_high"] == pytest.approx(ends[1], abs=0.6 * error)
    assert row["p_value"] == pytest.approx(np.mean(np.abs(flips) >= abs(estimate)), abs=0.04)


def test_experiments_that_differ_widen_the_interval_and_the_p_value() -> None:
    rng = np.random.default_rng(8)
    base = rng.normal(0.3, 0.5, (300, 1)) + np.zeros((300, 10))
    contribution = base * 0.2 + 0.05 * rng.normal(size=(1, 10))
    signs = rng.choice([-1.0, 1.0], (999, 300))
    replica = np.array([contribution.mean(axis=1)[rng.integers(0, 300, 300)].mean() for _ in range(999)])
    flipped = signs @ contribution.mean(axis=1) / 300
    crossed = estimate_contrast(PairedData(contribution, np.ones(300), replica, flipped), 1)
    items = contribution.mean(axis=1, keepdims=True)
    alone = estimate_contrast(PairedData(items, np.ones(300), replica, flipped), 1)
    assert crossed.delta == pytest.approx(alone.delta)
    assert crossed.error > alone.error
    assert crossed.interval[1] - crossed.interval[0] > 1.5 * (alone.interval[1] - alone.interval[0])
    assert crossed.p_value > alone.p_value
    assert crossed.method.startswith("percentile bootstrap over items and experiments; ")
