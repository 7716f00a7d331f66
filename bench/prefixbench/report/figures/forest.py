"""The forest plot: what the prefix is worth on each task, how surely, and over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.patches import Polygon

from prefixbench.report.canvas import (
    clear_frame,
    draw_boxes,
    draw_marks,
    draw_segments,
    make_figure,
    mark_zero,
    open_canvas,
    write_beside,
)
from prefixbench.report.palette import BAND, INK, MUTED, RULE, VERDICT_COLOURS
from prefixbench.report.words import format_interval, format_points, is_number, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOREST_COLUMNS = [
    "label",
    "task_type",
    "n_items",
    "baseline_score",
    "score",
    "delta_points",
    "ci_low",
    "ci_high",
    "mde",
    "p_holm",
    "verdict",
]
ROW = 0.2
"""Inches a task takes."""


def draw_forest(rows: pd.DataFrame, pooled: pd.DataFrame) -> Figure:
    """Draw one subject's forest.

    Each task is a marker whose shape and colour say the verdict, on its interval; the pale bar behind it spans the
    effects too small for this many items (± minimum detectable effect). The diamond is the estimate over all tasks, the
    thin line through it the prediction interval for another task.

    Args:
        rows: ``FOREST_COLUMNS``, one row a task, grouped by ``task_type``.
        pooled: One row or none: ``delta_points``, ``ci_low``, ``ci_high``, ``pi_low``, ``pi_high``, ``verdict``.
    """
    headings = rows["task_type"].drop_duplicates().tolist()
    n_lines = len(rows) + len(headings) + (2 if len(pooled) else 0)
    with open_canvas():
        figure = make_figure(ROW * n_lines + 0.68, left=2.05, right=1.65, top=0.15, bottom=0.45)
        axes = figure.add_subplot()
        axes.set_ylim(n_lines - 0.4, -0.6)
        reach = _find_reach(rows, pooled)
        axes.set_xlim(-reach, reach)
        mark_zero(axes)
        places: list[int] = []
        for heading in headings:
            write_beside(
                axes, len(places) + headings.index(heading), shorten(heading, 34), -6,
                ha="right", fontweight="bold", color=MUTED.light,
            )  # fmt: skip
            n_tasks = int((rows["task_type"] == heading).sum())
            first = len(places) + headings.index(heading) + 1
            places += range(first, first + n_tasks)
        _draw_tasks(axes, places, rows.to_dict("records"), reach)
        for row in pooled.to_dict("records"):
            _draw_pooled(axes, n_lines - 1.5 + 0.5, row, reach)
        _finish(axes)
    return figure


def _draw_tasks(axes: Axes, places: Sequence[int], rows: Sequence[dict[Hashable, Any]], reach: float) -> None:
    verdicts = [str(row["verdict"]) for row in rows]
    spans = [
        (line, min(float(row["mde"]), reach)) for line, row in zip(places, rows, strict=True) if is_number(row["mde"])
    ]
    boxes = [(-mde, line - 0.32, 2 * mde, 0.64) for line, mde in spans]
    draw_boxes(axes, boxes, [BAND.light] * len(boxes), edge=0.0, name="mde")
    known = [
        (line, row)
        for line, row in zip(places, rows, strict=True)
        if is_number(row["ci_low"]) and is_number(row["ci_high"])
    ]
    draw_segments(
        axes,
        [[(row["ci_low"], line), (row["ci_high"], line)] for line, row in known],
        [VERDICT_COLOURS[str(row["verdict"])].light for _, row in known],
        width=1.6,
        name="intervals",
    )
    draw_marks(axes, [float(row["delta_points"]) for row in rows], places, verdicts, size=5.5, name="tasks")
    for line, row in zip(places, rows, strict=True):
        write_beside(axes, line, shorten(str(row["label"]), 34), -6, ha="right")
        _write_estimate(axes, line, row)


def _draw_pooled(axes: Axes, line: float, row: dict[Hashable, Any], reach: float) -> None:
    colour = VERDICT_COLOURS.get(str(row["verdict"]), INK).light
    low, centre, high = (float(row[name]) for name in ("ci_low", "delta_points", "ci_high"))
    if is_number(row["pi_low"]) and is_number(row["pi_high"]):
        ends = [max(-reach, row["pi_low"]), min(reach, row["pi_high"])]
        axes.plot(ends, [line, line], color=MUTED.light, linewidth=0.9, zorder=2, gid="prediction")
    diamond = Polygon(
        [(low, line), (centre, line - 0.34), (high, line), (centre, line + 0.34)],
        facecolor=colour,
        edgecolor=colour,
        zorder=3,
        gid="pooled",
    )
    axes.add_patch(diamond)
    axes.axhline(line - 0.75, color=RULE.light, linewidth=0.8)
    write_beside(axes, line, "All tasks", -6, ha="right", fontweight="bold")
    _write_estimate(axes, line, row, weight="bold")


def _write_estimate(axes: Axes, line: float, row: dict[Hashable, Any], *, weight: str = "normal") -> None:
    colour = VERDICT_COLOURS.get(str(row["verdict"]), INK).light
    write_beside(axes, line, format_points(row["delta_points"]), 30, ha="right", color=colour, fontweight="bold")
    interval = format_interval(row["ci_low"], row["ci_high"])
    write_beside(axes, line, interval, 36, ha="left", color=MUTED.light, fontweight=weight)


def _find_reach(rows: pd.DataFrame, pooled: pd.DataFrame) -> float:
    """How far the scale goes on both sides: to the widest interval, at least one point."""
    ends = [
        abs(float(value))
        for frame, names in ((rows, ("ci_low", "ci_high", "delta_points")), (pooled, ("ci_low", "ci_high")))
        for name in names
        if name in frame
        for value in frame[name]
        if is_number(value)
    ]
    return max([1.0, *ends]) * 1.08


def _finish(axes: Axes) -> None:
    axes.set_yticks([])
    axes.grid(axis="x", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("points gained by the prefix (correct − none)")
    clear_frame(axes)
