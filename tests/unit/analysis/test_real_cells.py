"""Cells of the committed runs against plain loops over the formulas, which share no code with the analysis."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results import Run, load_run
from scipy import stats

RESULTS = Path(__file__).parents[3] / "results"
PREFIXED = "prefixbench/minilm-prefixed"
CELLS = [
    ("starter", "StarterDocRetrieval", PREFIXED, "correct-none"),
    ("starter", "StarterReranking", PREFIXED, "instruction-none"),
    ("starter", "StarterClustering", PREFIXED, "wrong-correct"),
    ("starter", "StarterPairClassification", PREFIXED, "wrong-none"),
    ("validity", "STSBenchmark", "sentence-transformers/all-MiniLM-L6-v2", "instruction-none"),
    ("validity", "XQuADRetrieval", "sentence-transformers/all-MiniLM-L6-v2", "instruction-none"),
]
"""Means alone and in clusters, draws, average precision in clusters, Spearman in clusters."""


@lru_cache(maxsize=2)
def analyse_folder(name: str) -> tuple[Run, Any]:
    run = load_run(RESULTS / name)
    return run, analyse(run, AnalysisSettings(mixed_models=False)).contrasts


def find_row(name: str, task: str, model: str, contrast: str) -> tuple[dict[str, Any], list[ItemTable]]:
    run, frame = analyse_folder(name)
    row = frame[(frame["task"] == task) & (frame["model"] == model) & (frame["contrast"] == contrast)].iloc[0]
    tables = []
    for condition in (row["condition"], row["baseline"]):
        cell = next(c for c in run.results if (c.task, c.model) == (task, model) and condition in c.conditions)
        table = run.items(cell.cell_id)
        assert table.n_rows == len(table.item_id)
        tables.append(table)
    return dict(row), tables


def make_delta(first: ItemTable, second: ItemTable) -> Callable[[list[int]], float]:
    """The difference in points over some rows, each repeated row an item of its own."""
    place = {item: number for number, item in enumerate(second.item_id)}
    partner = np.array([place[item] for item in first.item_id])

    def score(table: ItemTable, rows: Any) -> float:
        names, zeros = np.arange(len(rows)).astype(np.str_), np.zeros(len(rows), np.int32)
        columns = [None if each is None else each[rows] for each in (table.prediction, table.target)]
        return compute_statistic(ItemTable(table.statistic, names, names, zeros, table.value[rows], *columns))

    return lambda rows: 100 * (score(first, np.array(rows)) - score(second, partner[rows]))


def find_tolerance(statistic: Statistic, n_units: int) -> float:
    """Average precision takes its error from resamples, and beyond a thousand units whole blocks are left out."""
    if statistic is Statistic.AVERAGE_PRECISION:
        return 0.1
    return 0.02 if n_units > 1_000 and statistic is not Statistic.MEAN else 1e-6


@pytest.mark.parametrize(("name", "task", "model", "contrast"), CELLS)
def test_interval_and_p_value_are_those_of_a_plain_loop(name: str, task: str, model: str, contrast: str) -> None:
    row, (first, second) = find_row(name, task, model, contrast)
    delta = make_delta(first, second)
    groups: dict[str, list[int]] = {}
    for number, group in enumerate(first.group_id):
        groups.setdefault(str(group), []).append(number)
    units, n_items = list(groups.values()), first.n_rows
    n = len(units)
    everything = list(range(n_items))
    estimate = delta(everything)
    if first.statistic is Statistic.MEAN:
        contribution = np.array([(delta(unit) if unit else 0.0) * len(unit) * n / n_items for unit in units])
        deviation = contribution - estimate * np.array([len(unit) for unit in units]) * n / n_items
    else:
        left_out = [delta([item for other in units if other is not unit for item in other]) for unit in units]
        contribution = np.array([n * estimate - (n - 1) * without for without in left_out])
        contribution += estimate - contribution.mean()
        deviation = contribution - estimate
    rng = np.random.default_rng(0)
    replicas = np.array([delta([i for u in rng.integers(0, n, n) for i in units[u]]) for _ in range(250)])
    flips = np.array([np.mean(contribution * rng.choice([-1, 1], n)) for _ in range(2_000)])
    error = float(np.sqrt(np.sum(deviation**2) / (n * (n - 1))))
    if first.statistic is Statistic.AVERAGE_PRECISION:
        ratio = min(1.0, float(np.std(replicas, ddof=1)) * np.sqrt(n / (n - 1)) / error)
        error, flips = error * ratio, flips * ratio
    degrees = float(n - 1)
    if first.statistic is not Statistic.AVERAGE_PRECISION:
        degrees = min(degrees, float(2 / (2 / (n - 1) + stats.kurtosis(deviation, bias=False) / n)))
    reach = stats.t.ppf(0.975, degrees) * np.sqrt(n / (n - 1))
    ends = [np.quantile(replicas, stats.norm.cdf(z)) for z in (-reach, reach)]
    assert row["n_groups"] == n
    assert row["delta_points"] == pytest.approx(estimate, abs=1e-6)
    assert row["standard_error"] == pytest.approx(error, rel=find_tolerance(first.statistic, n))
    # 250 resamples leave a sixth of a standard error of chance at each end.
    assert row["ci_low"] == pytest.approx(ends[0], abs=0.5 * error)
    assert row["ci_high"] == pytest.approx(ends[1], abs=0.5 * error)
    if row["method"].endswith("sign-flip test"):
        assert row["p_value"] == pytest.approx(np.mean(np.abs(flips) >= abs(estimate)), abs=0.025)
    else:
        assert np.mean(np.abs(flips) >= abs(estimate)) < 0.003
        reached = stats.t.isf(row["p_value"] / 2, n - 1)
        assert reached == pytest.approx(abs(estimate) / error, rel=max(1e-3, find_tolerance(first.statistic, n)))


@pytest.mark.parametrize("contrast", ["instruction-none", "wrong-correct"])
def test_classification_is_that_of_a_two_way_table(contrast: str) -> None:
    row, (first, second) = find_row("starter", "StarterClassification", PREFIXED, contrast)
    order = [np.lexsort((table.replicate, table.item_id)) for table in (first, second)]
    k = len(np.unique(first.replicate))
    table = 100 * (first.value[order[0]] - second.value[order[1]]).reshape(-1, k)
    n = len(table)
    items, experiments = table.mean(axis=1), table.mean(axis=0)
    residual = table - items[:, None] - experiments + table.mean()
    of_items, of_experiments = k * items.var(ddof=1), n * experiments.var(ddof=1)
    of_residual = np.sum(residual**2) / ((n - 1) * (k - 1))
    beyond = max(0.0, of_experiments - of_residual)
    error = np.sqrt((of_items + beyond) / (n * k))
    parts = (of_items / (n * k)) ** 2 / (n - 1)
    parts += (of_experiments / (n * k)) ** 2 / (k - 1) if beyond else 0.0
    degrees = min(error**4 / parts, n - 1)
    assert row["delta_points"] == pytest.approx(table.mean(), abs=1e-9)
    assert row["standard_error"] == pytest.approx(error, rel=1e-4)
    # Ten experiments have few sign patterns, so flips and Student's t are near each other and no more.
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(table.mean()) / error, degrees), abs=0.04)
    # Heavier tails than normal make the interval wider than Student's, never much narrower.
    half = (row["ci_high"] - row["ci_low"]) / 2 / error
    assert 0.95 * stats.t.ppf(0.975, degrees) < half < 1.2 * stats.t.ppf(0.975, degrees)
