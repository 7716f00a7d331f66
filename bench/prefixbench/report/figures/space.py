"""What the prefix does to the space: shift against gain, and four measures a condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.canvas import (
    clear_frame,
    draw_marks,
    label_rows,
    make_figure,
    make_grid,
    mark_zero,
    open_canvas,
)
from prefixbench.report.palette import BAND, GROUND, INK, MUTED
from prefixbench.report.words import shorten

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MEASURES = (
    ("shift_mean", "shift (1 − cosine)"),
    ("overlap_at_10", "neighbours kept @10"),
    ("shared_offset", "shared offset"),
    ("anisotropy", "anisotropy"),
)
ROLE_MARKERS = {"query": "o", "document": "s", "text": "D"}


def draw_shift_gain(points: pd.DataFrame, threshold: float) -> Figure:
    """Draw how far vectors moved against what it gained; the band at the right moved much.

    Args:
        points: ``shift``, ``delta_points``, ``verdict``.
        threshold: The shift from which a point counts as moved much.
    """
    with open_canvas():
        figure = make_figure(3.3, left=0.6, right=0.15, top=0.35, bottom=0.5)
        axes = figure.add_subplot()
        right = max(float(points["shift"].max()), threshold) * 1.06 + 1e-6
        axes.axvspan(threshold, right, color=BAND.light, zorder=0, linewidth=0)
        mark_zero(axes, vertical=False)
        verdicts = [str(verdict) for verdict in points["verdict"]]
        draw_marks(axes, points["shift"].to_list(), points["delta_points"].to_list(), verdicts, size=4.5, name="points")
        axes.annotate("moved much", (threshold, 1.0), xytext=(4, -9), xycoords=("data", "axes fraction"),
                      textcoords="offset points", fontsize=7, color=MUTED.light)  # fmt: skip
        axes.set_xlim(0.0, right)
        axes.set_xlabel("how far vectors move: mean of 1 − cosine to the same text without prefix")
        axes.set_ylabel("points from none")
        axes.grid(axis="y", linewidth=0.5)
        marks = [handle for handle in axes.get_lines() if str(handle.get_gid()).startswith("points")]
        axes.legend(handles=marks, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, fontsize=7, borderaxespad=0.2)
        clear_frame(axes, keep=("bottom", "left"))
    return figure


def draw_measures(rows: pd.DataFrame, conditions: list[str]) -> Figure:
    """Draw one panel a measure, one row a condition, one marker a role.

    Args:
        rows: ``condition``, ``role`` and the four measures, each the mean over tasks.
        conditions: The rows, from the top.
    """
    with open_canvas():
        figure, panels = make_grid(4, 0.25 * len(conditions) + 0.15, columns=4, left=1.25, between=0.2, top=0.55)
        roles = [role for role in ROLE_MARKERS if role in set(rows["role"])]
        for index, ((name, label), axes) in enumerate(zip(MEASURES, panels, strict=True)):
            for place, role in enumerate(roles):
                chosen = rows[rows["role"] == role]
                axes.plot(
                    chosen[name].to_list(),
                    [conditions.index(one) + 0.24 * (place - (len(roles) - 1) / 2) for one in chosen["condition"]],
                    marker=ROLE_MARKERS[role],
                    markersize=3.8,
                    color=INK.light,
                    markerfacecolor=INK.light if role != "document" else GROUND.light,
                    linestyle="none",
                    label=role,
                    gid=f"{name}:{role}",
                )
            label_rows(axes, [shorten(one, 22) for one in conditions], shown=index == 0)
            axes.set_xlim(
                min(-0.03, float(rows[name].min()) - 0.03),
                max(0.25 if index == 0 else 1.05, float(rows[name].max()) * 1.1),
            )
            axes.set_title(label, fontweight="normal", fontsize=8)
            axes.grid(axis="x", linewidth=0.5)
            clear_frame(axes)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="upper left", ncols=3, fontsize=7, borderaxespad=0.1)
    return figure
