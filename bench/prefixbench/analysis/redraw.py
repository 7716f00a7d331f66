"""Where a word hangs on the resamples that happened to be drawn, more are drawn."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from prefixbench.analysis.blocks import Place
from prefixbench.analysis.inference import RESAMPLED
from prefixbench.analysis.rules import read_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.families import TaskContrast
    from prefixbench.analysis.rules import Claim, Decision, Family

CHANCE_ERRORS = 3.0
"""Errors of the simulation within which a word is taken to hang on it."""

MORE = 4
"""Times as many resamples, for the places concerned."""


def find_close_places(
    tasks: Sequence[TaskContrast], decided: Iterable[tuple[Family, Decision]], blocks: Iterable[Block], n_resamples: int
) -> set[Place]:
    """Return the places of resampled metrics with a contrast whose word another set of resamples might change.

    A standard error from ``R`` resamples is known to one part in ``√(2R)``.
    """
    resampled = {block.place for block in blocks if block.statistic in RESAMPLED}
    chance = CHANCE_ERRORS / math.sqrt(2 * max(1, n_resamples))
    return {
        place
        for task, (_, decision) in zip(tasks, decided, strict=True)
        if task.claim.is_tested
        if (own := {_place_of(part.row) for part in task.parts} & resampled) and _is_close(task.claim, decision, chance)
        for place in own
    }


def _is_close(claim: Claim, decision: Decision, chance: float) -> bool:
    scaled = (replace(claim.estimate, error=claim.estimate.error * factor) for factor in (1 - chance, 1 + chance))
    return any(
        read_interval(own.cautious_interval(decision.alpha), claim.margin) is not decision.verdict for own in scaled
    )


def _place_of(row: dict[str, str]) -> Place:
    return Place(*(row[name] for name in ("model", "task", "task_type", "hf_subset", "hf_split")))
