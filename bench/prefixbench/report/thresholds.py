"""Thresholds that would have to move: pairs that a fixed cosine calls alike, before and after a prefix is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefixbench.report.table import Column, Entry, Line, Table, enter_interval, enter_points, enter_verdict
from prefixbench.report.ways import name_way
from prefixbench.report.words import format_share, format_shift, name_briefly

if TYPE_CHECKING:
    from collections.abc import Hashable

    from prefixbench.report.evidence import Evidence

_COLUMNS = (
    Column("Sent"),
    Column("Task"),
    Column("Model", wide=True),
    Column("Cosine", numeric=True, hint="mean change of the cosine of a pair"),
    Column("Called alike", numeric=True, hint="share of pairs above the threshold that was best under none"),
    Column("Accuracy Δ", numeric=True, hint="points that calling pairs by that threshold gains or loses"),
    Column("Interval", numeric=True, wide=True, hint="adjusted over the conditions of the task"),
    Column("Verdict"),
)


def tabulate_thresholds(evidence: Evidence) -> Table:
    """One row a model, task and condition with labelled pairs, those most pairs change sides in first."""
    frame = evidence.drift
    rows = frame.to_dict("records") if len(frame) and "share_points" in frame else []
    rows = [row for row in rows if row["share_points"] == row["share_points"]]  # unlabelled pairs have no threshold
    several = len(evidence.subjects) > 1
    lines = [_enter(row, several=several) for row in sorted(rows, key=lambda row: -abs(row["share_points"]))]
    columns = tuple(column for column in _COLUMNS if several or column.label != "Model")
    return Table("thresholds", "A threshold kept from none", columns, tuple(lines))


def _enter(row: dict[Hashable, Any], *, several: bool) -> Line:
    before, after = format_share(row["share_alike_before"]), format_share(row["share_alike"])
    return Line(
        (
            Entry(name_way(str(row["condition"]))),
            Entry(str(row["label"])),
            *((Entry(name_briefly(str(row["subject"]), 40)),) if several else ()),
            Entry(format_shift(row["cosine_shift"]), float(row["cosine_shift"])),
            Entry(f"{before} → {after}", float(row["share_points"])),
            enter_points(row["accuracy_points"]),
            enter_interval(row["accuracy_low_adjusted"], row["accuracy_high_adjusted"]),
            enter_verdict(str(row["verdict"])),
        )
    )
