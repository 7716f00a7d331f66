"""Who gains more from the documented prefix: by length, by shared words, by the prefix's share of the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefixbench.report.sentences import name_type
from prefixbench.report.table import (
    Column,
    Entry,
    Line,
    Table,
    enter_count,
    enter_interval,
    enter_points,
    enter_verdict,
)
from prefixbench.report.words import name_briefly

if TYPE_CHECKING:
    from collections.abc import Hashable

    from prefixbench.report.evidence import Evidence

_BY = {
    "length": "longer texts",
    "overlap": "more shared words",
    "prefix share": "prefix a larger part",
}
_COLUMNS = (
    Column("Task"),
    Column("Model", wide=True),
    Column("By", hint="items above the median against the others"),
    Column("Above", numeric=True, wide=True, hint="points gained above the median"),
    Column("Below", numeric=True, wide=True, hint="points gained by the others"),
    Column("Δ", numeric=True),
    Column("Interval", numeric=True, wide=True, hint="adjusted over the rows of the model"),
    Column("Verdict"),
    Column("Items", numeric=True, wide=True),
)


def tabulate_gainers(evidence: Evidence) -> Table:
    """One row a model, task and moderator; means over the tasks of a type stand first."""
    rows = evidence.gains.to_dict("records")
    several = len(evidence.subjects) > 1
    lines = [_enter(row, several=several) for row in sorted(rows, key=lambda row: -row["n_tasks"])]
    columns = tuple(column for column in _COLUMNS if several or column.label != "Model")
    return Table("gainers", "Who gains more", columns, tuple(lines))


def _enter(row: dict[Hashable, Any], *, several: bool) -> Line:
    mean = f"{name_type(str(row['task_type']))}, mean of {row['n_tasks']} tasks"
    return Line(
        (
            Entry(str(row["label"]) if row["task"] else mean),
            *((Entry(name_briefly(str(row["subject"]), 40)),) if several else ()),
            Entry(_BY[str(row["moderator"])]),
            enter_points(row["upper_points"]),
            enter_points(row["lower_points"]),
            enter_points(row["delta_points"]),
            enter_interval(row["ci_low_adjusted"], row["ci_high_adjusted"]),
            enter_verdict(str(row["verdict"])),
            enter_count(row["n_items"]),
        )
    )
