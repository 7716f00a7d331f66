"""Whether a prefix is worth more to one model than to another, and on one type of task than on another."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.exploring import Explored, Measured
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.names import PRIMARY, format_contrast
from prefixbench.analysis.pooling import average_tasks, pool_tasks
from prefixbench.analysis.rules import Claim
from prefixbench.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefixbench.analysis.families import TaskContrast
    from prefixbench.analysis.settings import AnalysisSettings

PRIMARY_NAME = format_contrast(PRIMARY)


def compare_models(measured: Sequence[Measured], settings: AnalysisSettings) -> list[Explored]:
    """Return one row a place and pair of models: the first's ``correct-none`` less the second's, item by item.

    Both must have scored the same items in the same clusters by the same metric; their items are then shared, and the
    difference of differences has the spread of what is left. A row belongs to its first model's family.
    """
    groups: dict[tuple[str, str, str], list[Measured]] = defaultdict(list)
    for one in measured:
        if {*PRIMARY} <= {*one.block.row_of} and len({one.block.row_of[name] for name in PRIMARY}) > 1:
            groups[one.block.place.task, one.block.place.hf_subset, one.block.place.hf_split].append(one)
    explored = []
    for own in groups.values():
        for first, second in combinations(own, 2):
            made = _compare_two(first, second, settings)
            if made is not None:
                explored.append(made)
    return explored


def _compare_two(first: Measured, second: Measured, settings: AnalysisSettings) -> Explored | None:
    one, other = first.block, second.block
    same = one.metric == other.metric and np.array_equal(one.item_id, other.item_id)
    if not same or not np.array_equal(one.unit, other.unit) or one.value.shape[2] != other.value.shape[2]:
        return None
    mine, theirs = (each.combine(_weigh(each)) for each in (first, second))
    data = PairedData(
        mine.contribution - theirs.contribution, mine.weight, mine.replica - theirs.replica, one.statistic,
        mine.one_corpus,
    )  # fmt: skip
    try:
        estimate = infer_contrast(data).estimate
    except AnalysisError:  # the contrasts of these models say why
        return None
    estimate = replace(estimate, unseen=2 * estimate.unseen)  # a difference of changes has twice their range
    row = first.name() | {
        "other_model": other.place.model,
        "contrast": PRIMARY_NAME,
        "points": 100 * float(mine.contribution.mean()),
        "other_points": 100 * float(theirs.contribution.mean()),
        "n_items": len(one.item_id),
        "n_units": one.n_units,
    }
    return Explored(row, Claim(estimate, settings.margin_of(one.metric), first.n_units))


def _weigh(measured: Measured) -> dict[int, float]:
    condition, baseline = (measured.block.row_of[name] for name in PRIMARY)
    return {condition: 1.0, baseline: -1.0}


def compare_types(tasks: Iterable[TaskContrast]) -> list[Explored]:
    """Return one row a model and pair of task types: the mean ``correct-none`` of one less that of the other.

    It speaks of these very tasks; how many there are of each stands beside it. What tasks of the types in general say
    is added where both have three or more, with the spread between tasks in it.
    """
    groups: dict[str, dict[str, list[TaskContrast]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        if task.row["contrast"] == PRIMARY_NAME and not task.claim.same_strings:
            groups[task.row["model"]][task.row["task_type"]].append(task)
    explored = []
    for model, types in groups.items():
        for first, second in combinations(types, 2):
            explored.append(_compare_two_types(model, (first, types[first]), (second, types[second])))
    return explored


def _compare_two_types(
    model: str, first: tuple[str, list[TaskContrast]], second: tuple[str, list[TaskContrast]]
) -> Explored:
    one, other = (average_tasks([task.claim.estimate for task in own]) for _, own in (first, second))
    general = [pool_tasks([task.claim.estimate for task in own]) for _, own in (first, second)]
    reach = math.hypot(*(each.interval[1] - each.mean for each in general))
    centre = general[0].mean - general[1].mean
    row = {
        "model": model,
        "task_type": first[0],
        "other_type": second[0],
        "contrast": PRIMARY_NAME,
        "n_tasks": len(first[1]),
        "n_tasks_other": len(second[1]),
        "points": one.delta,
        "other_points": other.delta,
        "general_points": centre,
        "general_low": centre - reach,
        "general_high": centre + reach,
    }
    tasks = [*first[1], *second[1]]
    margin, n_units = max(task.claim.margin for task in tasks), min(task.claim.n_units for task in tasks)
    return Explored(row, Claim(_subtract(one, other), margin, n_units))


def _subtract(one: Estimate, other: Estimate) -> Estimate:
    """The difference of two independent estimates: twice the mean of one and the other reversed."""
    back = Estimate(-other.delta, other.error, -other.acceleration, other.degrees, other.unseen)
    mean = average_tasks([one, back])
    return Estimate(2 * mean.delta, 2 * mean.error, mean.acceleration, mean.degrees, 2 * mean.unseen)
