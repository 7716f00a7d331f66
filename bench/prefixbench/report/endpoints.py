"""What each endpoint was found to do, beside the numbers that rest on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.table import Column, Entry, Line, Table
from prefixbench.report.words import format_count, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import EndpointRecord


def tabulate_endpoints(evidence: Evidence) -> Table:
    """One line an endpoint: is it steady, does it add a prompt, what moves its vectors, does it read all of a text."""
    lines = tuple(
        Line(
            (
                Entry(name_briefly(evidence.name_subject(row.model, name), 60)),
                Entry(row.place if row.build is None else f"{row.place}, {row.build}"),
                Entry(f"to 1 − cosine {row.repeat_distance:.1g}"),
                Entry(_tell_hidden(row)),
                Entry(_tell_levers(row)),
                Entry(_tell_tokens(row)),
                Entry(" ".join(row.notes) or "as before"),
            )
        )
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for row in run.endpoints
    )
    columns = (
        Column("Model"),
        Column("Endpoint", wide=True),
        Column("Same text twice", wide=True),
        Column("Prompt of its own"),
        Column("What moves its vectors"),
        Column("Tokens read of those sent"),
        Column("Since it was last called", wide=True),
    )
    return Table("endpoints", "Endpoints, as probed by the sweep", columns, lines)


def _tell_hidden(row: EndpointRecord) -> str:
    if row.hidden_tokens is None:
        return "cannot be told: tokens are not counted"
    return f"yes, {row.hidden_tokens} tokens" if row.hidden_tokens else "no"


def _tell_levers(row: EndpointRecord) -> str:
    told = [
        f"{lever.told}: {'inert' if lever.is_inert else f'by 1 − cosine {lever.distance:.2g}'}" for lever in row.levers
    ]
    return "; ".join(told) or "nothing was asked of it"


def _tell_tokens(row: EndpointRecord) -> str:
    tokens = row.tokens
    if not tokens.requests:
        return "not counted"
    said = f"{format_count(tokens.reported)} of {format_count(tokens.sent)}"
    cut = f", {format_count(tokens.short_requests)} requests cut" if tokens.short_requests else ""
    more = f", {format_count(tokens.long_requests)} requests added to" if tokens.long_requests else ""
    return f"{said}{cut}{more}"
