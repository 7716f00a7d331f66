"""Claims and what the runs say of them, as a person reads it in a terminal, and as data for a program."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any

from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.names import format_contrast
from prefixbench.claims.judge import Outcome
from prefixbench.plain import clean_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.claims.assess import Assessment, TestedRow

WIDTH = 80
ORDER = (Outcome.REFUTED, Outcome.CONFIRMED, Outcome.CANNOT_TELL, Outcome.NOT_RUN)
SHOWN_ROWS = 2
"""Rows of a claim that the short screen shows."""


def render_screen(assessments: Sequence[Assessment], runs: Sequence[str], *, everything: bool) -> str:
    """One screen: claims that something was run for, with the rows that decide; all of them, with plans, if asked."""
    counts = Counter(one.outcome for one in assessments)
    told = ", ".join(f"{counts[word]} {word}" for word in ORDER)
    where = f" by {', '.join(map(clean_name, runs))}" if runs else ""
    lines = [*textwrap.wrap(f"{len(assessments)} claims{where}: {told}", WIDTH), ""]
    for word in ORDER:
        if word is Outcome.NOT_RUN and not everything:
            continue
        for one in (one for one in assessments if one.outcome is word):
            lines += [*_render(one, everything=everything), ""]
    if counts[Outcome.NOT_RUN] and not everything:
        lines += ["Not run: --all shows them, with the command that would test each.", ""]
    lines += ["Points; the interval is the one that decides; n counts items."]
    return "\n".join(lines) + "\n"


def _render(one: Assessment, *, everything: bool) -> list[str]:
    claim = one.claim
    lines = _wrap(f"{one.outcome.upper()}  {claim.vendor}: {claim.says}", "", "  ")
    rows = one.rows if everything else one.decisive[:SHOWN_ROWS]
    for row in rows:
        lines += _wrap(tell_row(one, row), "  ", "    ")
    hidden = len(one.rows) - len(rows)
    if hidden:
        lines.append(f"  and {hidden} more: {_count(one, rows)}")
    if everything:
        read = "" if claim.read else "; not read at its source"
        lines += _wrap(f"{claim.source} ({claim.date:%Y-%m-%d}{read})", "  ", "    ")
        lines += _wrap(claim.note or "", "  ", "    ")
        lines += _wrap(claim.plan or f"no contrast of scores tests it: {claim.untested}", "  ", "    ")
    return lines


def tell_row(one: Assessment, row: TestedRow) -> str:
    """One difference in one line: where, what, the interval, n, and the word on it."""
    metric = f", {row.metric}" if row.metric else ""
    text = (
        f"{row.model}, {row.place}{metric}: {format_contrast(row.pair)} {format_points(row.delta)} "
        f"{format_interval(*row.interval)}, n {row.n_items}: {row.outcome}"
    )
    test = one.claim.test
    if row.needed is not None and test is not None:
        text += f"; it was measured on {test.n_items}, about {row.needed} like these would show that size"
    return text


def _count(one: Assessment, shown: Sequence[TestedRow]) -> str:
    rest = Counter(row.outcome for row in one.rows if row not in shown)
    return ", ".join(f"{rest[word]} {word}" for word in ORDER if rest[word])


def _wrap(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        clean_name(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_on_hyphens=False,
        break_long_words=False,
    )


def to_json(assessments: Sequence[Assessment]) -> str:
    """Every claim with its word, rows and plan, as one JSON document."""
    return json.dumps([_describe(one) for one in assessments], ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _describe(one: Assessment) -> dict[str, Any]:
    claim = one.claim.model_dump(mode="json", exclude_none=True)
    rows = [
        {
            "run": row.run, "model": row.model, "place": row.place, "tasks": list(row.tasks),
            "contrast": format_contrast(row.pair), "delta_points": row.delta, "ci_low": row.interval[0],
            "ci_high": row.interval[1], "n_items": row.n_items, "metric": row.metric or None,
            "outcome": row.outcome.value, "n_items_needed": row.needed,
        }
        for row in one.rows
    ]  # fmt: skip
    return {**claim, "outcome": one.outcome.value, "rows": rows, "command": one.claim.plan or None}
