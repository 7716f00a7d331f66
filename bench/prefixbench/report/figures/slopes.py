"""Slopes: how each task goes from no prefix to the documented one to a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.canvas import clear_frame, draw_marks, draw_segments, make_grid, mark_zero, open_canvas
from prefixbench.report.palette import INK, MUTED, VERDICT_COLOURS
from prefixbench.report.words import is_number, name_briefly, shorten

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_slopes(paths: pd.DataFrame, wrong: str) -> Figure:
    """Draw one panel a subject, one line a task, all from the same zero.

    Args:
        paths: ``subject``, ``label``, ``correct`` and ``wrong`` (points from none), ``verdict_correct``,
            ``verdict_wrong``.
        wrong: The condition at the right end.
    """
    subjects = paths["subject"].drop_duplicates().tolist()
    columns = min(3, len(subjects))
    with open_canvas():
        figure, panels = make_grid(len(subjects), 1.9, columns=columns, left=0.45, between=0.45, top=0.4)
        reach = [float(value) for name in ("correct", "wrong") for value in paths[name] if is_number(value)]
        low, high = min([0.0, *reach]), max([0.0, *reach])
        pad = 0.12 * max(high - low, 1.0)
        for index, (subject, axes) in enumerate(zip(subjects, panels, strict=True)):
            rows = paths[paths["subject"] == subject]
            _draw_panel(axes, rows, wrong)
            axes.set_ylim(low - pad, high + pad)
            axes.set_title(name_briefly(str(subject), 90 // columns))
            if index % columns == 0:
                axes.set_ylabel("points from none")
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, wrong: str) -> None:
    mark_zero(axes, vertical=False)
    records = rows.to_dict("records")
    draw_segments(
        axes,
        [[(0.0, 0.0), (1.0, float(row["correct"])), (2.0, float(row["wrong"]))] for row in records],
        [VERDICT_COLOURS[str(row["verdict_correct"])].light for row in records],
        width=1.1,
        name="paths",
    )
    for place, name in ((1.0, "correct"), (2.0, "wrong")):
        verdicts = [str(row[f"verdict_{name}"]) for row in records]
        draw_marks(axes, [place] * len(records), [float(row[name]) for row in records], verdicts, size=4.2, name=name)
    top = rows.sort_values("correct", kind="stable").to_dict("records")[-1]
    bottom = rows.sort_values("wrong", kind="stable").to_dict("records")[0]
    for place, row, name, offset in ((1, top, "correct", 5), (2, bottom, "wrong", -10)):
        axes.annotate(
            shorten(str(row["label"]), 22),
            (place, float(row[name])),
            xytext=(0 if place == 1 else 6, offset),
            textcoords="offset points",
            ha="center" if place == 1 else "right",
            fontsize=6.5,
            color=MUTED.light,
        )
    axes.set_xlim(-0.15, 2.2)
    axes.set_xticks([0, 1, 2], ["none", "correct", shorten(wrong, 16)], color=INK.light)
    axes.grid(axis="y", linewidth=0.5)
    clear_frame(axes, keep=())
