"""Every contrast of every committed run against plain formulas, which share no code with the analysis."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.items.table import Statistic
from prefixbench.results import Run, load_run

from tests.plain_formulas import N_DRAWS, Cell, compare_cells, read_cell

RESULTS = Path(__file__).parents[3] / "results"
RUNS = sorted(path.parent.name for path in RESULTS.glob("*/run.json"))
SETTINGS = AnalysisSettings()

CHANCE = 4 * np.sqrt(1 / (2 * SETTINGS.n_resamples) + 1 / (2 * N_DRAWS))
"""Four standard errors of the quotient of two standard deviations, of so many resamples each: 11%. It is all that may
part the two intervals of a metric whose standard error takes resamples; those of any other metric are the same."""

RESAMPLED = {Statistic.AVERAGE_PRECISION}


@lru_cache(maxsize=1)
def analyse_folder(name: str) -> tuple[Run, list[dict[str, Any]]]:
    run = load_run(RESULTS / name)
    rows = analyse(run, SETTINGS).contrasts
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


@pytest.mark.parametrize("name", RUNS)
def test_every_interval_is_that_of_the_formulas(name: str) -> None:
    run, rows = analyse_folder(name)
    cells: dict[str, Cell] = {}
    for row in (row for row in rows if not row["same_strings"]):
        own = find_cells(run, row)
        for cell in own:
            if cell.cell_id not in cells:
                cells[cell.cell_id] = read_cell(run.items(cell.cell_id), SETTINGS.seed)
        first, second = (cells[cell.cell_id] for cell in own)
        expected = compare_cells(first, second, one_corpus=row["task_type"] == "Clustering")
        loose = CHANCE if own[0].statistic in RESAMPLED else 0.0
        assert (row["score"], row["baseline_score"]) == pytest.approx((first.score, second.score), abs=1e-9), row
        assert row["delta_points"] == pytest.approx(expected.delta, abs=1e-7), row
        assert row["standard_error"] == pytest.approx(expected.error, rel=loose, abs=1e-7), row
        for kind, ends in (("", expected.plain), ("_cautious", expected.cautious)):
            width = ends[1] - ends[0]
            found = row[f"ci_low{kind}"], row[f"ci_high{kind}"]
            assert found == pytest.approx(ends, rel=0, abs=1e-6 + loose * width), row
