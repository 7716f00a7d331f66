"""The ground every figure is drawn on: one look, no global state left behind, names taken literally, few artists."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from prefixbench.report.palette import GROUND, INK, MUTED, RULE, VERDICT_COLOURS
from prefixbench.report.words import VERDICT_MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

WIDTH = 7.2
"""Inches: two columns of a paper."""

_STYLE: dict[str, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "prefixbench",
    "pdf.fonttype": 42,
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": RULE.light,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED.light,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "grid.color": RULE.light,
    "text.color": INK.light,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "legend.frameon": False,
    "patch.edgecolor": GROUND.light,
}


@contextmanager
def open_canvas() -> Iterator[None]:
    """The look of every figure while drawing or writing one.

    Names may hold letters the drawing font lacks; the reader's browser has them, so that warning says nothing.
    """
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type] # keys are a Literal there
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def make_figure(height: float, *, left: float, right: float, top: float = 0.25, bottom: float = 0.45) -> Figure:
    """An empty figure of the usual width with margins in inches."""
    figure = Figure(figsize=(WIDTH, height))
    figure.subplots_adjust(left=left / WIDTH, right=1 - right / WIDTH, top=1 - top / height, bottom=bottom / height)
    return figure


def clear_frame(axes: Axes, *, keep: tuple[str, ...] = ("bottom",)) -> None:
    """Only the spines that carry a scale stay."""
    for name, spine in axes.spines.items():
        spine.set_visible(name in keep)


def make_grid(
    n_panels: int, panel_height: float, *, columns: int, left: float, between: float = 0.25, top: float = 0.35
) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels, row by row, with shared room for labels at the left.

    Args:
        n_panels: Panels wanted.
        panel_height: Inches of each panel's axes.
        columns: Panels a row at most.
        left: Inches for the labels of the first column.
        between: Inches between columns.
        top: Inches above each row, for its titles.
    """
    columns = min(columns, n_panels)
    n_rows = -(-n_panels // columns)
    below = 0.42
    height = n_rows * (panel_height + top) + (n_rows - 1) * 0.2 + below
    figure = Figure(figsize=(WIDTH, height))
    width = (WIDTH - left - 0.12 - between * (columns - 1)) / columns
    panels = []
    for index in range(n_panels):
        row, column = divmod(index, columns)
        bottom = height - (row + 1) * (panel_height + top) - row * 0.2
        place = (left + column * (width + between), bottom, width, panel_height)
        panels.append(figure.add_axes((place[0] / WIDTH, place[1] / height, place[2] / WIDTH, place[3] / height)))
    return figure, panels


def mark_zero(axes: Axes, *, vertical: bool = True) -> None:
    """The line of no effect."""
    draw = axes.axvline if vertical else axes.axhline
    draw(0.0, color=MUTED.light, linewidth=0.8, zorder=1)


def label_rows(axes: Axes, labels: list[str], *, shown: bool = True) -> None:
    """Rows counted from the top, named at the left where ``shown``."""
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks(range(len(labels)), labels if shown else [""] * len(labels))
    axes.tick_params(axis="y", colors=INK.light)


def write_beside(axes: Axes, line: float, text: str, offset: float, **style: object) -> None:
    """Text left (negative offset) or right of the axes, level with a row; the offset is in points from the edge."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    edge = 0.0 if offset < 0 else 1.0
    place = axes.get_yaxis_transform() + ScaledTranslation(offset / 72, 0.0, figure.dpi_scale_trans)
    axes.text(edge, line, text, transform=place, va="center", **style)  # type: ignore[arg-type] # text properties


def draw_marks(
    axes: Axes,
    xs: Sequence[float],
    ys: Sequence[float],
    verdicts: Sequence[str],
    *,
    size: float = 5.0,
    name: str = "marks",
) -> None:
    """Markers whose shape and colour say the verdict, one artist a verdict."""
    for verdict in dict.fromkeys(verdicts):
        chosen = [index for index, one in enumerate(verdicts) if one == verdict]
        colour = VERDICT_COLOURS[verdict].light
        axes.plot(
            [xs[index] for index in chosen],
            [ys[index] for index in chosen],
            marker=VERDICT_MARKERS[verdict],
            markersize=size,
            color=colour,
            markerfacecolor=GROUND.light if verdict == "inconclusive" else colour,
            markeredgewidth=size / 4.5,
            linestyle="none",
            zorder=3,
            label=verdict,
            gid=f"{name}:{verdict}",
        )


def draw_segments(
    axes: Axes, segments: Sequence[Sequence[tuple[float, float]]], colours: Sequence[str], *, width: float, name: str
) -> None:
    """Line segments in one artist; each a colour of its own."""
    lines = LineCollection(segments, colors=colours, linewidths=width, zorder=2, gid=name)
    axes.add_collection(lines, autolim=False)


def draw_boxes(
    axes: Axes, boxes: Sequence[tuple[float, float, float, float]], colours: Sequence[str], *, edge: float, name: str
) -> None:
    """Filled boxes (left, top, width, height) in one artist, parted by ``edge`` points of ground."""
    corners = [[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for x, y, w, h in boxes]
    edges = GROUND.light if edge else "none"
    axes.add_collection(
        PolyCollection(corners, facecolors=colours, edgecolors=edges, linewidths=edge, zorder=0.5, gid=name),
        autolim=False,
    )
