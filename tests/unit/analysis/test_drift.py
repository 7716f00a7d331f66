"""Thresholds kept from ``none``: what they do when a prefix moves all similarities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prefixbench.analysis.drift import describe_drift, find_threshold
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.items.table import Statistic
from prefixbench.results import load_run

from tests.fake_runs import FakeRun, make_table

SETTINGS = AnalysisSettings()


def make_pairs(shift: float, n_pairs: int = 400) -> FakeRun:
    """Labelled pairs; under ``correct`` every cosine is higher by ``shift``, so that no ranking changes."""
    rng = np.random.default_rng(0)
    target = (np.arange(n_pairs) % 2).astype(np.float64)
    cosine = np.clip(0.3 + 0.2 * target + rng.normal(0, 0.1, n_pairs), -1, 0.7)
    run = FakeRun()
    for name, own in (("none", cosine), ("correct", cosine + shift)):
        table = make_table(target, Statistic.AVERAGE_PRECISION, prediction=own, target=target)
        run.add(name, table, task_type="PairClassification", main_score="cosine_ap")
    return run


def describe(run: FakeRun) -> list[dict[str, object]]:
    ((place, cells),) = group_by_place(run).items()
    return describe_drift(pair_cells(run, place, cells), SETTINGS)


@pytest.mark.parametrize("seed", range(20))
def test_the_threshold_is_the_best_of_all_there_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = np.round(rng.normal(size=30), 1)
    target = (rng.random(30) < 0.5).astype(np.float64)
    between = np.unique(similarity)
    candidates = [*between, (between[-1] + 1.0)]
    best = max(np.mean((similarity >= threshold) == (target == 1)) for threshold in candidates)
    found = np.mean((similarity >= find_threshold(similarity, target)) == (target == 1))
    assert found == best


def test_a_shift_of_all_cosines_leaves_the_ranking_and_ruins_the_threshold() -> None:
    (row,) = describe(make_pairs(0.25))
    assert row["cosine_shift"] == pytest.approx(0.25)
    assert float(str(row["share_alike_before"])) < 0.6
    assert float(str(row["share_alike"])) > 0.9
    assert float(str(row["accuracy_points"])) < -20
    assert row["verdict"] == "hurts"


def test_without_a_shift_nothing_drifts() -> None:
    (row,) = describe(make_pairs(0.0))
    assert (row["cosine_shift"], row["accuracy_points"], row["share_points"]) == (0.0, 0.0, 0.0)
    assert row["accuracy"] == row["accuracy_before"]
    assert row["verdict"] == "inconclusive"


def test_similarities_that_are_no_cosines_have_no_place_here() -> None:
    run = make_pairs(0.1)
    for cell_id in list(run.tables)[1:]:
        table = run.tables[cell_id]
        assert table.prediction is not None
        run.tables[cell_id] = make_table(
            table.value, Statistic.AVERAGE_PRECISION, prediction=20 * table.prediction - 30, target=table.target
        )
    assert describe(run) == []


def test_an_instruction_turns_most_committed_pairs_into_duplicates() -> None:
    run = load_run(Path(__file__).parents[3] / "results" / "starter")
    rows = [
        row
        for place, cells in group_by_place(run).items()
        if place.task == "StarterPairClassification" and place.model.endswith("all-MiniLM-L6-v2")
        for row in describe_drift(pair_cells(run, place, cells), SETTINGS)
        if row["condition"] == "instruction"
    ]
    assert len(rows) == 1
    assert rows[0]["accuracy_points"] == pytest.approx(-13.1, abs=0.05)
    assert (rows[0]["share_alike_before"], rows[0]["share_alike"]) == pytest.approx((0.439, 0.948), abs=0.001)
