from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.spread import Spread, compute_spread
from prefixbench.errors import AnalysisError
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from scipy import stats

from tests.fake_runs import FakeRun, make_table

NONE = np.empty(0)


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
    row = analyse(run).contrasts.iloc[0]
    sums = np.bincount(groups, change) - change.mean() * np.bincount(groups)
    expected = np.sqrt(np.sum(sums**2) * 40 / 39 / len(groups) ** 2)
    assert row["n_units"] == 40
    assert row["standard_error"] == pytest.approx(100 * expected)
    assert row["standard_error"] > 1.5 * 100 * stats.sem(change)


def test_two_imagined_units_widen_the_cautious_interval_alone() -> None:
    change = np.random.default_rng(3).normal(0.1, 0.2, (150, 1))
    estimate = infer_contrast(PairedData(change, np.ones(150), NONE)).estimate
    own = stats.sem(change[:, 0])
    assert estimate.delta == pytest.approx(100 * change.mean())
    assert estimate.error == pytest.approx(100 * own)
    assert estimate.cautious_error == pytest.approx(100 * np.sqrt(own**2 + 2 / (152 * 151)))


def test_no_change_at_all_is_bounded_by_the_units_seen() -> None:
    estimate = infer_contrast(PairedData(np.zeros((400, 1)), np.ones(400), NONE)).estimate
    assert estimate.interval(0.05) == (0, 0)
    assert estimate.cautious_interval(0.05)[1] == pytest.approx(
        100 * stats.norm.ppf(0.975) * np.sqrt(2 / (402 * 401)), rel=0.01
    )


def test_no_change_is_never_wider_than_a_few() -> None:
    few = np.zeros((400, 1))
    few[:3] = 0.5
    widths = []
    for change in (np.zeros((400, 1)), few):
        low, high = infer_contrast(PairedData(change, np.ones(400), NONE)).estimate.cautious_interval(0.05)
        widths.append(high - low)
    assert widths[0] < widths[1]


def test_draws_of_one_corpus_get_no_imagined_units() -> None:
    change = np.random.default_rng(3).normal(0.01, 0.002, (10, 1))
    estimate = infer_contrast(PairedData(change, np.ones(10), NONE, one_corpus=True)).estimate
    assert estimate.error == pytest.approx(100 * stats.sem(change[:, 0]))
    assert estimate.unseen == 0


def test_an_undefined_metric_is_refused() -> None:
    change = np.full((50, 1), np.nan)
    with pytest.raises(
        AnalysisError, match=r"^the metric is undefined \(constant scores, or items of one class only\)\.$"
    ):
        infer_contrast(PairedData(change, np.ones(50), NONE, Statistic.SPEARMAN))


@pytest.mark.parametrize("statistic", [Statistic.MEAN, Statistic.SPEARMAN, Statistic.AVERAGE_PRECISION])
def test_a_plain_loop_over_the_formulas_agrees(statistic: Statistic) -> None:
    rng = np.random.default_rng(7)
    n = 110
    latent = rng.normal(size=n)
    target = (latent > 0).astype(float) if statistic is Statistic.AVERAGE_PRECISION else latent
    predictions = [latent + rng.normal(size=n), latent + 1.3 * rng.normal(size=n)]
    run = FakeRun()
    for name, prediction in zip(("correct", "none"), predictions, strict=True):
        run.add(name, make_table(prediction, statistic, prediction=prediction, target=target))
    row = analyse(run, AnalysisSettings(n_resamples=1_999)).contrasts.iloc[0]

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
    error = float(np.std(pseudo, ddof=1) / np.sqrt(n))
    degrees: float = n - 1
    if statistic is Statistic.AVERAGE_PRECISION:
        replicas = np.array([delta(rng.integers(0, n, n)) for _ in range(600)])
        error *= min(1.0, float(np.std(replicas, ddof=1)) * np.sqrt(n / (n - 1)) / error)
    else:
        degrees = min(n - 1, 2 / (2 / (n - 1) + max(0.0, stats.kurtosis(pseudo, bias=False)) / n))
    skew = stats.skew(pseudo) / (6 * np.sqrt(n))
    reach = stats.t.ppf(0.975, degrees)
    ends = [estimate - error * (np.cbrt(1 + 6 * skew * (z - skew)) - 1) / (2 * skew) for z in (reach, -reach)]
    loose = statistic is Statistic.AVERAGE_PRECISION
    assert row["delta_points"] == pytest.approx(estimate)
    assert row["standard_error"] == pytest.approx(error, rel=0.06 if loose else 1e-6)
    assert row["ci_low"] == pytest.approx(ends[0], abs=0.25 * error if loose else 1e-6)
    assert row["ci_high"] == pytest.approx(ends[1], abs=0.25 * error if loose else 1e-6)


def test_experiments_that_differ_widen_the_interval() -> None:
    rng = np.random.default_rng(8)
    base = rng.normal(0.3, 0.5, (300, 1)) + np.zeros((300, 10))
    contribution = base * 0.2 + 0.05 * rng.normal(size=(1, 10))
    crossed = infer_contrast(PairedData(contribution, np.ones(300), NONE))
    alone = infer_contrast(PairedData(contribution.mean(axis=1, keepdims=True), np.ones(300), NONE))
    assert crossed.estimate.delta == pytest.approx(alone.estimate.delta)
    assert crossed.estimate.error > 1.5 * alone.estimate.error
    assert crossed.item_error == pytest.approx(alone.item_error)
    assert crossed.method == "Hall's interval of the items and experiments"


def test_more_resamples_are_drawn_where_a_word_hangs_on_them() -> None:
    rng, run = np.random.default_rng(7), FakeRun()
    target = (rng.random(200) < 0.4).astype(float)
    for name, noise in (("correct", 0.6), ("none", 0.9)):
        prediction = target + noise * rng.normal(size=200)
        run.add(name, make_table(prediction, Statistic.AVERAGE_PRECISION, prediction=prediction, target=target))

    def analyse_with(margin: float, n_resamples: int = 199) -> dict[str, float]:
        settings = AnalysisSettings(smallest_effect=margin, n_resamples=n_resamples)
        row = analyse(run, settings).contrasts.iloc[0]
        return {name: float(row[name]) for name in ("standard_error", "ci_low_adjusted")}

    far = analyse_with(0.0)
    close = analyse_with(far["ci_low_adjusted"])
    assert close["standard_error"] == analyse_with(0.0, n_resamples=4 * 199)["standard_error"]
    assert close["standard_error"] != far["standard_error"]
