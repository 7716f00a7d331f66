"""The answer first: one sentence for all, one card a model."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.report.sections.section import Section
from bench.report.words import (
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

    from bench.report.evidence import Evidence

OVERALL_ORDER = ("required", "helpful", "harmless", "harmful", "unclear")
KEEP_INDEX = {"yes": "can stay as it is", "no": "must be embedded again", "unknown": "not measured"}


@dataclass(frozen=True, slots=True)
class Card:
    """One model's answer.

    Attributes:
        name: The model.
        overall: One of ``OVERALL_ORDER``.
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
    return Section(
        "answer",
        "The answer",
        template="sections/answer.html.j2",
        view={"sentence": compose_sentence(evidence.models), "cards": cards, "limit": format_points(limit)},
    )


def compose_sentence(models: pd.DataFrame) -> str:
    """The sweep's answer in one sentence."""
    if len(models) == 1:
        return _compose_single(models.to_dict("records")[0])
    counts = Counter(str(word) for word in models["overall"])
    n, n_names = len(models), models["model"].nunique()
    whose = f"{n} models" if n == n_names else f"{n} answers for {count_noun(n_names, 'model')}"
    parts = [f"{word} for {counts[word]}" for word in OVERALL_ORDER if counts[word]]
    if len(parts) > 1:
        head = f"Of {whose}, the documented prefix is {join_words(parts)}"
    elif counts["unclear"]:
        head = f"Whether the documented prefix matters stays unclear for all {whose}"
    else:
        head = f"The documented prefix is {models['overall'].iloc[0]} for all {whose}"
    deltas = [float(value) for value in models["delta_points"] if is_number(value)]
    tail = (
        f": from {format_points(min(deltas))} to {format_points(max(deltas))} points over a model’s tasks."
        if deltas
        else "."
    )
    return head + tail


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
    tasks = evidence.select_contrast(subject, "correct")
    counts = Counter(str(verdict) for verdict in tasks["verdict"])
    has_interval = is_number(row["ci_low"]) and is_number(row["ci_high"])
    strip = None
    if has_interval:
        low, centre, high = ((float(row[name]) / limit + 1.0) / 2.0 for name in ("ci_low", "delta_points", "ci_high"))
        strip = (low, centre, high)
    return Card(
        name=subject,
        overall=overall,
        verdict=OVERALL_VERDICTS.get(overall, "inconclusive"),
        delta=format_points(float(row["delta_points"])),
        interval=format_interval(float(row["ci_low"]), float(row["ci_high"])),
        basis=count_noun(int(row["n_tasks"]), "task"),
        tally=tuple((VERDICT_GLYPHS[name], name, counts[name]) for name in VERDICT_GLYPHS if counts[name]),
        action=split_action(str(row["action"])),
        facts=(
            ("Query side", str(row["query_side"])),
            ("Document side", str(row["document_side"])),
            ("Existing index", KEEP_INDEX.get(str(row["keep_index"]), str(row["keep_index"]))),
        ),
        strip=strip,
        anchor=make_anchor("model", subject),
    )
