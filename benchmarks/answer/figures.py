"""The figures of the five questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from prefixbench.report.answer import ModelAnswer
from prefixbench.report.effects import Effect
from prefixbench.report.figures import Drawn, draw_figure, open_canvas
from prefixbench.report.sentences import name_type
from prefixbench.report.ways import name_way

from benchmarks.answer.evidence import Made, name_model
from benchmarks.answer.questions import QUESTIONS

Labelled = tuple[str, Effect]
Chooser = Callable[[ModelAnswer], Sequence[Labelled]]

SIDES = ("query-only", "document-only", "mixed:0.5", "correct")
MISTAKES = ("wrong", "swapped", "both-query", "both-document")
SEARCH = "Retrieval"
BRIEF = {"google/embeddinggemma-300m": "Gemma", "intfloat/multilingual-e5-small": "E5 (4-bit)"}
MOST = 24
"""Rows of a figure that can still be read."""


def draw_figures(made: Made, folder: Path) -> None:
    """Draw one figure a question; what was not measured is no row."""
    folder.mkdir(exist_ok=True)
    rows = {
        "send": _list(made, lambda model: [(name_type(name), effect) for name, effect in model.types.items()]),
        "index": _list(made, lambda model: _ways(model, SIDES, [SEARCH])),
        "mix-up": _list(made, lambda model: _ways(model, MISTAKES, made.all_types)),
        "words": _list(made, _list_words),
        "threshold": _list_thresholds(made),
    }
    titles = {
        "send": "Documented prefix − nothing, by task type, points",
        "index": "One side, or half an index, with the prefix − nothing, points",
        "mix-up": "A prefix where it does not belong − nothing, points",
        "words": "Documented prefix − as many random tokens, points",
        "threshold": "Mean cosine of pairs − that without prefix, hundredths",
    }
    with open_canvas():
        for stem, question in QUESTIONS:
            figure = draw_figure(f"{question} {titles[stem]}", rows[stem][:MOST], made.answer.margin)
            figure.savefig(folder / f"{stem}.png", dpi=150, bbox_inches="tight", metadata={"Software": None})


def _list(made: Made, choose: Chooser) -> list[Drawn]:
    return [
        (f"{_brief(model)}: {label}", effect, False)
        for model in made.answer.models
        for label, effect in choose(model)
        if effect.is_measured
    ]


def _ways(model: ModelAnswer, conditions: tuple[str, ...], types: tuple[str, ...] | list[str]) -> list[Labelled]:
    return [
        (f"{name_type(task_type)}, {name_way(name)}", effect)
        for task_type in sorted(types, key=lambda one: one != SEARCH)
        for name in conditions
        if (effect := model.reading.types(name).get(task_type)) is not None
    ]


def _list_words(model: ModelAnswer) -> list[Labelled]:
    return [(name_type(name), effect) for name, effect in model.reading.types("correct", "placebo").items()]


def _list_thresholds(made: Made) -> list[Drawn]:
    """Shifts of the mean cosine, in hundredths; they are described, since no margin was declared for them."""
    rows: list[Drawn] = []
    for model in made.answer.models:
        for row in made.drift_of(model):
            effect = Effect(
                name=row["task"],
                task_type=row["task_type"],
                pair=(row["condition"], "none"),
                delta=100 * row["cosine_shift"],
                low=100 * row["cosine_low"],
                high=100 * row["cosine_high"],
                verdict="described",
            )
            rows.append((f"{_brief(model)}: {row['task']}, {name_way(row['condition'])}", effect, False))
    return rows


def _brief(model: ModelAnswer) -> str:
    return BRIEF.get(model.name, name_model(model.name))
