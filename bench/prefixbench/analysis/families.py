"""Claims gathered into families, decided, and written into rows: contrasts, tasks, task types."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.inference import Inference
from prefixbench.analysis.names import CLUSTERING, PRIMARY, SIDES, format_contrast
from prefixbench.analysis.pooling import average_correlated, average_tasks, pool_tasks, share_tasks
from prefixbench.analysis.rules import (
    ALPHA,
    ONE_CORPUS,
    Claim,
    Decision,
    Family,
    count_items_for_margin,
    decide_family,
    explain,
    reverse_decision,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefixbench.analysis.contrasts import Contrast
    from prefixbench.analysis.interval import Estimate

Row = dict[str, Any]

PRIMARY_NAME = format_contrast(PRIMARY)
SIDE_NAMES = frozenset(map(format_contrast, SIDES))


@dataclass(frozen=True, slots=True)
class TaskContrast:
    """One contrast of one task, its subsets and splits averaged.

    Attributes:
        parts: The contrasts averaged, those with the same strings left out unless all are.
        inference: Of their mean.
        claim: What is asked of it.
    """

    parts: tuple[Contrast, ...]
    inference: Inference
    claim: Claim

    @property
    def row(self) -> Row:
        """The fields of its first part, which hold for all."""
        return self.parts[0].row

    @property
    def cells(self) -> Cells:
        """The cells compared; contrasts of the same are one claim under several names."""
        return tuple(part.cells for part in self.parts)


def gather_tasks(contrasts: Iterable[Contrast]) -> list[TaskContrast]:
    """Average the subsets and splits of each task, contrast by contrast."""
    groups: dict[tuple[str, str, str], list[Contrast]] = defaultdict(list)
    for contrast in contrasts:
        groups[contrast.row["model"], contrast.row["task"], contrast.row["contrast"]].append(contrast)
    return [_gather_task(group) for group in groups.values()]


def _gather_task(group: list[Contrast]) -> TaskContrast:
    parts = [part for part in group if not part.row["same_strings"]] or group
    estimate = average_correlated([part.inference.estimate for part in parts])
    item_error = float(np.mean([part.inference.item_error for part in parts]))
    claim = Claim(
        estimate,
        margin=max(part.margin for part in parts),
        n_units=_count_units(parts),
        same_strings=all(part.row["same_strings"] for part in parts),
        inert=next((part.inert for part in parts if part.inert), ""),
    )
    return TaskContrast(tuple(parts), Inference(estimate, item_error, parts[0].inference.method), claim)


def _count_units(parts: Sequence[Contrast]) -> int:
    """The units of the smallest part; the draws of a clustering are draws of one corpus, not units of it."""
    if parts[0].row["task_type"] == CLUSTERING:
        return ONE_CORPUS
    return min(int(part.row["n_units"]) for part in parts)


def decide_tasks(tasks: Sequence[TaskContrast]) -> list[tuple[Family, Decision]]:
    """Decide every task's contrasts, model by model and family by family."""
    decided: list[tuple[Family, Decision] | None] = [None] * len(tasks)
    by_model: dict[str, list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        by_model[task.row["model"]].append(number)
    for numbers in by_model.values():
        primary = [number for number in numbers if tasks[number].row["contrast"] == PRIMARY_NAME]
        _decide(tasks, primary, Family.PRIMARY, decided)
        opened = {
            tasks[number].row["task"]
            for number in primary
            if (own := decided[number]) is not None and own[1].verdict.is_declared
        }
        sides = [
            number
            for number in numbers
            if tasks[number].row["contrast"] in SIDE_NAMES and tasks[number].row["task"] in opened
        ]
        _decide(tasks, sides, Family.SIDES, decided)
        _decide(tasks, [number for number in numbers if decided[number] is None], Family.EXPLORATORY, decided)
    return [own for own in decided if own is not None]


def _decide(
    tasks: Sequence[TaskContrast],
    numbers: Sequence[int],
    family: Family,
    decided: list[tuple[Family, Decision] | None],
) -> None:
    decisions = decide_distinct([tasks[number].cells for number in numbers], [tasks[n].claim for n in numbers], family)
    for number, decision in zip(numbers, decisions, strict=True):
        decided[number] = (family, decision)


Cells = tuple[tuple[str, str], ...]
"""The two cells of every part of a contrast."""


def decide_distinct(cells: Sequence[Cells], claims: Sequence[Claim], family: Family) -> list[Decision]:
    """Decide one family in which contrasts of the same cells, either way round, are one claim under several names."""
    first: dict[Cells, int] = {}
    for number, own in enumerate(cells):
        if _reverse_cells(own) not in first:
            first.setdefault(own, number)
    decisions = dict(zip(first, decide_family([claims[number] for number in first.values()], family), strict=True))
    return [decisions[own] if own in decisions else reverse_decision(decisions[_reverse_cells(own)]) for own in cells]


def _reverse_cells(cells: Cells) -> Cells:
    return tuple((second, one) for one, second in cells)


def describe(claim: Claim, inference: Inference, family: Family, decision: Decision, n_items: int) -> Row:
    """Return the fields of inference that contrasts, tasks and types share."""
    estimate = claim.estimate
    nothing = (0.0, 0.0)
    plain = nothing if claim.same_strings else estimate.interval(ALPHA)
    cautious = nothing if claim.same_strings else estimate.cautious_interval(ALPHA)
    return {
        "delta_points": estimate.delta,
        "standard_error": estimate.error,
        "ci_low": plain[0],
        "ci_high": plain[1],
        "ci_low_cautious": cautious[0],
        "ci_high_cautious": cautious[1],
        "ci_low_adjusted": decision.interval[0],
        "ci_high_adjusted": decision.interval[1],
        "p_value": claim.p_value if claim.is_tested else np.nan,
        "p_adjusted": decision.p_adjusted,
        "family": family.value,
        "margin": claim.margin,
        "verdict": decision.verdict.value,
        "reason": explain(decision, claim, plain),
        "mde": decision.mde,
        "n_items_for_margin": count_items_for_margin(decision, claim, inference.item_error, n_items),
    }


def describe_tasks(tasks: Sequence[TaskContrast], decided: Sequence[tuple[Family, Decision]]) -> list[Row]:
    """Return one row a task and contrast, each with the model's other tasks in view."""
    rows = []
    for task, (family, decision) in zip(tasks, decided, strict=True):
        parts = [part.row for part in task.parts]
        shared = ("model", "task", "task_type", "metric", "contrast", "condition", "baseline")
        n_items = sum(row["n_items"] for row in parts)
        rows.append(
            {name: parts[0][name] for name in shared}
            | {
                "n_subsets": len(parts),
                "n_items": n_items,
                "n_units": min(row["n_units"] for row in parts),
                "score": float(np.mean([row["score"] for row in parts])),
                "baseline_score": float(np.mean([row["baseline_score"] for row in parts])),
                "same_strings": task.claim.same_strings,
                **describe(task.claim, task.inference, family, decision, n_items),
            }
        )
    _add_beliefs(rows, tasks)
    return rows


def _add_beliefs(rows: list[Row], tasks: Sequence[TaskContrast]) -> None:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if not row["same_strings"]:
            groups[row["model"], row["contrast"]].append(number)
    for numbers in groups.values():
        beliefs, _ = share_tasks([tasks[number].claim.estimate for number in numbers])
        for number, belief in zip(numbers, beliefs, strict=True):
            rows[number] |= {
                "shrunk_points": belief.mean,
                "shrunk_low": belief.low,
                "shrunk_high": belief.high,
                "pr_positive": belief.pr_positive,
            }


def describe_contrasts(
    contrasts: Sequence[Contrast], tasks: Sequence[TaskContrast], decided: Sequence[tuple[Family, Decision]]
) -> list[Row]:
    """Return one row a contrast. A task's only part has the task's verdict; a subset among several is exploratory."""
    of_task = {id(task.parts[0]): own for task, own in zip(tasks, decided, strict=True) if len(task.parts) == 1}
    alone = [TaskContrast((one,), one.inference, _claim_of(one)) for one in contrasts]
    several = [number for number, one in enumerate(contrasts) if id(one) not in of_task]
    by_model: dict[str, list[int]] = defaultdict(list)
    for number in several:
        by_model[contrasts[number].row["model"]].append(number)
    own: list[tuple[Family, Decision] | None] = [of_task.get(id(one)) for one in contrasts]
    for numbers in by_model.values():
        _decide(alone, numbers, Family.EXPLORATORY, own)
    return [
        one.row | describe(task.claim, one.inference, *found, one.row["n_items"])
        for one, task, found in zip(contrasts, alone, own, strict=True)
        if found is not None
    ]


def _claim_of(contrast: Contrast) -> Claim:
    return Claim(
        contrast.inference.estimate,
        contrast.margin,
        _count_units([contrast]),
        contrast.row["same_strings"],
        contrast.inert,
    )


def describe_types(tasks: Sequence[TaskContrast]) -> list[Row]:
    """Return one row a model, task type and contrast: the mean over these very tasks, and over such tasks in general.

    Primary is ``correct-none``, Holm within a model over its task types; all else is exploratory.
    """
    groups: dict[str, dict[tuple[str, str], list[TaskContrast]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        if not task.claim.same_strings:
            groups[task.row["model"]][task.row["task_type"], task.row["contrast"]].append(task)
    rows = []
    for own in groups.values():
        keys = list(own)
        for family in (Family.PRIMARY, Family.EXPLORATORY):
            chosen = [key for key in keys if (key[1] == PRIMARY_NAME) == (family is Family.PRIMARY)]
            claims = [_average(own[key]) for key in chosen]
            cells = [tuple(pair for task in own[key] for pair in task.cells) for key in chosen]
            for key, claim, decision in zip(chosen, claims, decide_distinct(cells, claims, family), strict=True):
                rows.append(_describe_type(own[key], claim, family, decision))
    return rows


def _average(tasks: Sequence[TaskContrast]) -> Claim:
    """The mean over the tasks that are tested, else over all."""
    tasks = [task for task in tasks if task.claim.is_tested] or tasks
    return Claim(
        average_tasks([task.claim.estimate for task in tasks]),
        margin=max(task.claim.margin for task in tasks),
        n_units=min(task.claim.n_units for task in tasks),
    )


def _describe_type(tasks: Sequence[TaskContrast], claim: Claim, family: Family, decision: Decision) -> Row:
    general = pool_tasks([task.claim.estimate for task in tasks])
    first = tasks[0].row
    inference = Inference(claim.estimate, claim.estimate.error, "")
    row = {name: first[name] for name in ("model", "task_type", "contrast", "condition", "baseline")}
    row |= describe(claim, inference, family, decision, sum(task.row["n_items"] for task in tasks))
    return row | {
        "n_tasks": len(tasks),
        "tasks": ",".join(task.row["task"] for task in tasks),
        "n_items": sum(task.row["n_items"] for task in tasks),
        "n_units": claim.n_units,
        "n_items_for_margin": None,
        "pr_positive": probability_above(claim.estimate),
        "re_points": general.mean,
        "re_low": general.interval[0],
        "re_high": general.interval[1],
        "tau2": general.tau2,
        "pi_low": general.prediction[0],
        "pi_high": general.prediction[1],
        "line": "",
    }


def probability_above(estimate: Estimate, bound: float = 0.0) -> float:
    """Return the probability that the true delta is above a bound: the cautious interval read sideways."""
    half = estimate.cautious_p_against(bound) / 2
    return 1 - half if estimate.delta > bound else half
