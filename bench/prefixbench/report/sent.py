"""Exactly what was sent: the strings, where each comes from, and what reached the tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.report.words import clean_text, format_count, join_words, make_anchor, shorten, show_prefix

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult, SourceRecord
    from prefixbench.vectors.embedder import RoleAudit

ROLES = {"query": "queries", "document": "documents", "text": "texts without a role"}
SAMPLE_LENGTH = 160
"""Letters of a sample shown; prefixes are never cut."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One string, and everywhere it was used.

    Attributes:
        roles: Who sends it: queries, documents, or texts of tasks without roles.
        prefix: With visible whitespace.
        tokens: Tokens it takes; empty where the audit does not say.
        extras: Adapter, parameters and pooling, where not plain.
        conditions: The conditions that send it.
        tasks: On which tasks, in words.
        source: Where it comes from, once each.
        certain: Whether every source is sure.
        samples: Texts as the tokenizer received them, prefix apart from text, with how many ids each took.
    """

    roles: str
    prefix: str
    tokens: str
    extras: str
    conditions: str
    tasks: str
    source: tuple[str, ...]
    certain: bool
    samples: tuple[tuple[str, str, str], ...]


def list_sent(evidence: Evidence) -> tuple[tuple[str, str, tuple[Sent, ...]], ...]:
    """Anchor, model and its distinct strings, in the runs' order."""
    groups = ((subject, _collect(evidence, subject)) for subject in evidence.subjects)
    return tuple((make_anchor("sent", subject), subject, tuple(strings)) for subject, strings in groups if strings)


def _collect(evidence: Evidence, subject: str) -> list[Sent]:
    found: dict[tuple[str, str], list[tuple[CellResult, RoleAudit]]] = {}
    for row in evidence.results_of([subject]):
        for audit in row.audit:
            found.setdefault((audit.prefix, describe_extras(audit)), []).append((row, audit))
    n_tasks = len({(row.task, row.hf_subset) for uses in found.values() for row, _ in uses})
    order = {name: index for index, name in enumerate(evidence.conditions)}
    strings = [_describe(key, uses, n_tasks, order) for key, uses in found.items()]
    return [sent for _, sent in sorted(strings, key=lambda pair: pair[0])]


def _describe(
    key: tuple[str, str], uses: list[tuple[CellResult, RoleAudit]], n_tasks: int, order: dict[str, int]
) -> tuple[tuple[int, str], Sent]:
    prefix, extras = key
    conditions = sorted(
        {name for row, _ in uses for name in row.conditions}, key=lambda name: order.get(name, len(order))
    )
    tasks = sorted({(row.task, row.hf_subset) for row, _ in uses})
    roles = [role for role in ROLES if any(audit.role == role for _, audit in uses)]
    sources = [source for row, audit in uses if (source := _find_source(row, audit.role)) is not None]
    first = [next(audit for _, audit in uses if audit.role == role) for role in roles]
    everywhere = len(tasks) == n_tasks and n_tasks > 1
    sent = Sent(
        roles=join_words([ROLES[role] for role in roles]),
        prefix=show_prefix(prefix),
        tokens="" if uses[0][1].prefix_tokens is None else f"{format_count(uses[0][1].prefix_tokens)} tokens",
        extras=extras,
        conditions=", ".join(conditions),
        tasks="all tasks" if everywhere else _list_tasks(list(dict.fromkeys(task for task, _ in tasks))),
        source=tuple(dict.fromkeys(f"{source.layer}: {source.citation}" for source in sources)),
        certain=all(source.certain for source in sources),
        samples=tuple(
            _split_sample(sample.text, prefix, len(sample.token_ids)) for audit in first for sample in audit.samples[:3]
        ),
    )
    return (order.get(conditions[0], len(order)), prefix), sent


def _find_source(row: CellResult, role: str) -> SourceRecord | None:
    """A symmetric task's text goes with the side the pair names."""
    side = row.pair.symmetric.value if role == "text" else role
    return row.sources.get(role) or row.sources.get(side)


def describe_extras(audit: RoleAudit) -> str:
    """Adapter, parameters of the call, and a prefix left out of pooling; empty where nothing but the prefix is sent."""
    words = [f"adapter {audit.adapter}"] if audit.adapter else []
    words += [f"{name}={value}" for name, value in sorted(audit.api.items())]
    words += [] if audit.prefix_in_pooling else ["prefix left out of pooling"]
    return clean_text("; ".join(words))


def _list_tasks(tasks: list[str], most: int = 6) -> str:
    shown = [shorten(task, 48) for task in tasks[:most]]
    return join_words(shown) if len(tasks) <= most else f"{', '.join(shown)} and {len(tasks) - most} more"


def _split_sample(text: str, prefix: str, n_ids: int) -> tuple[str, str, str]:
    head, tail = (prefix, text[len(prefix) :]) if prefix and text.startswith(prefix) else ("", text)
    cut = tail[:SAMPLE_LENGTH] + ("…" if len(tail) > SAMPLE_LENGTH else "")
    return show_prefix(head) if head else "", clean_text(cut), format_count(n_ids)
