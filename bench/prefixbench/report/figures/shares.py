"""Who wins, who loses: how the items of each task spread from great loss to great gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from prefixbench.report.canvas import clear_frame, label_rows, make_figure, mark_zero, open_canvas
from prefixbench.report.palette import GROUND, MUTED, STEPS
from prefixbench.report.words import format_share, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable
    from typing import Any

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BINS = (
    ("lost over 50", 0),
    ("lost 10 to 50", 1),
    ("lost under 10", 2),
    ("unchanged", 4),
    ("gained under 10", 6),
    ("gained 10 to 50", 7),
    ("gained over 50", 8),
)
"""Points an item moved, and the colour step that stands for it."""

_UNCHANGED = 1e-9


def compute_shares(deltas: NDArray[np.float64]) -> dict[str, float]:
    """The share of items in each of ``BINS``.

    Args:
        deltas: Points each item gained, shape ``(n_items,)``.
    """
    size = np.abs(deltas)
    masks = (
        (deltas < 0) & (size > 50),
        (deltas < 0) & (size > 10) & (size <= 50),
        (deltas < 0) & (size > _UNCHANGED) & (size <= 10),
        size <= _UNCHANGED,
        (deltas > 0) & (size > _UNCHANGED) & (size <= 10),
        (deltas > 0) & (size > 10) & (size <= 50),
        (deltas > 0) & (size > 50),
    )
    return {name: float(mask.mean()) for (name, _), mask in zip(BINS, masks, strict=True)}


def draw_shares(rows: pd.DataFrame) -> Figure:
    """Draw losers to the left of zero and winners to the right; who stayed is the room that is left.

    Args:
        rows: ``label`` and one share (0–1) for each of ``BINS``, one row a line of the figure.
    """
    n_rows = len(rows)
    with open_canvas():
        figure = make_figure(0.2 * n_rows + 0.75, left=2.05, right=0.3, top=0.3, bottom=0.45)
        axes = figure.add_subplot()
        label_rows(axes, [shorten(str(label), 34) for label in rows["label"]])
        reach = 0.05
        for line, row in enumerate(rows.to_dict("records")):
            lost = _stack(axes, line, row, (2, 1, 0), -1)
            gained = _stack(axes, line, row, (4, 5, 6), 1)
            reach = max(reach, lost, gained)
            for end, side, share in ((-lost, "right", lost), (gained, "left", gained)):
                axes.annotate(
                    format_share(share),
                    (end, line),
                    xytext=(-3 if side == "right" else 3, 0),
                    textcoords="offset points",
                    ha=side,
                    va="center",
                    fontsize=7,
                    color=MUTED.light,
                )
        reach = min(1.0, reach * 1.12)
        axes.set_xlim(-reach - 0.1, reach + 0.1)
        mark_zero(axes)
        _finish(figure, axes)
    return figure


def _stack(axes: Axes, line: int, row: dict[Hashable, Any], places: tuple[int, ...], sign: int) -> float:
    """Lay the bins outwards from zero; returns how far they reach."""
    start = 0.0
    for place in places:
        name, step = BINS[place]
        share = float(row[name])
        if share > 0.0:
            axes.add_patch(
                Rectangle(
                    (sign * start if sign > 0 else -start - share, line - 0.36),
                    share,
                    0.72,
                    facecolor=STEPS[step].light,
                    edgecolor=GROUND.light,
                    linewidth=0.6,
                    gid=f"{name}:{row['label']}",
                )
            )
        start += share
    return start


def _finish(figure: Figure, axes: Axes) -> None:
    axes.set_xlabel("share of items")
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value) * 100:.0f} %")
    handles = [Rectangle((0, 0), 1, 1, facecolor=STEPS[step].light) for name, step in BINS if name != "unchanged"]
    figure.legend(
        handles,
        [name for name, _ in BINS if name != "unchanged"],
        loc="upper left",
        ncols=6,
        fontsize=7,
        handlelength=1.0,
        columnspacing=0.9,
        borderaxespad=0.1,
    )
    clear_frame(axes)
