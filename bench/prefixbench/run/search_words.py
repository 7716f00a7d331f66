"""What ``prefixbench search-prefix`` prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from prefixbench.plain import clean_text
from prefixbench.screen import wrap
from prefixbench.spec.visible import show_whitespace

if TYPE_CHECKING:
    from prefixbench.analysis.held_out import HeldOut
    from prefixbench.run.search_prefix import Candidate, Search

MOST_SHOWN = 4
"""Candidates of a rung that are named."""


def render_search(search: Search) -> str:
    """The halving in lines, the winner's verdict, what choosing alone would have claimed, and how to send it."""
    lines = [f"{search.model} · {search.task}: {len(search.candidates) - 1} strings for queries"]
    lines += [f"documents sent with {show_whitespace(search.document)} throughout", ""]
    for number, rung in enumerate(search.rungs, start=1):
        shown = ", ".join(f"{name} {100 * score:.1f}" for name, score in rung.scores[:MOST_SHOWN])
        more = "" if len(rung.scores) <= MOST_SHOWN else f", and {len(rung.scores) - MOST_SHOWN} more"
        lines += wrap(f"rung {number}, {rung.n_queries} queries: {shown}{more}; {rung.n_kept} kept")
    lines += ["", f"winner: {search.winner.name}: {show_whitespace(search.winner.query)}"]
    for one in search.held_out:
        lines += wrap(_tell(one, search), "  ")
    if not search.held_out:
        lines.append("  it is what it would be compared with: nothing better was found")
    custom = f'found:query="{_escape(search.winner.query)}",document="{_escape(search.document)}"'
    lines += [
        "",
        f"to send it: --conditions none,custom:found --prefix {shlex.quote(custom)}",
        f"whole task: {search.folder}",
    ]
    return "\n".join(map(clean_text, lines)) + "\n"


def _tell(one: HeldOut, search: Search) -> str:
    low, high = one.decision.interval
    what = "nothing" if one.pair[1] == "custom:none" else "what is documented"
    return (
        f"{one.estimate.delta:+.1f} points [{low:+.1f}, {high:+.1f}] over {what}, on {one.n_units} independent queries "
        f"that no rung saw: {one.decision.verdict.words}; best of {len(search.candidates) - 1} would have claimed "
        f"{one.picked_on:+.1f}, {one.curse:+.1f} of it made by choosing"
    ).replace("-", "−")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def search_to_json(search: Search) -> dict[str, Any]:
    """The same for a program."""
    return {
        "model": search.model,
        "task": search.task,
        "metric": search.metric,
        "document": search.document,
        "candidates": [_candidate_to_json(one) for one in search.candidates],
        "rungs": [
            {"queries": rung.n_queries, "scores": dict(rung.scores), "kept": rung.n_kept} for rung in search.rungs
        ],
        "winner": _candidate_to_json(search.winner),
        "held_out": [
            {
                "baseline": one.pair[1].removeprefix("custom:"),
                "points": one.estimate.delta,
                "low": one.decision.interval[0],
                "high": one.decision.interval[1],
                "verdict": one.decision.verdict.value,
                "n_units": one.n_units,
                "claimed_by_choosing": one.picked_on,
                "curse": one.curse,
            }
            for one in search.held_out
        ],
        "results": str(search.folder),
    }


def _candidate_to_json(one: Candidate) -> dict[str, Any]:
    return {"name": one.name, "query": one.query, "aliases": list(one.aliases)}
