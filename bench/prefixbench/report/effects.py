"""Rows of the analysis as the page tells them: one difference, its interval and its verdict."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from prefixbench.report.evidence import Evidence

SAME, INERT, INCONCLUSIVE = "same strings", "inert", "inconclusive"
DECIDED = frozenset({"helps", "hurts", "equivalent"})
"""Verdicts that hold; everything else leaves size, direction or all of it open."""

Pair = tuple[str, str]
"""(condition, baseline)."""
DOCUMENTED: Pair = ("correct", "none")
"""What a report is about unless asked otherwise."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One difference between two conditions, in points.

    Attributes:
        name: The task, or the task type whose tasks it is the mean of.
        task_type: mteb's.
        pair: Condition and baseline.
        delta: What the condition adds to the baseline.
        low: Lower end of the interval that decided the verdict.
        high: Its upper end.
        verdict: One word of the analysis's vocabulary.
        reason: Why the verdict is not what the interval looks like; empty where it is.
        tasks: The tasks it rests on.
        n_items: Items paired, over all tasks.
        metric: The main score's name; empty for a mean over tasks.
        scores: Main score in hundredths under baseline and condition; ``None`` for a mean over tasks.
        n_seeds: Trainings of one recipe that were averaged.
    """

    name: str
    task_type: str
    pair: Pair
    delta: float
    low: float
    high: float
    verdict: str
    reason: str = ""
    tasks: tuple[str, ...] = ()
    n_items: int = 0
    metric: str = ""
    scores: tuple[float, float] | None = None
    n_seeds: int = 1

    @property
    def is_decided(self) -> bool:
        """Whether the verdict holds."""
        return self.verdict in DECIDED

    @property
    def is_measured(self) -> bool:
        """Whether there was anything to compare."""
        return self.verdict not in (SAME, INERT)

    @property
    def caveat(self) -> str:
        """Why there is no verdict although the interval lies beyond zero; empty where the interval says it itself."""
        return self.reason if not self.is_decided and (self.low > 0 or self.high < 0) else ""

    def reverse(self) -> Effect:
        """The same with condition and baseline exchanged."""
        opposite = {"helps": "hurts", "hurts": "helps", "positive": "negative", "negative": "positive"}
        return replace(
            self,
            pair=(self.pair[1], self.pair[0]),
            delta=-self.delta,
            low=-self.high,
            high=-self.low,
            verdict=opposite.get(self.verdict, self.verdict),
            scores=None if self.scores is None else (self.scores[1], self.scores[0]),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that was measured of one recipe.

    Attributes:
        recipe: The model, its training's seed left out, with its run where several runs hold it.
        members: Its subjects; more than one where seeds differ.
        model: The first member as its tools load it.
        by_task: Effects by pair, one a task.
        by_type: Effects by pair and task type: the mean over the type's tasks, or its only task's own.
    """

    recipe: str
    members: tuple[str, ...]
    model: str
    by_task: dict[Pair, tuple[Effect, ...]]
    by_type: dict[Pair, dict[str, Effect]]

    def tasks(self, condition: str, baseline: str = "none") -> tuple[Effect, ...]:
        """Effects of one pair, one a task; empty where it was not measured."""
        return self.by_task.get((condition, baseline), ())

    def types(self, condition: str, baseline: str = "none") -> dict[str, Effect]:
        """Effects of one pair by task type."""
        return self.by_type.get((condition, baseline), {})


def read_evidence(evidence: Evidence) -> tuple[Reading, ...]:
    """One reading a recipe, in the runs' order."""
    tasks = _group(evidence.tasks.to_dict("records"))
    types = _group(evidence.types.to_dict("records"))
    return tuple(
        _read_recipe(recipe, members, evidence.models_of[members[0]], tasks, types)
        for recipe, members in evidence.recipes.items()
        if any(member in tasks for member in members)
    )


def _group(rows: Iterable[dict[Hashable, Any]]) -> dict[str, list[dict[Hashable, Any]]]:
    groups: dict[str, list[dict[Hashable, Any]]] = defaultdict(list)
    for row in rows:
        groups[str(row["subject"])].append(row)
    return groups


def _read_recipe(
    recipe: str,
    members: tuple[str, ...],
    model: str,
    tasks: dict[str, list[dict[Hashable, Any]]],
    types: dict[str, list[dict[Hashable, Any]]],
) -> Reading:
    by_task, means = (_collect(members, rows, read) for rows, read in ((tasks, _read_task), (types, _read_mean)))
    averaged = {pair: _average_seeds(effects) for pair, effects in by_task.items()}
    return Reading(
        recipe,
        members,
        model,
        averaged,
        {pair: _find_types(own, _average_seeds(means.get(pair, []))) for pair, own in averaged.items()},
    )


def _collect(
    members: tuple[str, ...],
    rows: dict[str, list[dict[Hashable, Any]]],
    read: Callable[[dict[Hashable, Any]], Effect],
) -> dict[Pair, list[Effect]]:
    found: dict[Pair, list[Effect]] = defaultdict(list)
    for member in members:
        for row in rows.get(member, []):
            found[str(row["condition"]), str(row["baseline"])].append(read(row))
    return found


def _find_types(tasks: Sequence[Effect], means: Sequence[Effect]) -> dict[str, Effect]:
    """The only measured task's own effect where a type has one, else the mean over its tasks."""
    pooled = {effect.task_type: effect for effect in means}
    types: dict[str, Effect] = {}
    for task_type in sorted({effect.task_type for effect in tasks}):
        own = [effect for effect in tasks if effect.task_type == task_type]
        measured = [effect for effect in own if effect.is_measured]
        if len(measured) == 1 or not measured:
            types[task_type] = (measured or own)[0]
        elif task_type in pooled:
            types[task_type] = pooled[task_type]
    return types


def _read_task(row: dict[Hashable, Any]) -> Effect:
    scores = 100 * float(row["baseline_score"]), 100 * float(row["score"])
    own = _read_row(row, str(row["label"]), (str(row["label"]),))
    return replace(own, metric=str(row["metric"]), scores=scores)


def _read_mean(row: dict[Hashable, Any]) -> Effect:
    return _read_row(row, str(row["task_type"]), tuple(str(row["tasks"]).split(",")))


def _read_row(row: dict[Hashable, Any], name: str, tasks: tuple[str, ...]) -> Effect:
    """Read what rows of tasks and of task types share; the adjusted interval is the one that decided."""
    return Effect(
        name=name,
        task_type=str(row["task_type"]),
        pair=(str(row["condition"]), str(row["baseline"])),
        delta=float(row["delta_points"]),
        low=float(row["ci_low_adjusted"]),
        high=float(row["ci_high_adjusted"]),
        verdict=str(row["verdict"]),
        reason=str(row["reason"]),
        tasks=tasks,
        n_items=int(row["n_items"]),
    )


def _average_seeds(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """One effect a task; several seeds give their mean, the span of their intervals, and a verdict if they agree."""
    groups: dict[tuple[str, str], list[Effect]] = defaultdict(list)
    for effect in effects:
        groups[effect.task_type, effect.name].append(effect)
    return tuple(_average(own) if len(own) > 1 else own[0] for own in groups.values())


def _average(effects: Sequence[Effect]) -> Effect:
    measured = [effect for effect in effects if effect.is_measured]
    if not measured:
        return effects[0]
    words = sorted({effect.verdict for effect in measured})
    agreed = len(words) == 1
    scores = [effect.scores for effect in measured if effect.scores is not None]
    return replace(
        measured[0],
        delta=fmean(effect.delta for effect in measured),
        low=min(effect.low for effect in measured),
        high=max(effect.high for effect in measured),
        verdict=words[0] if agreed else INCONCLUSIVE,
        reason=measured[0].reason if agreed else f"seeds differ: {', '.join(words)}",
        tasks=tuple(dict.fromkeys(name for effect in measured for name in effect.tasks)),
        scores=(fmean(one[0] for one in scores), fmean(one[1] for one in scores)) if scores else None,
        n_seeds=len(measured),
    )
