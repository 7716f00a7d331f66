"""Where? Every task under every condition, and which prefix suits which task type."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.report.chart import Chart
from prefixbench.report.figures.heatmap import draw_cross, draw_heatmap
from prefixbench.report.sections.section import Section
from prefixbench.report.words import count_noun, format_points, is_number, make_anchor

if TYPE_CHECKING:
    import pandas as pd

    from prefixbench.report.evidence import Evidence

HEATMAP_COLUMNS = ["task_type", "label", "condition", "delta_points", "ci_low", "ci_high", "verdict"]
CROSS = "cross:"


def build_where(evidence: Evidence) -> Section:
    """A heat map a model; a matrix a model for crossed prefixes."""
    title = "Where?"
    frame = evidence.contrasts
    frame = frame[frame["baseline"] == "none"] if len(frame) else frame
    if not len(frame):
        return Section("where", title, absent="No contrast with the baseline yet. Add --conditions none,correct,wrong.")
    plain = frame[~frame["condition"].str.startswith(CROSS)]
    crossed = frame[frame["condition"].str.startswith(CROSS)]
    limit = _find_limit(frame["delta_points"])
    conditions = [name for name in evidence.conditions if name in set(plain["condition"])]
    charts = []
    for subject in evidence.subjects:
        rows = plain[plain["subject"] == subject].sort_values(["task_type", "label"], kind="stable")
        if len(rows) and len(conditions) > 1:
            charts.append(_chart_heatmap(subject, rows[HEATMAP_COLUMNS], conditions, limit))
    for subject in evidence.subjects:
        rows = crossed[crossed["subject"] == subject]
        if len(rows):
            charts.append(chart_cross(evidence, subject, rows, limit))
    if not charts:
        return Section(
            "where",
            title,
            absent="Only one condition was compared. Add --conditions wrong,instruction for the heat map.",
        )
    lead = f"Blue gains, orange loses, pale is nothing; the colours end at ±{limit:.0f} points for every model."
    return Section("where", title, lead=lead, charts=tuple(charts))


def _find_limit(deltas: pd.Series[float]) -> float:
    """Where colours end: all but the most extreme twentieth of the effects lie inside, in whole points."""
    known = [abs(float(value)) for value in deltas if is_number(value)]
    return float(max(1.0, np.ceil(np.quantile(known, 0.95)))) if known else 1.0


def _chart_heatmap(subject: str, rows: pd.DataFrame, conditions: list[str], limit: float) -> Chart:
    ordered = rows.dropna(subset=["delta_points"]).sort_values("delta_points", kind="stable").to_dict("records")
    worst, best = ordered[0], ordered[-1]
    finding = (
        f"{subject}: from {format_points(worst['delta_points'])} points ({worst['condition']} on {worst['label']}) "
        f"to {format_points(best['delta_points'])} ({best['condition']} on {best['label']})"
    )
    if format_points(worst["delta_points"]) == format_points(best["delta_points"]) == format_points(0.0):
        finding = f"{subject}: no condition moves any task by a tenth of a point"
    counts = rows["verdict"].value_counts()
    return Chart(
        name=make_anchor("heatmap", subject),
        title=finding,
        caption=(
            "Each cell: condition − none on the same items, in points; colour and sign say the same. Bold: "
            "the verdict is "
            "helps or hurts; plain: equivalent or inconclusive."
        ),
        description=(
            f"Heat map of {count_noun(rows['label'].nunique(), 'task')} by {count_noun(len(conditions), 'condition')}. "
            + ", ".join(f"{name}: {count}" for name, count in counts.items())
            + "."
        ),
        draw=partial(draw_heatmap, rows, conditions, limit),
        data=rows,
    )


def chart_cross(evidence: Evidence, subject: str, rows: pd.DataFrame, limit: float) -> Chart:
    """The matrix prefix × task type of one subject; its own prefix is where the cell is ``correct`` as well."""
    own = {
        (row.task, row.hf_subset, condition)
        for _, owner, row in evidence.iterate_results()
        if owner == subject and "correct" in row.conditions
        for condition in row.conditions
    }
    marked = rows.assign(
        prefix=rows["condition"].str.removeprefix(CROSS),
        own=[key in own for key in zip(rows["task"], rows["hf_subset"], rows["condition"], strict=True)],
    )
    matrix = (
        marked.groupby(["prefix", "task_type"], sort=True)
        .agg(delta_points=("delta_points", "mean"), n_tasks=("delta_points", "size"), own=("own", "any"))
        .reset_index()
    )
    order = [name.removeprefix(CROSS) for name in evidence.conditions if name.startswith(CROSS)]
    task_types = sorted(matrix["task_type"].unique())
    best = matrix.loc[matrix.groupby("task_type")["delta_points"].idxmax()]
    n_own = int(best["own"].sum())
    return Chart(
        name=make_anchor("cross", subject),
        title=f"{subject}: on {n_own} of {count_noun(len(task_types), 'task type')} the documented prefix is the best",
        caption=(
            "Rows: the prefix documented for a use. Columns: the task type it was sent on. Each cell: mean "
            "of prefix − none "
            "over the type’s tasks, in points. Framed and bold: the prefix documented for that type."
        ),
        description="; ".join(
            f"{row['prefix']} on {row['task_type']} {format_points(row['delta_points'])}"
            for row in matrix.to_dict("records")
        ),
        draw=partial(draw_cross, matrix, [name for name in order if name in set(matrix["prefix"])], task_types, limit),
        data=matrix,
    )
