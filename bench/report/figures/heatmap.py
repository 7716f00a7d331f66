"""The heat map: every task under every condition, zero in the middle; and the matrix of prefixes against task types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle

from bench.report.canvas import WIDTH, clear_frame, make_figure, open_canvas
from bench.report.palette import GROUND, INK, MUTED, STEP_INK, STEP_INK_STRONG, STEPS, compute_step
from bench.report.words import format_points, is_number, shorten

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.2
LEFT = 2.05


def draw_heatmap(cells: pd.DataFrame, conditions: list[str], limit: float) -> Figure:
    """Draw one subject's heat map.

    Args:
        cells: ``label``, ``task_type``, ``condition``, ``delta_points``, ``verdict``; tasks in the order drawn.
        conditions: The columns, left to right.
        limit: Points at which the colours end, on both sides of zero.
    """
    rows = cells[["label", "task_type"]].drop_duplicates().to_dict("records")
    lines = _lay_out([(str(row["label"]), str(row["task_type"])) for row in rows])
    n_lines = max(line for line, _, _ in lines) + 1
    with open_canvas():
        figure = make_figure(ROW * n_lines + 0.85, left=LEFT, right=0.45, top=0.8, bottom=0.05)
        axes = _prepare(figure, conditions, n_lines)
        place = {(task_type, label): line for line, label, task_type in lines if label}
        for line, label, task_type in lines:
            axes.annotate(
                shorten(label or task_type, 34),
                (0.0, line + 0.5),
                xytext=(-6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="center",
                fontweight="normal" if label else "bold",
                color=INK.light if label else MUTED.light,
            )
        for row in cells.to_dict("records"):
            line = place[(str(row["task_type"]), str(row["label"]))]
            _fill(
                axes,
                conditions.index(str(row["condition"])),
                line,
                float(row["delta_points"]),
                str(row["verdict"]),
                limit,
            )
    return figure


def draw_cross(matrix: pd.DataFrame, prefixes: list[str], task_types: list[str], limit: float) -> Figure:
    """Draw one subject's matrix of prefixes (rows) against task types (columns).

    Args:
        matrix: ``prefix``, ``task_type``, ``delta_points``, ``own``: whether this is the type's documented prefix.
        prefixes: The rows, from the top.
        task_types: The columns, left to right.
        limit: Points at which the colours end.
    """
    with open_canvas():
        figure = make_figure(0.26 * len(prefixes) + 0.85, left=LEFT, right=0.45, top=0.8, bottom=0.05)
        axes = _prepare(figure, task_types, len(prefixes))
        for line, prefix in enumerate(prefixes):
            axes.annotate(
                shorten(prefix, 34),
                (0.0, line + 0.5),
                xytext=(-6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                va="center",
            )
        for row in matrix.to_dict("records"):
            column, line = task_types.index(str(row["task_type"])), prefixes.index(str(row["prefix"]))
            _fill(axes, column, line, float(row["delta_points"]), "helps" if row["own"] else "", limit)
            if row["own"]:
                axes.add_patch(
                    Rectangle(
                        (column + 0.05, line + 0.09),
                        0.9,
                        0.82,
                        fill=False,
                        edgecolor=INK.light,
                        linewidth=1.4,
                        zorder=4,
                    )
                )
    return figure


def _lay_out(rows: list[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Lines from the top: a heading (no label) before each task type's tasks."""
    lines: list[tuple[int, str, str]] = []
    last = None
    for label, task_type in rows:
        if task_type != last:
            lines.append((len(lines), "", task_type))
            last = task_type
        lines.append((len(lines), label, task_type))
    return lines


def _prepare(figure: Figure, columns: list[str], n_lines: int) -> Axes:
    axes = figure.add_subplot()
    axes.set_xlim(0, len(columns))
    axes.set_ylim(n_lines, 0)
    axes.set_yticks([])
    axes.xaxis.tick_top()
    crowded = len(columns) * 0.95 > WIDTH - LEFT
    axes.set_xticks(
        [index + 0.5 for index in range(len(columns))],
        [shorten(name, 18) for name in columns],
        rotation=38 if crowded else 0,
        ha="left" if crowded else "center",
        rotation_mode="anchor",
        color=INK.light,
    )
    clear_frame(axes, keep=())
    return axes


def _fill(axes: Axes, column: int, line: int, delta: float, verdict: str, limit: float) -> None:
    if not is_number(delta):
        return
    step = compute_step(delta, limit)
    axes.add_patch(
        Rectangle(
            (column, line),
            1,
            1,
            facecolor=STEPS[step].light,
            edgecolor=GROUND.light,
            linewidth=1.2,
            gid=f"cell:{line}:{column}",
        )
    )
    strong = step in {0, 1, 7, 8}
    axes.text(
        column + 0.5,
        line + 0.5,
        format_points(delta),
        ha="center",
        va="center_baseline",
        fontsize=7,
        color=(STEP_INK_STRONG if strong else STEP_INK).light,
        fontweight="bold" if verdict in {"helps", "hurts"} else "normal",
    )
