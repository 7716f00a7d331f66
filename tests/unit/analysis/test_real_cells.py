"""Every contrast of the committed runs against plain formulas, which share no code with the analysis."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results import Run, load_run
from scipy import stats

RESULTS = Path(__file__).parents[3] / "results"
RUNS = ["starter", "twins-mteb", "validity"]


@lru_cache(maxsize=3)
def analyse_folder(name: str) -> tuple[Run, list[dict[str, Any]]]:
    run = load_run(RESULTS / name)
    rows = analyse(run, AnalysisSettings(n_resamples=199)).contrasts
    return run, [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def find_cells(run: Run, row: dict[str, Any]) -> list[Any]:
    return [
        next(
            cell
            for cell in run.results
            if (cell.model, cell.task, cell.hf_subset, cell.hf_split)
            == (row["model"], row["task"], row["hf_subset"], row["hf_split"])
            and condition in cell.conditions
        )
        for condition in (row["condition"], row["baseline"])
    ]


@pytest.mark.parametrize("name", RUNS)
def test_every_delta_is_the_difference_of_mtebs_scores(name: str) -> None:
    run, rows = analyse_folder(name)
    assert rows
    for row in rows:
        first, second = find_cells(run, row)
        assert row["delta_points"] == pytest.approx(100 * (first.score - second.score), abs=2e-3), row


def tabulate(table: ItemTable) -> np.ndarray:
    """Values as ``(n_items, n_replicates)``, items in the order of their names."""
    order = np.lexsort((table.replicate, table.item_id))
    return table.value[order].reshape(len(np.unique(table.item_id)), -1)


def compute_ends(delta: float, variance: float, skew: float, reach: float) -> tuple[float, float]:
    low, high = (
        delta - np.sqrt(variance) * ((np.cbrt(1 + 6 * skew * (z - skew)) - 1) / (2 * skew) if skew else z)
        for z in (reach, -reach)
    )
    return float(low), float(high)


@pytest.mark.parametrize("name", RUNS)
def test_every_mean_has_the_interval_of_the_formulas(name: str) -> None:
    run, rows = analyse_folder(name)
    n_checked = 0
    for row in rows:
        first, second = (run.items(cell.cell_id) for cell in find_cells(run, row))
        if row["same_strings"] or first.statistic is not Statistic.MEAN or first.n_rows != row["n_items"]:
            continue
        change = 100 * (tabulate(first) - tabulate(second))[:, 0]
        group = first.group_id[np.argsort(first.item_id, kind="stable")]
        unit = np.unique(group, return_inverse=True)[1]
        n, n_items = int(unit.max()) + 1, len(change)
        assert row["n_units"] == n
        deviation = np.bincount(unit, change - change.mean()) * n / n_items
        own = np.sum(deviation**2) / (n * (n - 1))
        skew = float(np.sum(deviation**3) / n**3 / (6 * (own * (n - 1) / n) ** 1.5)) if own else 0.0
        excess = float(np.mean(deviation**4) / np.mean(deviation**2) ** 2 - 3) if own else 0.0
        excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)
        degrees = max(1.0, 2 / (2 / (n - 1) + max(0.0, excess) / n)) if own else n - 1
        reach = float(stats.t.ppf(0.975, degrees))
        plain = compute_ends(float(change.mean()), own, skew, reach)
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(plain, abs=1e-5), row
        # One item at each end of the range that nobody saw; not for the draws of one corpus.
        total = own + (0 if row["task_type"] == "Clustering" else 100**2 * 2 / ((n + 2) * (n + 1)))
        shrunk = skew * (own / total) ** 1.5 if total else 0.0
        wide = compute_ends(float(change.mean()), total, shrunk, reach)
        cautious = min(plain[0], wide[0]), max(plain[1], wide[1])
        assert (row["ci_low_cautious"], row["ci_high_cautious"]) == pytest.approx(cautious, abs=1e-5), row
        n_checked += 1
    assert n_checked >= 4
