"""The answers over many tasks as a table: by model, by family, by task type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.chart import link_csv
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
from prefixbench.report.words import format_interval, format_share, is_number, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence

COLUMNS = (
    Column("Model or family"),
    Column("Over"),
    Column("Verdict"),
    Column("Δ points", numeric=True, hint="random-effects mean over tasks, correct − none"),
    Column("95 % interval", numeric=True),
    Column(
        "Another task", numeric=True, hint="95 % prediction interval: where a further task’s true difference would lie"
    ),
    Column("I²", numeric=True, hint="share of the spread between tasks that sampling does not explain"),
    Column("Mixed model", numeric=True, hint="a mixed-effects model’s mean, as a check"),
    Column("Tasks", numeric=True),
    Column("Note"),
)
SHOWN = ["subject", "subject_kind", "scope", "delta_points", "ci_low", "ci_high", "pi_low", "pi_high", "i2", "verdict"]


def tabulate_pooled(evidence: Evidence) -> Table | None:
    """Every pooled answer of correct − none, or nothing where none could be pooled."""
    frame = evidence.pooled
    rows = frame[frame["contrast"] == "correct-none"] if len(frame) else frame
    if not len(rows):
        return None
    lines = tuple(
        Line(
            (
                Entry(
                    name_briefly(str(row["subject"]), 60)
                    if row["subject_kind"] == "model"
                    else f"family: {row['subject']} ({row['run']})"
                ),
                Entry("all tasks" if row["scope"] == "all" else str(row["scope"])),
                enter_verdict(str(row["verdict"])),
                enter_points(row["delta_points"]),
                enter_interval(row["ci_low"], row["ci_high"]),
                Entry(format_interval(row["pi_low"], row["pi_high"]) or "–"),
                Entry(format_share(row["i2"]), float(row["i2"]) if is_number(row["i2"]) else None),
                enter_points(row["mixed_delta_points"]),
                enter_count(row["n_tasks"]),
                Entry(str(row["note"])),
            )
        )
        for row in rows.to_dict("records")
    )
    return Table("pooled", "Over many tasks: by model, family and task type", COLUMNS, lines, link_csv(rows[SHOWN]))
