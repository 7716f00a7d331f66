"""A figure with all that belongs to it: the finding, the method, the words for those who cannot see it, its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bench.report.canvas import open_canvas
from bench.report.svg import render_svg
from bench.report.words import make_anchor

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from markupsafe import Markup
    from matplotlib.figure import Figure

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
        figure: Drawn in the palette's light colours.
        data: Exactly what is drawn, one row a mark.
    """

    name: str
    title: str
    caption: str
    description: str
    figure: Figure
    data: pd.DataFrame

    @property
    def anchor(self) -> str:
        """Where the page holds it."""
        return make_anchor("figure", self.name)

    @property
    def svg(self) -> Markup:
        """The figure for the page."""
        return render_svg(self.figure, self.anchor, self.title, self.description)

    @property
    def csv_link(self) -> str:
        """The data as a link that holds them."""
        return link_csv(self.data)


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
            stem = folder / chart.name
            for ending, options in ((".pdf", {"metadata": {"CreationDate": None}}), (".png", {"dpi": 300})):
                path = stem.with_name(stem.name + ending)
                chart.figure.savefig(path, facecolor="white", **options)
                written.append(path)
            path = stem.with_name(stem.name + ".csv")
            chart.data.to_csv(path, index=False, float_format="%.6g")
            written.append(path)
    return written
