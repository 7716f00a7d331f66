"""Answers to the twins' questions from run folders: differences between arms, over items and over training seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import t as student_t

from prefixbench.analysis.blocks import Block, Place
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.pooling import pool_rows
from prefixbench.analysis.resampled import Resampled, resample_blocks
from prefixbench.analysis.settings import CONFIDENCE, EQUIVALENCE_CONFIDENCE
from prefixbench.analysis.spread import compute_spread
from prefixbench.analysis.verdicts import Verdict, correct_for_multiplicity, decide_verdict
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

Row = dict[str, Any]


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
        scope: A task, a task type, or ``all``.
        task_type: The tasks' type; ``all`` for all.
        is_task: Whether the scope is a single task.
        delta: First arm minus second, points, the mean over seeds.
        interval: 95%, over items and seeds.
        p_value: Two-sided; corrected by Holm over the comparison's task types where the scope is one.
        verdict: By the rule of all verdicts.
        n_tasks: Tasks pooled.
        n_seeds: Training seeds compared.
    """

    scope: str
    task_type: str
    is_task: bool
    delta: float
    interval: tuple[float, float]
    p_value: float
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
    blocks = []
    for place, cells in group_by_place(run).items():
        if read_model(place.model) is not None:
            try:
                blocks.append(pair_cells(run, place, cells))
            except AnalysisError:
                # An error in the target's own unit has no points; such a task answers none of the questions.
                continue
    tasks: dict[Place, Cells] = defaultdict(dict)
    for block, resampled in resample_blocks(blocks, 2, SEED):
        place, twin = block.place, read_model(block.place.model)
        assert twin is not None
        where = Place("", place.task, place.task_type, place.hf_subset, place.hf_split)
        for name in block.row_of:
            tasks[where][(*twin, name)] = (block, resampled)
    return tasks


def _answer(comparison: Comparison, tasks: Mapping[Place, Cells], smallest_effect: float) -> tuple[Answer, ...]:
    differences = [found for place, cells in tasks.items() if (found := compare_arms(comparison, place, cells))]
    if not differences:
        return ()
    by_type = {
        task_type: [one for one in differences if one.place.task_type == task_type]
        for task_type in sorted({one.place.task_type for one in differences})
    }
    rows = {task_type: estimate_mean(own) for task_type, own in by_type.items()}
    corrected = correct_for_multiplicity([row["p_value"] for row in rows.values()])
    answers = [_pool(differences, smallest_effect)]
    for (task_type, own), p_value in zip(by_type.items(), corrected, strict=True):
        answers.append(_settle(task_type, own, rows[task_type] | {"p_value": p_value}, smallest_effect))
        for task in sorted({one.place.task for one in own}):
            subsets = [one for one in own if one.place.task == task]
            answers.append(_settle(task, subsets, estimate_mean(subsets), smallest_effect, is_task=True))
    return tuple(answers)


def _pool(differences: Sequence[Difference], smallest_effect: float) -> Answer:
    pooled = pool_rows([estimate_mean([one]) for one in differences], smallest_effect)
    n_seeds = min(len(one.contributions) for one in differences)
    return Answer(
        "all", "all", False, pooled.delta, pooled.interval, pooled.p_value, pooled.verdict, pooled.n_tasks, n_seeds
    )


def _settle(
    scope: str, differences: Sequence[Difference], row: Row, smallest_effect: float, *, is_task: bool = False
) -> Answer:
    interval = row["ci_low"], row["ci_high"]
    narrow = row["equivalence_low"], row["equivalence_high"]
    verdict = decide_verdict(interval, narrow, row["p_value"], smallest_effect)
    n_tasks = len({one.place.task for one in differences})
    n_seeds = min(len(one.contributions) for one in differences)
    task_type = differences[0].place.task_type
    return Answer(scope, task_type, is_task, row["delta_points"], interval, row["p_value"], verdict, n_tasks, n_seeds)


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


def estimate_mean(differences: Sequence[Difference]) -> Row:
    """The mean difference over these very tasks, in points, with the spread of their items and of the training seeds.

    Items and seeds are crossed: every seed's twins meet the same items, and one seed's twins meet all tasks. The
    variance is that over items (seeds averaged), plus what seeds vary beyond their items over their number, plus the
    same of experiments (two-way crossed random effects, Searle, Casella and McCulloch 1992;
    `prefixbench.analysis.spread`), read against Student's t with the fewer degrees of freedom.

    Returns:
        A row as `prefixbench.analysis.pooling.pool_rows` takes it.
    """
    delta = float(np.mean([one.contributions.mean() for one in differences]))
    error, degrees = _compute_error(differences, delta)
    reach = {level: float(student_t.ppf((1 + level) / 2, degrees)) * error for level in _LEVELS}
    return {
        "task": differences[0].place.task,
        "identical": error <= TINY,
        "delta_points": delta,
        "standard_error": error,
        "ci_low": delta - reach[CONFIDENCE],
        "ci_high": delta + reach[CONFIDENCE],
        "equivalence_low": delta - reach[EQUIVALENCE_CONFIDENCE],
        "equivalence_high": delta + reach[EQUIVALENCE_CONFIDENCE],
        "p_value": float(2 * student_t.sf(abs(delta) / error, degrees)) if error > TINY else 1.0,
    }


_LEVELS = (CONFIDENCE, EQUIVALENCE_CONFIDENCE)


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


def _compute_error(differences: Sequence[Difference], delta: float) -> tuple[float, float]:
    """Standard error and degrees of freedom of the mean over tasks.

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
    error = float(np.sqrt(over_seeds.error**2 + of_experiments))
    return error, float(max(fewest, min(over_seeds.tail_degrees, degrees)))
