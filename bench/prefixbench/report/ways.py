"""Every way of sending, from best to worst, over the same tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from prefixbench.report.effects import Effect, Reading
    from prefixbench.report.evidence import Evidence

_NAMES = {
    "none": "nothing",
    "correct": "as documented",
    "wrong": "another task’s prefix",
    "instruction": "a plain instruction",
    "query-only": "queries only",
    "document-only": "documents only",
    "swapped": "both sides swapped",
    "both-query": "the query’s on both",
    "both-document": "the document’s on both",
    "foreign": "another model’s prefix",
    "placebo": "random tokens, as many",
    "shuffled": "its words shuffled",
    "mangled": "with its usual typos",
    "mteb": "as mteb’s registry has it",
    "cross": "another of its prefixes",
}
_NAMES_WITH = {
    "wrong": "the prefix for {}",
    "cross": "the prefix for {}",
    "foreign": "the prefix of {}",
    "placebo": "{} random tokens",
    "paraphrase": "reworded, {}",
    "custom": "your own: {}",
    "adapter": "nothing, adapter {}",
}


def name_way(condition: str) -> str:
    """What a condition sends, in plain words; a condition crossed with an adapter or a pooling names both."""
    head, *crossed = condition.split("+")
    kind, _, argument = head.partition(":")
    if kind == "mixed" and argument:
        words = f"{float(argument):.0%} of the index old".replace("%", " %")
    elif argument and kind in _NAMES_WITH:
        words = _NAMES_WITH[kind].format(argument)
    else:
        words = _NAMES.get(head, head)
    return ", ".join([words, *(part.replace(":", " ") for part in crossed)])


@dataclass(frozen=True, slots=True)
class Way:
    """One way of sending.

    Attributes:
        label: In plain words.
        condition: Its name, and those of conditions that send the very same.
        effect: Against the baseline; ``None`` for the baseline itself.
    """

    label: str
    condition: str
    effect: Effect | None

    @property
    def delta(self) -> float:
        """Points against the baseline."""
        return self.effect.delta if self.effect else 0.0


@dataclass(frozen=True, slots=True)
class Ladder:
    """Ways of sending over one set of tasks.

    Attributes:
        task_type: mteb's.
        tasks: The tasks every way was measured on.
        ways: Best first; the baseline itself is among them.
        left_out: Conditions that were measured on other tasks only, or on some of these.
        baseline: What every way is compared with, in plain words.
    """

    task_type: str
    tasks: tuple[str, ...]
    ways: tuple[Way, ...]
    left_out: tuple[str, ...]
    baseline: str = "nothing"


def build_ladders(reading: Reading, evidence: Evidence, baseline: str = "none") -> tuple[Ladder, ...]:
    """A ladder a task type on which two ways or more were measured; the one with most ways first."""
    types = dict.fromkeys(effect.task_type for effects in reading.by_task.values() for effect in effects)
    ladders = [_build(reading, task_type, evidence, baseline) for task_type in sorted(types)]
    kept = [ladder for ladder in ladders if len(ladder.ways) > 1]
    return tuple(sorted(kept, key=_weigh, reverse=True))


def _weigh(ladder: Ladder) -> tuple[int, bool, int]:
    return len(ladder.ways), ladder.task_type in ROLE_TASK_TYPES, len(ladder.tasks)


def _build(reading: Reading, task_type: str, evidence: Evidence, baseline: str) -> Ladder:
    order = [name for name in dict.fromkeys(["correct", *evidence.conditions]) if name != baseline]
    effects = {name: reading.types(name, baseline).get(task_type) for name in order}
    measured = {name: effect for name, effect in effects.items() if effect is not None and effect.is_measured}
    if "correct" in measured:
        tasks = frozenset(measured["correct"].tasks)
    else:
        tasks = max((frozenset(effect.tasks) for effect in measured.values()), key=len, default=frozenset())
    shown = {name: effect for name, effect in measured.items() if frozenset(effect.tasks) == tasks}
    shared = find_aliases(reading, evidence, task_type)
    ways = [
        Way(name_way(name), " = ".join([name, *shared.get(name, ())]), effect)
        for name, effect in shown.items()
        if not any(name in others for first, others in shared.items() if first in shown)
    ]
    if ways:
        ways.append(Way(name_way(baseline), baseline, None))
    return Ladder(
        task_type,
        tuple(sorted(tasks)),
        tuple(sorted(ways, key=lambda way: -way.delta)),
        tuple(name for name in measured if name not in shown),
        name_way(baseline),
    )


def find_aliases(reading: Reading, evidence: Evidence, task_type: str) -> dict[str, tuple[str, ...]]:
    """Conditions that send the very same on every task of a type, by the first of them as the run names them."""
    names = [frozenset(row.conditions) for row in evidence.results_of(reading.members) if row.task_type == task_type]
    aliases: dict[str, tuple[str, ...]] = {}
    for first in evidence.conditions:
        own = [group for group in names if first in group]
        if own and not any(first in others for others in aliases.values()):
            same = frozenset.intersection(*own) - {first}
            both = tuple(
                name
                for name in evidence.conditions
                if name in same and all(first in group for group in names if name in group)
            )
            if both:
                aliases[first] = both
    return aliases
