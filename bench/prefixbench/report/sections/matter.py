"""Does it matter? The forest of every model, and the table behind it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from prefixbench.report.chart import Chart, link_csv
from prefixbench.report.figures.forest import FOREST_COLUMNS, draw_forest
from prefixbench.report.sections.pooled import tabulate_pooled
from prefixbench.report.sections.section import Section
from prefixbench.report.table import (
    Column,
    Entry,
    Line,
    Table,
    enter_count,
    enter_interval,
    enter_number,
    enter_points,
    enter_verdict,
)
from prefixbench.report.words import (
    count_noun,
    format_interval,
    format_p,
    format_points,
    is_number,
    join_words,
    make_anchor,
    name_briefly,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from prefixbench.report.evidence import Evidence

VERDICT_COLUMNS = (
    Column("Task"),
    Column("Model"),
    Column("Type"),
    Column("Verdict"),
    Column("Δ points", numeric=True, hint="correct − none, ×100"),
    Column("95 % interval", numeric=True),
    Column("p (Holm)", numeric=True, hint="adjusted for all planned contrasts"),
    Column("MDE", numeric=True, hint="minimum detectable effect: what this many items could have shown"),
    Column("Better / worse", numeric=True, hint="share of items that gained, and that lost; the rest did not change"),
    Column("Items", numeric=True),
    Column("Items to settle", numeric=True, hint="items that would be needed for a verdict"),
)


def build_matter(evidence: Evidence) -> Section:
    """One forest a model, then the verdicts as a table."""
    title = "Does it matter?"
    main = evidence.contrasts
    main = main[(main["condition"] == "correct") & (main["baseline"] == "none")] if len(main) else main
    if not len(main):
        return Section("matter", title, absent="No task has both conditions yet. Add --conditions none,correct.")
    charts = tuple(
        chart_forest(subject, evidence.select_contrast(subject, "correct"), evidence.select_pooled(subject, "correct"))
        for subject in evidence.subjects
        if len(evidence.select_contrast(subject, "correct"))
    )
    return Section(
        "matter",
        title,
        lead="What the documented prefix is worth on each task, against sending nothing at all.",
        charts=charts,
        tables=tuple(table for table in (_tabulate_verdicts(main), tabulate_pooled(evidence)) if table is not None),
    )


def chart_forest(subject: str, rows: pd.DataFrame, pooled: pd.DataFrame) -> Chart:
    """The forest of one subject."""
    counts = Counter(str(verdict) for verdict in rows["verdict"])
    n = len(rows)
    same = bool(rows["identical"].all())
    said = [f"helps on {counts['helps']}"] if counts["helps"] else []
    said += [f"hurts on {counts['hurts']}"] if counts["hurts"] else []
    said += [f"changes nothing that matters on {counts['equivalent']}"] if counts["equivalent"] else []
    said += [f"stays undecided on {counts['inconclusive']}"] if counts["inconclusive"] else []
    overall = _describe_pooled(pooled)
    tasks = "; ".join(_describe_task(row) for row in rows.head(12).to_dict("records"))
    more = f"; and {n - 12} more" if n > 12 else ""
    return Chart(
        name=make_anchor("forest", subject),
        title=(
            f"{subject}: no prefix is documented, so correct and none send the same on {count_noun(n, 'task')}"
            if same
            else f"{subject}: the prefix {join_words(said)} of {count_noun(n, 'task')}{overall}"
        ),
        caption=(
            "Markers: correct − none on the same items, with 95 % paired bootstrap interval; ▲ helps, ▼ hurts, "
            "■ equivalent, ○ inconclusive. Pale bars: effects too small for this many items (± minimum detectable "
            "effect). Diamond: random-effects estimate over tasks; its line: where another task would fall "
            "(prediction interval)."
        ),
        description=f"Forest plot with one row a task. {tasks}{more}{overall}.",
        draw=partial(draw_forest, rows, pooled),
        data=rows[FOREST_COLUMNS],
    )


def _describe_task(row: dict[Hashable, Any]) -> str:
    interval = format_interval(row["ci_low"], row["ci_high"])
    return f"{row['label']} {format_points(row['delta_points'])} {interval} {row['verdict']}"


def _describe_pooled(pooled: pd.DataFrame) -> str:
    for row in pooled.to_dict("records"):
        if is_number(row["delta_points"]):
            return f"; {format_points(row['delta_points'])} points over all"
    return ""


def _enter_shares(better: float, worse: float) -> Entry:
    """Both shares, sorted by what the gains have over the losses."""
    if not is_number(better) or not is_number(worse):
        return Entry("")
    return Entry(f"{100 * better:.0f} % / {100 * worse:.0f} %", float(better) - float(worse))


def _tabulate_verdicts(main: pd.DataFrame) -> Table:
    ordered = main.sort_values(["subject", "task_type", "label"], kind="stable")
    lines = tuple(
        Line(
            (
                Entry(str(row["label"])),
                Entry(name_briefly(str(row["subject"]), 60)),
                Entry(str(row["task_type"])),
                enter_verdict(str(row["verdict"]), same=bool(row["identical"])),
                enter_points(row["delta_points"]),
                enter_interval(row["ci_low"], row["ci_high"]),
                Entry(format_p(row["p_holm"]), float(row["p_holm"]) if is_number(row["p_holm"]) else None),
                enter_number(row["mde"]),
                _enter_shares(row["share_better"], row["share_worse"]),
                enter_count(row["n_items"]),
                enter_count(row["n_items_to_settle"]),
            ),
            anchor=make_anchor("verdict", str(row["subject"]), str(row["label"])),
        )
        for row in ordered.to_dict("records")
    )
    data = ordered[["subject", *FOREST_COLUMNS, "p_value", "share_better", "share_worse", "n_items_to_settle"]]
    return Table("verdicts", "Every verdict: correct − none", VERDICT_COLUMNS, lines, link_csv(data))
