"""The strip: a few conditions beside each other, every task a mark, the estimate over tasks on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.canvas import clear_frame, draw_marks, label_rows, make_grid, mark_zero, open_canvas
from prefixbench.report.palette import INK
from prefixbench.report.words import is_number, name_briefly, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRIP_COLUMNS = ["subject", "condition", "label", "delta_points", "ci_low", "ci_high", "verdict"]


def draw_strip(marks: pd.DataFrame, pooled: pd.DataFrame, conditions: list[str]) -> Figure:
    """Draw one panel a subject, one row a condition.

    Args:
        marks: ``STRIP_COLUMNS``, one row a subject, condition and task.
        pooled: ``subject``, ``condition``, ``delta_points``, ``ci_low``, ``ci_high``; may be empty.
        conditions: The rows, from the top.
    """
    subjects = marks["subject"].drop_duplicates().tolist()
    columns = min(2, len(subjects))
    with open_canvas():
        figure, panels = make_grid(
            len(subjects), 0.27 * len(conditions) + 0.1, columns=columns, left=1.25, between=0.25
        )
        ends = [abs(float(value)) for value in [*marks["delta_points"], *pooled["ci_low"], *pooled["ci_high"]]]
        reach = max([1.0, *(end for end in ends if is_number(end))]) * 1.06
        for index, (subject, axes) in enumerate(zip(subjects, panels, strict=True)):
            _draw_panel(axes, marks[marks["subject"] == subject], pooled[pooled["subject"] == subject], conditions)
            label_rows(axes, [shorten(name, 22) for name in conditions], shown=index % columns == 0)
            axes.set_xlim(-reach, reach)
            axes.set_title(name_briefly(str(subject), 44 if columns == 2 else 90))
            if index >= len(subjects) - columns:
                axes.set_xlabel("points from none")
    return figure


def _draw_panel(axes: Axes, marks: pd.DataFrame, pooled: pd.DataFrame, conditions: list[str]) -> None:
    mark_zero(axes)
    lines = [conditions.index(str(name)) + 0.16 for name in marks["condition"]]
    deltas = [float(delta) for delta in marks["delta_points"]]
    draw_marks(axes, deltas, lines, [str(verdict) for verdict in marks["verdict"]], size=3.8, name="tasks")
    for row in pooled.to_dict("records"):
        _draw_estimate(axes, conditions.index(str(row["condition"])) - 0.2, row)
    axes.grid(axis="x", linewidth=0.5)
    clear_frame(axes)


def _draw_estimate(axes: Axes, line: float, row: dict[Hashable, Any]) -> None:
    if is_number(row["ci_low"]) and is_number(row["ci_high"]):
        axes.plot([row["ci_low"], row["ci_high"]], [line, line], color=INK.light, linewidth=1.6, zorder=3)
    axes.plot(
        [row["delta_points"]],
        [line],
        marker="d",
        markersize=5,
        color=INK.light,
        linestyle="none",
        zorder=4,
        gid="pooled",
    )
