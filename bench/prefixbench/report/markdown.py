"""The first screen as Markdown: for a pull request, a model card or an e-mail."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from prefixbench.report.sentences import name_type
from prefixbench.report.words import VERDICT_GLYPHS, clean_text, format_interval, format_points, name_briefly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.report.answer import Answer, ModelAnswer
    from prefixbench.report.effects import Effect

_MARKUP = re.compile(r"([\\`*_{}\[\]|#!~])")


def escape(text: str) -> str:
    """Text that no renderer takes for markup, on one line."""
    return _MARKUP.sub(r"\\\1", html.escape(" ".join(clean_text(text).split()), quote=False))


def render_markdown(answer: Answer, extent: str, selection: str = "") -> str:
    """The sentence, the four replies, and the forest or the matrix as tables; what part of the runs it is about."""
    lines = [f"**{escape(answer.sentence)}**", ""]
    if answer.note and answer.note != answer.sentence:
        lines += [escape(answer.note), ""]
    if answer.models and answer.replies:
        rows = [(reply.question, f"{_glyph(reply.verdict)} {reply.word}", reply.detail) for reply in answer.replies]
        lines += [*_table(("question", "answer", "numbers"), rows), ""]
    lines += _render_single(answer.single) if answer.single else _render_matrix(answer)
    if selection:
        lines += ["", escape(selection)]
    margin = f"{answer.margin:g}"
    lines += ["", f"<sub>{escape(extent)}; points, ±{margin} are too small to matter; made by prefixbench</sub>"]
    return "\n".join(lines) + "\n"


def _glyph(verdict: str) -> str:
    return VERDICT_GLYPHS.get(verdict, "–")


def _render_single(model: ModelAnswer) -> list[str]:
    lines: list[str] = []
    if model.forest:
        rows = [
            (
                f"{name_type(row.effect.task_type)} (mean of {len(row.effect.tasks)})"
                if row.is_mean
                else row.effect.name,
                "" if row.effect.scores is None else f"{row.effect.scores[0]:.1f}",
                "" if row.effect.scores is None else f"{row.effect.scores[1]:.1f}",
                _quote(row.effect),
                _tell(row.effect),
            )
            for row in model.short_forest
        ]
        lines += _table(("task", *reversed(model.pair), "Δ points", "verdict"), rows)
    if model.ladders:
        ways = [
            (way.label, _quote(way.effect) if way.effect else "baseline", _tell(way.effect) if way.effect else "")
            for way in model.ladders[0].ways
        ]
        lines += ["", *_table((f"{name_type(model.ladders[0].task_type)}, sent", "Δ points", "verdict"), ways)]
    return lines


def _render_matrix(answer: Answer) -> list[str]:
    rows = [
        (
            name_briefly(model.name, 60),
            *(
                f"{_glyph(effect.verdict)} {format_points(effect.delta)}" if effect is not None else "n/a"
                for effect in (model.types.get(name) for name in answer.task_types)
            ),
        )
        for model in answer.models
    ]
    return _table(("model", *(name_type(name) for name in answer.task_types)), rows) if rows else []


def _quote(effect: Effect) -> str:
    return f"{format_points(effect.delta)} {format_interval(effect.low, effect.high)}"


def _tell(effect: Effect) -> str:
    reason = f" ({effect.caveat})" if effect.caveat else ""
    return f"{_glyph(effect.verdict)} {effect.verdict}{reason}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(escape(cell) for cell in line)} |" if line is not None else f"|{'---|' * len(head)}"
        for line in (head, None, *rows)
    ]
