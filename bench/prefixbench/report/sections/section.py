"""What every section hands to the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefixbench.report.chart import Chart
    from prefixbench.report.table import Table


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        anchor: Its fragment identifier.
        title: Its heading.
        lead: One or two sentences under it.
        charts: Its figures, in order.
        tables: Its tables, after the figures.
        absent: Where the runs hold nothing for it: one line with the flag that would add it.
        template: A template of its own for what is neither figure nor table.
        view: What that template shows.
    """

    anchor: str
    title: str
    lead: str = ""
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    absent: str = ""
    template: str = ""
    view: dict[str, Any] = field(default_factory=dict)
