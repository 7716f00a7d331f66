"""What it costs: tokens that are read with every text, and text that no longer fits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.ways import name_way
from prefixbench.report.words import format_share, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult

_COLUMNS = (
    Column("Sent"),
    Column("Model", wide=True),
    Column("Prefix tokens", numeric=True),
    Column(
        "Tokens added",
        numeric=True,
        hint="tokens read, against none on the same tasks; a bill by the token grows as much",
    ),
    Column("Money added", numeric=True, hint="for a million such texts, at the price given with the model"),
    Column("Newly cut", numeric=True, hint="texts too long because of the prefix alone"),
    Column("Tokens cut off", numeric=True, wide=True, hint="tokens of text that the prefix pushed past the end"),
)
Place = tuple[str, str, str]
Counted = tuple[int, int]
"""Tokens read, and texts."""


def tabulate_cost(evidence: Evidence) -> Table:
    """One row a model and condition that adds tokens."""
    read: dict[tuple[str, str], dict[Place, Counted]] = defaultdict(dict)
    cut: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    lengths: dict[tuple[str, str], set[int]] = defaultdict(set)
    for _, subject, row in evidence.iterate_results():
        for condition in row.conditions:
            key = subject, condition
            read[key][row.task, row.hf_subset, row.hf_split] = _count(row)
            lengths[key] |= {one.prefix_tokens or 0 for one in row.audit}
            newly = sum((one.n_truncated or 0) - (one.n_truncated_without_prefix or 0) for one in row.audit)
            cut[key] = cut[key][0] + newly, cut[key][1] + sum(one.tokens_pushed_out or 0 for one in row.audit)
    several, prices = len(evidence.subjects) > 1, _find_prices(evidence)
    order = {name: index for index, name in enumerate(evidence.conditions)}
    rank = {subject: index for index, subject in enumerate(evidence.subjects)}
    lines = []
    for subject, condition in sorted(read, key=lambda key: (rank[key[0]], order.get(key[1], len(order)))):
        key = subject, condition
        if max(lengths[key], default=0) == 0:
            continue
        added, per_text = _compare(read.get((subject, "none"), {}), read[key])
        price = prices.get(evidence.models_of[subject])
        low, high = min(lengths[key]), max(lengths[key])
        lines.append(
            Line(
                (
                    Entry(name_way(condition)),
                    *((Entry(name_briefly(subject, 40)),) if several else ()),
                    Entry(str(low) if low == high else f"{low}–{high}", float(high)),
                    Entry(format_share(added, 1), added),
                    *((Entry("–") if price is None else _enter_money(price * per_text),) if prices else ()),
                    enter_count(cut[key][0]),
                    enter_count(cut[key][1]),
                )
            )
        )
    absent = {*(() if several else ("Model",)), *(() if prices else ("Money added",))}
    columns = tuple(column for column in _COLUMNS if column.label not in absent)
    return Table("cost", "Tokens that every text carries", columns, tuple(lines))


def _count(row: CellResult) -> Counted:
    return sum(one.n_tokens or 0 for one in row.audit), sum(one.n_texts for one in row.audit)


def _find_prices(evidence: Evidence) -> dict[str, float]:
    """Money for a million tokens, by model; only of models that have a price."""
    specs = [model for run in evidence.runs for model in run.spec.models]
    return {one.name: one.price_per_million_tokens for one in specs if one.price_per_million_tokens is not None}


def _enter_money(amount: float) -> Entry:
    return Entry(f"{amount:,.2f}" if amount == amount else "–", amount)


def _compare(before: dict[Place, Counted], after: dict[Place, Counted]) -> tuple[float, float]:
    """By what share more tokens are read, and how many more a text, on the tasks that both have."""
    shared = before.keys() & after.keys()
    base, texts = sum(before[place][0] for place in shared), sum(after[place][1] for place in shared)
    more = sum(after[place][0] for place in shared) - base
    return more / base if base else float("nan"), more / texts if texts else float("nan")


def describe_texts(evidence: Evidence) -> str:
    """Texts asked for, embedded and reused, over all cells."""
    costs = [row.cost for _, _, row in evidence.iterate_results()]
    asked, embedded, reused = (
        sum(getattr(cost, name) for cost in costs) for name in ("texts_asked", "texts_embedded", "texts_reused")
    )
    return (
        f"The cells asked for {asked:,} vectors: {embedded:,} texts were embedded, and {reused:,} vectors were there "
        "already, from another cell, another task or a former sweep."
    )
