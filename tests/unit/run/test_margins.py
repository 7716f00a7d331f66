from __future__ import annotations

import math
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.plan.cell import Cell
from prefixbench.results import load_run
from prefixbench.run.margins import ITEM_SPREAD, describe_doubts, doubt_margins, name_unused
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.spec.sweep import SweepSpec

RESULTS = Path(__file__).parents[3] / "results"


def lay_out(effects: dict[str, float], *tasks: str) -> tuple[SweepSpec, list[Cell]]:
    spec = load_sweep(
        None,
        None,
        Overrides(models=("sentence-transformers/all-MiniLM-L6-v2",), tasks=tasks, conditions=("none", "instruction"),
                  smallest_effect=effects),
    )  # fmt: skip
    return spec, list(make_plan(spec, find_local_folder)[0].cells)


def test_too_few_items_for_the_margin_are_told_before_the_run(tmp_path: Path) -> None:
    spec, cells = lay_out({"ndcg_at_10": 3.0, "accuracy": 0.5, "f1": 1.0}, "SciFact", "Banking77Classification")
    (doubt,) = doubt_margins(spec, cells, tmp_path, tmp_path)  # 300 queries tell 3 points, 3,080 texts not half of one
    assert (doubt.task, doubt.n_items, doubt.margin) == ("Banking77Classification", 3_080, 0.5)
    assert doubt.error == pytest.approx(ITEM_SPREAD / math.sqrt(3_080))
    assert describe_doubts([doubt]) == (
        "too few items to show the margin, most likely: Banking77Classification ±0.5 (expected standard error 0.3, "
        "from 3,080 items); items taken to change by 16 points (standard deviation); --smallest-effect declares another"
    )
    assert describe_doubts([]) == ""
    assert name_unused(spec, cells) == "a margin is declared for f1; the main scores here are accuracy, ndcg_at_10"


def test_former_rows_tell_better_than_an_assumption(tmp_path: Path) -> None:
    spec, cells = lay_out({"default": 0.5}, "STSBenchmark")
    (doubt,) = doubt_margins(spec, cells, RESULTS / "validity", tmp_path)
    assert doubt.n_items is None
    assert "STSBenchmark ±0.5 (expected standard error" in describe_doubts([doubt])
    assert describe_doubts([doubt]).endswith("from former rows here); --smallest-effect declares another")


def test_the_assumed_spread_is_that_of_the_committed_runs() -> None:
    spreads: list[float] = []
    for name in ("twins-mteb", "answer"):
        rows = analyse(load_run(RESULTS / name), AnalysisSettings(n_resamples=199)).contrasts
        rows = rows[~rows["same_strings"] & (rows["task_type"] != "Clustering")]
        spreads += list(rows["standard_error"] * np.sqrt(rows["n_units"]))
    assert median(spreads) == pytest.approx(ITEM_SPREAD, abs=2)
