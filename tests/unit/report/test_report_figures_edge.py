"""Figures drawn from frames made here: matrices, splits, dense maps and shares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.figures.heatmap import MOST_NUMBERS, draw_cross, draw_heatmap
from prefixbench.report.figures.shares import BINS, compute_shares, draw_shares
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.sections.where import build_where

from tests.fakes_report import MODELS, TASKS, FakeSweep, make_fake


def test_a_dense_heat_map_marks_verdicts_instead_of_numbering() -> None:
    labels = [f"Task{index}" for index in range(MOST_NUMBERS // 2 + 1)]
    verdicts = ["helps", "hurts", "equivalent"]
    cells = pd.DataFrame(
        [
            (label, "STS", condition, (index % 3 - 1) * 2.0, verdicts[index % 3])
            for index, label in enumerate(labels)
            for condition in ("correct", "wrong")
        ],
        columns=["label", "task_type", "condition", "delta_points", "verdict"],
    )
    (axes,) = draw_heatmap(cells, ["correct", "wrong"], 3.0).axes
    for verdict in ("helps", "hurts"):
        lines = [line for line in axes.get_lines() if line.get_gid() == f"marked:{verdict}"]
        marked = sum(np.asarray(line.get_xdata()).size for line in lines)
        assert marked == int((cells["verdict"] == verdict).sum())
    assert "+2.0" not in {text.get_text() for text in axes.texts}


def test_the_matrix_frames_the_documented_prefix() -> None:
    matrix = pd.DataFrame(
        [("query", "Retrieval", 3.0, True), ("query", "STS", -1.0, False), ("clustering", "Retrieval", -2.0, False)],
        columns=["prefix", "task_type", "delta_points", "own"],
    )
    (axes,) = draw_cross(matrix, ["query", "clustering"], ["Retrieval", "STS"], 3.0).axes
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_gid() == "own"]
    assert [(int(frame.get_x()), int(frame.get_y())) for frame in frames] == [(0, 0)]
    assert {"+3.0", "−1.0", "−2.0"} <= {text.get_text() for text in axes.texts}


def test_shares_of_items_add_up() -> None:
    shares = compute_shares(np.array([-80.0, -20.0, -1.0, 0.0, 0.0, 1.0, 20.0, 80.0]))
    assert list(shares.values()) == [0.125, 0.125, 0.125, 0.25, 0.125, 0.125, 0.125]
    assert [name for name, _ in BINS] == list(shares)


def test_bars_of_winners_and_losers_are_as_long_as_their_shares() -> None:
    shares = compute_shares(np.array([-80.0, -20.0, -1.0, 0.0, 0.0, 1.0, 20.0, 90.0, 80.0, 5.0]))
    (axes,) = draw_shares(pd.DataFrame([{"label": "Task", **shares}])).axes
    bars = {str(patch.get_gid()).partition(":")[0]: patch for patch in axes.patches if isinstance(patch, Rectangle)}
    assert {name: bar.get_width() for name, bar in bars.items()} == pytest.approx(
        {name: share for name, share in shares.items() if name != "unchanged"}
    )
    assert all((bar.get_x() < 0) == name.startswith("lost") for name, bar in bars.items())


def test_crossed_prefixes_make_a_matrix_whose_diagonal_is_what_correct_sends(tmp_path: Path) -> None:
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    conditions = ("none", "correct", "cross:query", "cross:clustering")
    run, analysis = make_fake(tmp_path, FakeSweep(models=models, tasks=TASKS[:5], conditions=conditions, n_items=12))
    rows = [
        row.model_copy(update={"conditions": ("correct", "cross:query")})
        if row.task_type == "Retrieval" and row.conditions == ("cross:query",)
        else row
        for row in run.results
    ]
    crossed = gather_evidence([replace(run, rows=tuple(rows))], [analysis], ReportOptions())
    charts = [chart for chart in build_where(crossed).charts if chart.name.startswith("cross")]
    assert len(charts) == 1
    matrix = charts[0].data
    assert matrix[matrix["own"]][["prefix", "task_type"]].to_numpy().tolist() == [["query", "Retrieval"]]
    contrasts = analysis.contrasts
    chosen = contrasts[(contrasts["condition"] == "cross:query") & (contrasts["task_type"] == "Retrieval")]
    assert matrix[matrix["own"]]["delta_points"].tolist() == [pytest.approx(chosen["delta_points"].mean())]
    assert charts[0].draw().axes[0].patches[0].get_gid() == "own"


def test_two_splits_of_one_task_are_told_apart(tmp_path: Path) -> None:
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    run, analysis = make_fake(
        tmp_path, FakeSweep(models=models, tasks=TASKS[:1], conditions=("none", "correct"), n_items=12)
    )
    other = [row.model_copy(update={"hf_split": "dev", "cell_id": f"dev-{row.cell_id}"}) for row in run.results]
    frames = replace(
        analysis,
        contrasts=pd.concat([analysis.contrasts, analysis.contrasts.assign(hf_split="dev")], ignore_index=True),
    )
    both = gather_evidence([replace(run, rows=(*run.rows, *other))], [frames], ReportOptions())
    assert sorted(both.contrasts["label"]) == ["SciFact (dev)", "SciFact (test)"]
