"""The ground every figure is drawn on: one look, no global state left behind, names taken literally."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.report.palette import GROUND, INK, MUTED, RULE

if TYPE_CHECKING:
    from collections.abc import Iterator

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
