"""Claims and what the runs say of them, as a person reads it in a terminal, and as data for a program."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.names import format_contrast
from prefixbench.claims.judge import Outcome
from prefixbench.plain import clean_name
from prefixbench.screen import LINES, flatten, limit, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.claims.assess import Assessment, TestedRow

ORDER = (Outcome.REFUTED, Outcome.CONFIRMED, Outcome.CANNOT_TELL, Outcome.NOT_RUN)
_WORD = 2 + max(map(len, Outcome))
"""Columns of the word on a claim."""


def render_screen(assessments: Sequence[Assessment], runs: Sequence[str], *, everything: bool) -> str:
    """One screen: claims that something was run for, with the row that decides; all of them, with plans, if asked."""
    counts = Counter(one.outcome for one in assessments)
    told = ", ".join(f"{counts[word]} {word}" for word in ORDER)
    where = f" by {', '.join(map(clean_name, runs))}" if runs else ""
    head = [*wrap(f"{len(assessments)} claims{where}: {told}"), ""]
    foot = ["", "points; the interval is the one that decides; n counts items"]
    ordered = [one for word in ORDER for one in assessments if one.outcome is word]
    if everything:
        body = flatten([*_tell_all(one), ""] for one in ordered)[:-1]
    else:
        judged = [_tell_briefly(one) for one in ordered if one.outcome is not Outcome.NOT_RUN]
        body = limit(judged, LINES - len(head) - len(foot) - 1, "and {} more claims: --all")
        if counts[Outcome.NOT_RUN]:
            foot.insert(1, "not run: --all shows them, each with the command that would test it")
    return "\n".join([*head, *body, *foot]) + "\n"


def _tell_briefly(one: Assessment) -> list[str]:
    """What is said, and the row with most items of those that gave the word."""
    row = one.decisive[0]
    more = f", {len(one.rows)} rows" if len(one.rows) > 1 else ""
    needed = f"; {row.needed} items for what {one.test.n_items} showed" if row.needed and one.test else ""
    numbers = f"{format_points(row.delta)} {format_interval(*row.interval)}, n {row.n_items}{more}{needed}"
    said = f"{one.claim.vendor}: {one.claim.says} — {row.place} {format_contrast(row.pair)} {numbers}"
    return wrap(f"{one.outcome:<{_WORD}}{said}", "", " " * _WORD)


def _tell_all(one: Assessment) -> list[str]:
    claim = one.claim
    lines = wrap(f"{one.outcome:<{_WORD}}{claim.vendor}: {claim.says}", "", " " * _WORD)
    read = "" if claim.read else "; not read at its source"
    plan = claim.plan or f"no contrast of scores tests it: {claim.untested}"
    facts = (
        *(tell_row(one, row) for row in one.rows),
        f"{claim.source} ({claim.date:%Y-%m-%d}{read})",
        claim.note,
        plan,
    )
    return [*lines, *flatten(wrap(fact, "  ", "    ") for fact in facts if fact)]


def tell_row(one: Assessment, row: TestedRow) -> str:
    """One difference in one line: where, what, the interval, n, and the word on it."""
    metric = f", {row.metric}" if row.metric else ""
    text = (
        f"{row.model}, {row.place}{metric}: {format_contrast(row.pair)} {format_points(row.delta)} "
        f"{format_interval(*row.interval)}, n {row.n_items}: {row.outcome}"
    )
    if row.needed is not None and one.test is not None:
        text += f"; it was measured on {one.test.n_items}, about {row.needed} like these would show that size"
    return text


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
