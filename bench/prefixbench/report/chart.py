"""A figure with all that belongs to it: the finding, the method, the words for those who cannot see it, its data."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING
from urllib.parse import quote

from prefixbench.report.canvas import open_canvas
from prefixbench.report.svg import render_svg
from prefixbench.report.words import make_anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd
    from markupsafe import Markup
    from matplotlib.figure import Figure

FEWEST_SHARED = 16
"""Figures from which starting other processes pays."""

_LEFT_AS_THEY_ARE = " ,;:!*()/'@&=+$-_.~[]|{}"
"""Every byte that needs no escape inside a quoted ``data:`` link; escaping them would treble a table's size."""


@dataclass(frozen=True)
class Chart:
    """A finished figure.

    Attributes:
        name: File name without its ending; unique among a report's figures.
        title: The finding, as a sentence.
        caption: The method: what is drawn, and how it was got.
        description: What a reader would see, in words.
        draw: Draws it in the palette's light colours; picklable, so that another process can.
        data: Exactly what is drawn, one row a mark.
    """

    name: str
    title: str
    caption: str
    description: str
    draw: Callable[[], Figure]
    data: pd.DataFrame

    @property
    def anchor(self) -> str:
        """Where the page holds it."""
        return make_anchor("figure", self.name)

    @property
    def csv_link(self) -> str:
        """The data as a link that holds them."""
        return link_csv(self.data)


def render_drawings(charts: Sequence[Chart], n_processes: int = 1) -> dict[str, Markup]:
    """Every figure for the page, by anchor; many are drawn by several processes."""
    if len(charts) < FEWEST_SHARED or n_processes == 1:
        drawings = [_render(chart) for chart in charts]
    else:
        with ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
            drawings = list(pool.map(_render, charts, chunksize=2))
    return {chart.anchor: drawing for chart, drawing in zip(charts, drawings, strict=True)}


def _render(chart: Chart) -> Markup:
    return render_svg(chart.draw(), chart.anchor, chart.title, chart.description)


def link_csv(frame: pd.DataFrame) -> str:
    """A frame as a ``data:`` link; numbers keep six significant digits."""
    content = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return "data:text/csv;charset=utf-8," + quote(content, safe=_LEFT_AS_THEY_ARE)


def write_charts(charts: list[Chart], folder: Path) -> list[Path]:
    """Write each figure as PDF and PNG (300 dots an inch) with its data as CSV beside it.

    Returns:
        The files, in the order written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with open_canvas():
        for chart in charts:
            figure = chart.draw()
            stem = folder / chart.name
            for ending, options in ((".pdf", {"metadata": {"CreationDate": None}}), (".png", {"dpi": 300})):
                path = stem.with_name(stem.name + ending)
                figure.savefig(path, facecolor="white", **options)
                written.append(path)
            path = stem.with_name(stem.name + ".csv")
            chart.data.to_csv(path, index=False, float_format="%.6g")
            written.append(path)
    return written
