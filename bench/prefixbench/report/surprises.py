"""What went against what anyone would have expected beforehand, and where runs contradict each other."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from prefixbench.report.sentences import name_type, state_disagreement, state_surprise
from prefixbench.report.words import name_briefly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.report.answer import ModelAnswer
    from prefixbench.report.effects import Effect, Reading

_EXPECTED = (
    ("prefix", ("correct", "none"), "hurts"),
    ("wrong", ("wrong", "correct"), "helps"),
    ("instruction", ("instruction", "correct"), "helps"),
    ("placebo", ("placebo", "none"), "helps"),
    ("side", ("query-only", "correct"), "helps"),
)
"""Kind of surprise, the pair it shows in, and the verdict nobody expects there."""


def list_surprises(models: Sequence[ModelAnswer]) -> tuple[tuple[str, str], ...]:
    """Model and sentence, the largest difference first; then models on which runs hold opposite verdicts."""
    found = [
        (name_briefly(model.name, 60), effect, kind)
        for model in models
        for kind, pair, verdict in _EXPECTED
        for effect in model.reading.tasks(*pair)
        if effect.verdict == verdict
    ]
    found.sort(key=lambda one: -abs(one[1].delta))
    told = [(name, state_surprise(effect, kind)) for name, effect, kind in found]
    return (*told, *_list_disagreements([model.reading for model in models]))


def _list_disagreements(readings: Sequence[Reading]) -> list[tuple[str, str]]:
    """Opposite verdicts on the documented prefix, of one model in several runs on one task type."""
    told: dict[tuple[str, str], list[tuple[str, Effect]]] = defaultdict(list)
    for reading in readings:
        model, _, run = reading.recipe.partition(" · ")
        for effect in reading.types("correct").values():
            if run:
                told[model, effect.task_type].append((run, effect))
    return [
        (name_briefly(model, 60), state_disagreement(name_briefly(model, 60), name_type(task_type), own))
        for (model, task_type), own in told.items()
        if {"helps", "hurts"} <= {effect.verdict for _, effect in own}
    ]
