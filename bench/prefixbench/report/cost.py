"""What it costs: tokens that are read with every text, and text that no longer fits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.ways import name_way
from prefixbench.report.words import format_share, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence

_COLUMNS = (
    Column("Sent"),
    Column("Model", wide=True),
    Column("Prefix tokens", numeric=True),
    Column(
        "Tokens added",
        numeric=True,
        hint="tokens read, against none on the same tasks; a bill by the token grows as much",
    ),
    Column("Newly cut", numeric=True, hint="texts too long because of the prefix alone"),
    Column("Tokens cut off", numeric=True, wide=True, hint="tokens of text that the prefix pushed past the end"),
)
Place = tuple[str, str, str]


def tabulate_cost(evidence: Evidence) -> Table:
    """One row a model and condition that adds tokens."""
    read: dict[tuple[str, str], dict[Place, int]] = defaultdict(dict)
    cut: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    lengths: dict[tuple[str, str], set[int]] = defaultdict(set)
    for _, subject, row in evidence.iterate_results():
        for condition in row.conditions:
            key = subject, condition
            read[key][row.task, row.hf_subset, row.hf_split] = sum(one.n_tokens or 0 for one in row.audit)
            lengths[key] |= {one.prefix_tokens or 0 for one in row.audit}
            newly = sum((one.n_truncated or 0) - (one.n_truncated_without_prefix or 0) for one in row.audit)
            cut[key] = cut[key][0] + newly, cut[key][1] + sum(one.tokens_pushed_out or 0 for one in row.audit)
    several = len(evidence.subjects) > 1
    order = {name: index for index, name in enumerate(evidence.conditions)}
    rank = {subject: index for index, subject in enumerate(evidence.subjects)}
    lines = []
    for subject, condition in sorted(read, key=lambda key: (rank[key[0]], order.get(key[1], len(order)))):
        key = subject, condition
        if max(lengths[key], default=0) == 0:
            continue
        added = _compare(read.get((subject, "none"), {}), read[key])
        low, high = min(lengths[key]), max(lengths[key])
        lines.append(
            Line(
                (
                    Entry(name_way(condition)),
                    *((Entry(name_briefly(subject, 40)),) if several else ()),
                    Entry(str(low) if low == high else f"{low}–{high}", float(high)),
                    Entry(format_share(added, 1), added),
                    enter_count(cut[key][0]),
                    enter_count(cut[key][1]),
                )
            )
        )
    columns = tuple(column for column in _COLUMNS if several or column.label != "Model")
    return Table("cost", "Tokens that every text carries", columns, tuple(lines))


def _compare(before: dict[Place, int], after: dict[Place, int]) -> float:
    """By what share more tokens are read, on the tasks that both have."""
    shared = before.keys() & after.keys()
    base = sum(before[place] for place in shared)
    return sum(after[place] for place in shared) / base - 1.0 if base else float("nan")


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
