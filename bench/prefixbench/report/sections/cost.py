"""What it costs: tokens, speed, and text that no longer fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.chart import link_csv
from prefixbench.report.sections.section import Section
from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.words import format_share, is_number, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence


def build_cost(evidence: Evidence) -> Section:
    """One row a model and condition."""
    title = "What it costs"
    costs = _collect_costs(evidence)
    if not len(costs):
        return Section("cost", title, absent="No cell has finished yet.")
    lines = tuple(
        Line(
            (
                Entry(str(row["condition"])),
                Entry(name_briefly(str(row["subject"]), 60)),
                Entry(str(row["prefix_tokens"]), float(row["longest"])),
                Entry(
                    format_share(row["tokens_added"], 1),
                    row["tokens_added"] if is_number(row["tokens_added"]) else None,
                ),
                enter_count(row["texts_per_second"]),
                enter_count(row["newly_truncated"]),
                enter_count(row["tokens_pushed_out"]),
            )
        )
        for row in costs.to_dict("records")
    )
    columns = (
        Column("Condition"),
        Column("Model"),
        Column("Prefix tokens", numeric=True, hint="tokens the prefix takes, over roles and tasks"),
        Column("Tokens added", numeric=True, hint="tokens read, against none on the same tasks"),
        Column("Texts/s", numeric=True, hint="texts embedded a second, cached ones left out"),
        Column("Newly truncated", numeric=True, hint="texts too long because of the prefix alone"),
        Column("Tokens pushed out", numeric=True, hint="tokens of text that the prefix pushed past the end"),
    )
    table = Table("costs", "Tokens, speed and truncation", columns, lines, link_csv(costs.drop(columns="longest")))
    lead = (
        "Every token of the prefix is read with every text. Speed is that of this machine, with cached "
        f"vectors left out. {_describe_texts(evidence)}"
    )
    return Section("cost", title, lead=lead, tables=(table,))


def _describe_texts(evidence: Evidence) -> str:
    """Texts asked for, embedded and reused, over all cells."""
    costs = [row.cost for _, _, row in evidence.iterate_results()]
    asked, embedded, reused = (
        sum(getattr(cost, name) for cost in costs) for name in ("texts_asked", "texts_embedded", "texts_reused")
    )
    return (
        f"The cells asked for {asked:,} vectors: {embedded:,} texts were embedded, and {reused:,} vectors were there "
        "already, from another cell, another task or a former sweep."
    )


def _collect_costs(evidence: Evidence) -> pd.DataFrame:
    read: dict[tuple[str, str], dict[tuple[str, str, str], int]] = {}
    totals: dict[tuple[str, str], dict[str, float]] = {}
    for _, subject, row in evidence.iterate_results():
        for condition in row.conditions:
            key = (subject, condition)
            read.setdefault(key, {})[(row.task, row.hf_subset, row.hf_split)] = sum(
                one.n_tokens or 0 for one in row.audit
            )
            total = totals.setdefault(key, dict.fromkeys(("texts", "seconds", "newly", "pushed"), 0.0))
            if row.cost.texts_embedded:
                total["texts"] += row.cost.texts_embedded
                total["seconds"] += row.cost.seconds_encode
            total["newly"] += sum((one.n_truncated or 0) - (one.n_truncated_without_prefix or 0) for one in row.audit)
            total["pushed"] += sum(one.tokens_pushed_out or 0 for one in row.audit)
    lengths = _collect_lengths(evidence)
    order = {name: index for index, name in enumerate(evidence.conditions)}
    rank = {subject: index for index, subject in enumerate(evidence.subjects)}
    keys = sorted(totals, key=lambda key: (rank[key[0]], order.get(key[1], len(order))))
    return pd.DataFrame([_sum_up(key, totals[key], lengths.get(key, [0]), read) for key in keys])


def _sum_up(
    key: tuple[str, str],
    total: dict[str, float],
    lengths: list[int],
    read: dict[tuple[str, str], dict[tuple[str, str, str], int]],
) -> dict[str, object]:
    subject, condition = key
    baseline = read.get((subject, "none"), {})
    shared = baseline.keys() & read[key].keys()
    before, after = sum(baseline[task] for task in shared), sum(read[key][task] for task in shared)
    low, high = min(lengths), max(lengths)
    return {
        "subject": subject,
        "condition": condition,
        "prefix_tokens": str(low) if low == high else f"{low}–{high}",
        "longest": high,
        "tokens_added": after / before - 1.0 if before else float("nan"),
        "texts_per_second": total["texts"] / total["seconds"] if total["seconds"] > 0.0 else float("nan"),
        "newly_truncated": total["newly"],
        "tokens_pushed_out": total["pushed"],
    }


def _collect_lengths(evidence: Evidence) -> dict[tuple[str, str], list[int]]:
    lengths: dict[tuple[str, str], list[int]] = {}
    for _, subject, row, audit in evidence.iterate_audits():
        for condition in row.conditions:
            lengths.setdefault((subject, condition), []).append(audit.prefix_tokens or 0)
    return lengths
