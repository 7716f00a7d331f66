"""Whether the same documents are found: the overlap of rankings under two conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.ways import name_way
from prefixbench.report.words import format_share, name_briefly

if TYPE_CHECKING:
    from collections.abc import Hashable

    from prefixbench.report.evidence import Evidence

_COLUMNS = (
    Column("Task"),
    Column("Model", wide=True),
    Column("Sent"),
    Column("Overlap", numeric=True, hint="mean rank-biased overlap over queries: 1 the same hits, 0 others"),
    Column("Interval", numeric=True, hint="95% of it, over queries"),
    Column("Same first hit", numeric=True, hint="share of queries"),
    Column("Queries", numeric=True, wide=True),
)


def tabulate_found(evidence: Evidence) -> Table:
    """One row a model, task and contrast whose hits were kept, those that share least first."""
    rows = evidence.rankings.to_dict("records")
    several = len(evidence.subjects) > 1
    lines = [_enter(row, several=several) for row in sorted(rows, key=lambda row: row["overlap"])]
    columns = tuple(column for column in _COLUMNS if several or column.label != "Model")
    return Table("found", "The same documents found", columns, tuple(lines))


def _enter(row: dict[Hashable, Any], *, several: bool) -> Line:
    low, high = row["overlap_low"], row["overlap_high"]
    return Line(
        (
            Entry(str(row["label"])),
            *((Entry(name_briefly(str(row["subject"]), 40)),) if several else ()),
            Entry(f"{name_way(str(row['condition']))} against {name_way(str(row['baseline']))}"),
            Entry(f"{row['overlap']:.2f}", float(row["overlap"])),
            Entry(f"[{low:.2f}, {high:.2f}]", float(low)),
            Entry(format_share(row["same_first"]), float(row["same_first"])),
            enter_count(row["n_items"]),
        )
    )
