"""The first screen for a terminal: at most twenty lines of at most eighty columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.copying import list_documented
from prefixbench.report.sentences import name_type
from prefixbench.report.surprises import list_surprises
from prefixbench.report.words import (
    VERDICT_GLYPHS,
    clean_text,
    count_noun,
    format_interval,
    format_points,
    name_briefly,
    shorten,
)
from prefixbench.screen import WIDTH, wrap

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.report.answer import Answer, ModelAnswer
    from prefixbench.report.effects import Effect
    from prefixbench.report.evidence import Evidence

MOST_LINES = 20
MOST_ROWS = 7
"""Task types, or models, shown one by one."""
MOST_STRINGS = 3
MOST_SURPRISES = 2


def render_summary(evidence: Evidence, answer: Answer, page: Path, *, everything: bool = False) -> str:
    """Strings sent, the answer by task type, surprises, where the report is, and what to do next.

    Args:
        evidence: What was measured.
        answer: What it comes to.
        page: Where the report stands.
        everything: Whether all is told, however long it gets.
    """
    folder = evidence.runs[0].path
    missing = [line for run in evidence.runs if run.missing for line in wrap(f"partial: {run.describe_missing()}")]
    tail = [
        "",
        f"report  {page}",
        f"next    prefixbench report {folder} --open",
        f"        prefixbench compare {folder}{'' if everything else ' --all'}",
    ]
    body = [
        *_limit(_list_strings(evidence, answer), MOST_STRINGS, everything, "string"),
        *wrap(answer.sentence),
        *(wrap(answer.note) if answer.note and answer.note != answer.sentence else []),
        *_limit(_list_rows(answer), MOST_ROWS, everything, "row"),
    ]
    told = list_surprises(answer.models)
    shown = told if everything else told[:MOST_SURPRISES]
    surprises = [line for model, sentence in shown for line in wrap(f"surprise: {model}: {sentence}")]
    if len(told) > MOST_SURPRISES and not everything:
        surprises.append(f"and {count_noun(len(told) - MOST_SURPRISES, 'more surprise')} in the report")
    lines = [*body, *missing, *surprises]
    room = MOST_LINES - len(tail)
    if len(lines) > room and not everything:
        lines = [*lines[: room - 1], "… the rest is in the report, and in what --all prints"]
    return "".join(f"{line.rstrip()}\n" for line in (*lines, *tail))


def _limit(lines: list[str], most: int, everything: bool, noun: str) -> list[str]:
    """The first of them, and how many more there are."""
    if everything or len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"  and {count_noun(len(lines) - most + 1, f'more {noun}')}"]


def _list_strings(evidence: Evidence, answer: Answer) -> list[str]:
    """What the documented way sends, letter for letter, of the one model the answer is about."""
    if answer.single is None or not answer.models:
        return []
    strings = list_documented(answer.single.reading, evidence)
    return [
        clean_text(f"  {shorten(one.shown, 40):<40} {one.key if one.key in {'query', 'document'} else one.uses}")[
            :WIDTH
        ]
        for one in strings
        if one.prefix
    ]


def _list_rows(answer: Answer) -> list[str]:
    """The task types of one model, or a line a model."""
    if answer.single is not None:
        effects = sorted(answer.single.types.values(), key=lambda effect: -abs(effect.delta))
        return [_show_type(effect) for effect in effects if effect.is_measured]
    return [_show_model(model, answer) for model in answer.models]


def _show_type(effect: Effect) -> str:
    scores = "" if effect.scores is None else f"{effect.scores[0]:5.1f} → {effect.scores[1]:.1f}"
    amount = f"{format_points(effect.delta):>6} {format_interval(effect.low, effect.high):<14}"
    return f"  {shorten(name_type(effect.task_type), 24):<24} {scores:<14} {amount} {_tell(effect)}"[:WIDTH]


def _tell(effect: Effect) -> str:
    return f"{VERDICT_GLYPHS[effect.verdict]} {effect.verdict}"


def _show_model(model: ModelAnswer, answer: Answer) -> str:
    """Glyph and points for as many task types as fit."""
    line = f"  {shorten(name_briefly(model.name, 60), 28):<28}"
    for name in answer.task_types:
        effect = model.types.get(name)
        if effect is None or not effect.is_measured:
            continue
        part = f" {name_type(name)} {VERDICT_GLYPHS[effect.verdict]} {format_points(effect.delta)}"
        if len(line) + len(part) > WIDTH - 2:
            return f"{line} …"
        line += part
    return line
