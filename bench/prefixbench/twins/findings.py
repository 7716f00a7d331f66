"""Answers to the twins' questions from run folders: differences between arms, over items and over training seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.blocks import Block, Place
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.names import CLUSTERING
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import Resampled, resample_block
from prefixbench.analysis.rules import ONE_CORPUS, Claim, Decision, Family, Verdict, decide_family
from prefixbench.analysis.spread import compute_spread, imagined_variance
from prefixbench.errors import AnalysisError
from prefixbench.twins.questions import QUESTIONS, Arm, Comparison, Question, read_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import RunLike

    Floats = NDArray[np.float64]

TINY = 1e-9
SEED = 42
"""Of the jackknife's blocks, where a task has too many items to leave out one by one."""

Cells = dict[tuple[str, int, str], tuple[Block, Resampled]]
"""By variant, training seed and condition."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One task's paired difference between two arms.

    Attributes:
        place: The task; its model is left empty.
        contributions: Points, ``(n_seeds, n_units, n_replicates)``.
        weight: Each unit's share of the items, mean 1.
    """

    place: Place
    contributions: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Answer:
    """What one comparison comes to within one scope.

    Attributes:
        scope: A task, or a task type.
        task_type: The tasks' type.
        is_task: Whether the scope is a single task.
        delta: First arm minus second, points, the mean over seeds.
        interval: Over items and seeds, at the level the comparison's task types leave it; of a single task plain 95%.
        verdict: By the rule of all verdicts.
        n_tasks: Tasks averaged.
        n_seeds: Training seeds compared.
    """

    scope: str
    task_type: str
    is_task: bool
    delta: float
    interval: tuple[float, float]
    verdict: Verdict
    n_tasks: int
    n_seeds: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with its comparisons' answers; a comparison that cannot be made has none."""

    question: Question
    answers: Mapping[Comparison, tuple[Answer, ...]]


def answer_questions(run: RunLike, smallest_effect: float = 0.5) -> list[Answered]:
    """Answer every question that the run's models and conditions allow.

    Args:
        run: A results folder of twins.
        smallest_effect: Points.
    """
    tasks = _gather_cells(run)
    return [
        Answered(question, {one: _answer(one, tasks, smallest_effect) for one in question.comparisons})
        for question in QUESTIONS
    ]


def _gather_cells(run: RunLike) -> dict[Place, Cells]:
    tasks: dict[Place, Cells] = defaultdict(dict)
    for own_place, cells in group_by_place(run).items():
        if read_model(own_place.model) is None:
            continue
        try:
            block = pair_cells(run, own_place, cells)
        except AnalysisError:
            # An error in the target's own unit has no points; such a task answers none of the questions.
            continue
        resampled = resample_block(block, 0, SEED)
        place, twin = block.place, read_model(block.place.model)
        assert twin is not None
        where = Place("", place.task, place.task_type, place.hf_subset, place.hf_split)
        for name in block.row_of:
            tasks[where][(*twin, name)] = (block, resampled)
    return tasks


def _answer(comparison: Comparison, tasks: Mapping[Place, Cells], smallest_effect: float) -> tuple[Answer, ...]:
    """Means over the tasks of a type, Holm over the types; then single tasks, which are explored."""
    differences = [found for place, cells in tasks.items() if (found := compare_arms(comparison, place, cells))]
    answers: list[Answer] = []
    for is_task, family in ((False, Family.PRIMARY), (True, Family.EXPLORATORY)):
        scopes: dict[tuple[str, str], list[Difference]] = defaultdict(list)
        for one in differences:
            scopes[one.place.task_type, one.place.task if is_task else one.place.task_type].append(one)
        claims = [_claim(own, smallest_effect) for own in scopes.values()]
        decisions = decide_family(claims, family)
        for (key, own), claim, decision in zip(scopes.items(), claims, decisions, strict=True):
            answers.append(_settle(key, own, claim, decision, is_task=is_task))
    return tuple(sorted(answers, key=lambda one: (one.task_type, one.is_task, one.scope)))


def _claim(differences: Sequence[Difference], smallest_effect: float) -> Claim:
    estimate = estimate_mean(differences)
    one_corpus = differences[0].place.task_type == CLUSTERING
    n_units = ONE_CORPUS if one_corpus else min(one.contributions.shape[1] for one in differences)
    return Claim(estimate, smallest_effect, n_units, same_strings=estimate.error <= TINY)


def _settle(
    key: tuple[str, str], differences: Sequence[Difference], claim: Claim, decision: Decision, *, is_task: bool
) -> Answer:
    return Answer(
        scope=key[1],
        task_type=key[0],
        is_task=is_task,
        delta=claim.estimate.delta,
        interval=decision.interval,
        verdict=decision.verdict,
        n_tasks=len({one.place.task for one in differences}),
        n_seeds=min(len(one.contributions) for one in differences),
    )


def compare_arms(comparison: Comparison, place: Place, cells: Cells) -> Difference | None:
    """One task's difference between two arms; ``None`` where an arm was not run or saw other items."""
    contributions = []
    for seed in _list_seeds(comparison, cells):
        one, other = (_find(arm, place.task_type, seed, cells) for arm in (comparison.arm, comparison.baseline))
        if one is None or other is None or not np.array_equal(one[0].item_id, other[0].item_id):
            return None
        contributions.append(100 * (one[1] - other[1]))
        weight = one[2]
    return Difference(place, np.stack(contributions), weight) if contributions else None


def estimate_mean(differences: Sequence[Difference]) -> Estimate:
    """Estimate the mean difference over these very tasks, with the spread of their items and of the training seeds.

    Items and seeds are crossed: every seed's twins meet the same items, and one seed's twins meet all tasks. The
    variance is that over items (seeds averaged), plus what seeds vary beyond their items over their number, plus the
    same of experiments (two-way crossed random effects, Searle, Casella and McCulloch 1992;
    `prefixbench.analysis.spread`), read against Student's t with the fewer degrees of freedom. Two imagined items a
    task stand for what it did not show, as in every contrast; not for the draws of a clustering.
    """
    delta = float(np.mean([one.contributions.mean() for one in differences]))
    imagined = [imagined_variance(len(one.weight)) for one in differences if one.place.task_type != CLUSTERING]
    unseen = 100 * math.sqrt(sum(imagined)) / len(differences)
    return Estimate(delta, *_compute_error(differences, delta), unseen)


def _list_seeds(comparison: Comparison, cells: Cells) -> list[int]:
    """Seeds that both arms have; a model without seeds stands beside each of the other's."""
    arms = comparison.arm, comparison.baseline
    own = [{seed for variant, seed, _ in cells if variant == arm.variant} for arm in arms]
    fixed = [seeds == {0} for seeds in own]
    if all(fixed):
        return [0]
    free = [seeds for seeds, is_fixed in zip(own, fixed, strict=True) if not is_fixed]
    return sorted(set.intersection(*free))


def _find(arm: Arm, task_type: str, seed: int, cells: Cells) -> tuple[Block, Floats, Floats] | None:
    condition = arm.resolve(task_type)
    found = cells.get((arm.variant, seed, condition)) or cells.get((arm.variant, 0, condition))
    if found is None:
        return None
    block, resampled = found
    return block, resampled.contribution[block.row_of[condition]], resampled.weight


def _compute_error(differences: Sequence[Difference], delta: float) -> tuple[float, float, float]:
    """Standard error as seen, acceleration and degrees of freedom of the mean over tasks.

    Each task's contributions are centred and weighted so that, laid end to end, their mean is the mean over tasks.
    """
    n_units = sum(one.contributions.shape[1] for one in differences)
    columns, weights, of_experiments = [], [], 0.0
    for one in differences:
        share = n_units / len(differences) / one.contributions.shape[1]
        columns.append(
            delta + share * (one.contributions.mean(axis=2).T - one.contributions.mean() * one.weight[:, None])
        )
        weights.append(np.ones(len(one.weight)))
        spread = compute_spread(one.contributions.mean(axis=0), one.weight)
        of_experiments += spread.replicate_variance / spread.n_replicates / len(differences) ** 2
        degrees = spread.tail_degrees if of_experiments > 0 and len(differences) == 1 else np.inf
    over_seeds = compute_spread(np.concatenate(columns), np.concatenate(weights))
    # Satterthwaite's are never fewer than those of the part known worst, which taking a part off can make them look.
    fewest = max(1, over_seeds.n_replicates - 1)
    own = over_seeds.error**2 + of_experiments
    if own <= TINY**2:
        return 0.0, 0.0, float(fewest)
    acceleration = over_seeds.acceleration * float((over_seeds.error**2 / own) ** 1.5)
    return float(np.sqrt(own)), acceleration, float(max(fewest, min(over_seeds.tail_degrees, degrees)))
