"""The forest plot: what the prefix is worth on each task, how surely, and over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.patches import Polygon, Rectangle

from bench.report.canvas import clear_frame, make_figure, open_canvas
from bench.report.palette import BAND, GROUND, INK, MUTED, RULE, VERDICT_COLOURS
from bench.report.words import VERDICT_MARKERS, format_interval, format_points, is_number, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable

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
        figure = make_figure(ROW * n_lines + 0.75, left=2.05, right=1.65, top=0.22, bottom=0.45)
        axes = figure.add_subplot()
        axes.set_ylim(n_lines - 0.4, -0.6)
        axes.axvline(0.0, color=MUTED.light, linewidth=0.8, zorder=1)
        line = 0
        for heading in headings:
            _write_left(axes, line, shorten(heading, 34), bold=True)
            for row in rows[rows["task_type"] == heading].to_dict("records"):
                line += 1
                _draw_task(axes, line, row)
            line += 1
        for row in pooled.to_dict("records"):
            _draw_pooled(axes, line + 0.5, row)
        _finish(axes, rows, pooled)
    return figure


def _draw_task(axes: Axes, line: float, row: dict[Hashable, Any]) -> None:
    verdict = str(row["verdict"])
    colour = VERDICT_COLOURS[verdict].light
    mde = row["mde"]
    if is_number(mde):
        axes.add_patch(
            Rectangle(
                (-float(mde), line - 0.32), 2 * float(mde), 0.64, facecolor=BAND.light, edgecolor="none", zorder=0
            )
        )
    if is_number(row["ci_low"]) and is_number(row["ci_high"]):
        axes.plot([row["ci_low"], row["ci_high"]], [line, line], color=colour, linewidth=1.6, zorder=2)
    axes.plot(
        [row["delta_points"]],
        [line],
        marker=VERDICT_MARKERS[verdict],
        markersize=5.5,
        color=colour,
        markerfacecolor=GROUND.light if verdict == "inconclusive" else colour,
        markeredgewidth=1.3,
        linestyle="none",
        zorder=3,
        gid=f"task:{row['label']}",
    )
    _write_left(axes, line, shorten(str(row["label"]), 34))
    _write_right(axes, line, row, colour)


def _draw_pooled(axes: Axes, line: float, row: dict[Hashable, Any]) -> None:
    colour = VERDICT_COLOURS.get(str(row["verdict"]), INK).light
    low, centre, high = (float(row[name]) for name in ("ci_low", "delta_points", "ci_high"))
    if is_number(row["pi_low"]) and is_number(row["pi_high"]):
        axes.plot([row["pi_low"], row["pi_high"]], [line, line], color=MUTED.light, linewidth=0.9, zorder=2)
    diamond = Polygon(
        [(low, line), (centre, line - 0.34), (high, line), (centre, line + 0.34)],
        facecolor=colour,
        edgecolor=colour,
        zorder=3,
        gid="pooled",
    )
    axes.add_patch(diamond)
    axes.axhline(line - 0.75, color=RULE.light, linewidth=0.8)
    _write_left(axes, line, "All tasks", bold=True)
    _write_right(axes, line, row, colour, bold=True)


def _write_left(axes: Axes, line: float, text: str, *, bold: bool = False) -> None:
    axes.annotate(
        text,
        (0.0, line),
        xytext=(-6, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="center",
        fontweight="bold" if bold else "normal",
        color=MUTED.light if bold and text != "All tasks" else INK.light,
    )


def _write_right(axes: Axes, line: float, row: dict[Hashable, Any], colour: str, *, bold: bool = False) -> None:
    places = ((30, "right", format_points(float(row["delta_points"])), colour, "bold"),)
    interval = format_interval(float(row["ci_low"]), float(row["ci_high"]))
    for offset, side, text, shade, weight in (
        *places,
        (36, "left", interval, MUTED.light, "bold" if bold else "normal"),
    ):
        axes.annotate(
            text,
            (1.0, line),
            xytext=(offset, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha=side,
            va="center",
            color=shade,
            fontweight=weight,
        )


def _finish(axes: Axes, rows: pd.DataFrame, pooled: pd.DataFrame) -> None:
    ends = [
        abs(float(value))
        for frame, names in ((rows, ("ci_low", "ci_high", "delta_points")), (pooled, ("ci_low", "ci_high")))
        for name in names
        if name in frame
        for value in frame[name]
        if is_number(value)
    ]
    reach = max([1.0, *ends]) * 1.08
    axes.set_xlim(-reach, reach)
    axes.set_yticks([])
    axes.grid(axis="x", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("points gained by the prefix (correct − none)")
    clear_frame(axes)
