"""The answer first: one sentence for all, one card a model."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefixbench.report.sections.section import Section
from prefixbench.report.words import (
    OVERALL_VERDICTS,
    VERDICT_GLYPHS,
    count_noun,
    format_interval,
    format_points,
    is_number,
    join_words,
    make_anchor,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd

    from prefixbench.report.evidence import Evidence

OVERALL_ORDER = ("required", "helpful", "harmless", "harmful", "unclear")
KEEP_INDEX = {"yes": "can stay as it is", "no": "must be embedded again", "unknown": "not measured"}


@dataclass(frozen=True, slots=True)
class Card:
    """One model's answer.

    Attributes:
        name: The model.
        overall: One of ``OVERALL_ORDER``, or that there is no prefix.
        verdict: The verdict whose colour and glyph it takes.
        delta: What the prefix is worth, with its sign.
        interval: How surely.
        basis: On how much this rests.
        tally: Verdicts over its tasks, most frequent first.
        action: What to do, and why.
        facts: Smaller answers, as label and value.
        strip: Interval and estimate as shares (0–1) of a common scale, with the place of zero.
        anchor: Where the model's forest plot is.
    """

    name: str
    overall: str
    verdict: str
    delta: str
    interval: str
    basis: str
    tally: tuple[tuple[str, str, int], ...]
    action: tuple[str, str]
    facts: tuple[tuple[str, str], ...]
    strip: tuple[float, float, float] | None
    anchor: str


def build_answer(evidence: Evidence) -> Section:
    """The sentence and the cards."""
    if not len(evidence.models):
        reason = "No model has both a baseline and its documented prefix yet, so there is no answer."
        return Section("answer", "The answer", absent=f"{reason} Add --conditions none,correct.")
    limit = _find_scale(evidence.models)
    cards = tuple(_build_card(evidence, row, limit) for row in _order_rows(evidence))
    view = {"sentence": compose_sentence(evidence), "cards": cards, "limit": format_points(limit)}
    return Section("answer", "The answer", template="sections/answer.html.j2", view=view)


def compose_sentence(evidence: Evidence) -> str:
    """The sweep's answer in one sentence."""
    rows = evidence.models.to_dict("records")
    bare = [row for row in rows if is_undocumented(evidence, str(row["subject"]))]
    if len(rows) == 1:
        return _compose_bare(evidence, bare[0]) if bare else _compose_single(rows[0])
    documented = [row for row in rows if row not in bare]
    if len(documented) == 1:
        others = "the other model documents" if len(bare) == 1 else f"{len(bare)} other models document"
        return f"{_compose_single(documented[0]).rstrip('.')}; {others} none."
    counts = Counter(str(row["overall"]) for row in documented)
    n, n_names = len(rows), len({row["model"] for row in rows})
    whose = f"{n} models" if n == n_names else f"{n} answers for {count_noun(n_names, 'model')}"
    parts = [f"{word} for {counts[word]}" for word in OVERALL_ORDER if counts[word]]
    if not documented:
        return f"None of {whose} documents a prefix for these tasks: correct and none send the same."
    if len(parts) > 1 or bare:
        head = f"Of {whose}, the documented prefix is {join_words(parts)}"
    elif counts["unclear"]:
        head = f"Whether the documented prefix matters stays unclear for all {whose}"
    else:
        head = f"The documented prefix is {rows[0]['overall']} for all {whose}"
    if bare:
        head += f"; {len(bare)} {'documents' if len(bare) == 1 else 'document'} none"
    deltas = [float(row["delta_points"]) for row in documented if is_number(row["delta_points"])]
    if not deltas:
        return f"{head}."
    return f"{head}: from {format_points(min(deltas))} to {format_points(max(deltas))} points over a model’s tasks."


def is_undocumented(evidence: Evidence, subject: str) -> bool:
    """Whether correct and none send the same strings on every task: the model documents no prefix for them."""
    rows = evidence.select_contrast(subject, "correct")
    return bool(len(rows)) and bool(rows["identical"].all())


def tally_others(evidence: Evidence, subject: str) -> tuple[int, int, int]:
    """How often any other prefix helps and hurts against none, and of how many comparisons."""
    frame = evidence.contrasts
    rows = frame[(frame["subject"] == subject) & (frame["baseline"] == "none") & ~frame["identical"].astype(bool)]
    rows = rows[rows["condition"] != "correct"]
    return int((rows["verdict"] == "helps").sum()), int((rows["verdict"] == "hurts").sum()), len(rows)


def _compose_bare(evidence: Evidence, row: dict[Hashable, Any]) -> str:
    name = str(row["model"]).rpartition("/")[2]
    helped, hurt, n = tally_others(evidence, str(row["subject"]))
    tail = (
        f"; sending one all the same helps in {helped} and hurts in {hurt} of {count_noun(n, 'comparison')}"
        if n
        else ""
    )
    return f"{name} documents no prefix for these tasks{tail}."


def _compose_single(row: dict[Hashable, Any]) -> str:
    name, word = str(row["model"]).rpartition("/")[2], str(row["overall"])
    amount = ""
    if is_number(row["delta_points"]):
        estimate = f"{format_points(row['delta_points'])} points {format_interval(row['ci_low'], row['ci_high'])}"
        amount = f": {estimate} over {count_noun(int(row['n_tasks']), 'task')}"
    if word == "unclear":
        return f"Whether {name} needs its documented prefix stays unclear{amount}."
    return f"For {name} the documented prefix is {word}{amount}."


def split_action(action: str) -> tuple[str, str]:
    """What to do, apart from what is said about it."""
    found = re.search(r"[:.;] ", action)
    if found is None:
        return action, ""
    rest = action[found.end() :]
    return action[: found.start()] + ".", rest[:1].upper() + rest[1:]


def _order_rows(evidence: Evidence) -> list[dict[Hashable, Any]]:
    rows = evidence.models.to_dict("records")
    order = {subject: index for index, subject in enumerate(evidence.subjects)}
    return sorted(rows, key=lambda row: order.get(str(row["subject"]), len(order)))


def _find_scale(models: pd.DataFrame) -> float:
    ends = [
        abs(float(value))
        for name in ("ci_low", "ci_high", "delta_points")
        for value in models[name]
        if is_number(value)
    ]
    return max([1.0, *ends])


def _build_card(evidence: Evidence, row: dict[Hashable, Any], limit: float) -> Card:
    subject, overall = str(row["subject"]), str(row["overall"])
    bare = is_undocumented(evidence, subject)
    tasks = evidence.select_contrast(subject, "correct")
    counts = Counter(str(verdict) for verdict in tasks["verdict"])
    has_interval = is_number(row["ci_low"]) and is_number(row["ci_high"])
    strip = None
    if has_interval and not bare:
        low, centre, high = ((float(row[name]) / limit + 1.0) / 2.0 for name in ("ci_low", "delta_points", "ci_high"))
        strip = (low, centre, high)
    return Card(
        name=subject,
        overall="no prefix" if bare else overall,
        verdict=OVERALL_VERDICTS.get(overall, "inconclusive"),
        delta=format_points(float(row["delta_points"])),
        interval=format_interval(float(row["ci_low"]), float(row["ci_high"])),
        basis=count_noun(int(row["n_tasks"]), "task"),
        tally=tuple((VERDICT_GLYPHS[name], name, counts[name]) for name in VERDICT_GLYPHS if counts[name]),
        action=split_action(str(row["action"])),
        facts=_list_facts(evidence, row, bare=bare),
        strip=strip,
        anchor=make_anchor("model", subject),
    )


def _list_facts(evidence: Evidence, row: dict[Hashable, Any], *, bare: bool) -> tuple[tuple[str, str], ...]:
    """Smaller answers: which side, and what becomes of an index; without a documented prefix, what others do."""
    if bare:
        helped, hurt, n = tally_others(evidence, str(row["subject"]))
        return (("Any other prefix helps", f"{helped} of {n}"), ("Any other prefix hurts", f"{hurt} of {n}"))
    return (
        ("Query side", str(row["query_side"])),
        ("Document side", str(row["document_side"])),
        ("Existing index", KEEP_INDEX.get(str(row["keep_index"]), str(row["keep_index"]))),
    )
