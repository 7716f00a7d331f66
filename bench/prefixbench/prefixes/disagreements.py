"""Where mteb's registry and the model's own documentation differ, over all models that have a card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes.book import PrefixBook
from prefixbench.prefixes.catalog import facts_of_type
from prefixbench.prefixes.documentation import Documentation
from prefixbench.prefixes.registry_asker import named_tasks
from prefixbench.prefixes.sources import SourcedPair, SourcedSide
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.spec.conditions import Side
from prefixbench.spec.tasks import TaskFacts

PROBE = "THE TASK'S INSTRUCTION"
"""Stands for a task's own instruction on both sides, so that only what is around it is compared."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One difference, shared by models and tasks.

    Attributes:
        family: The card's family.
        models: The models it holds for.
        tasks: Task types, and tasks that mteb's registry names one by one.
        role: ``query``, ``document``, or ``text`` for tasks without roles.
        card: What the card says is sent.
        mteb: What mteb sends.
        card_source: Where the card has it from.
        certain: Whether the card's side is certain.
    """

    family: str
    models: tuple[str, ...]
    tasks: tuple[str, ...]
    role: str
    card: Side
    mteb: Side
    card_source: str
    certain: bool


@dataclass(frozen=True, slots=True)
class _Difference:
    family: str
    role: str
    card: Side
    mteb: Side
    card_source: str
    certain: bool


def find_disagreements(book: PrefixBook) -> tuple[Disagreement, ...]:
    """Compare every card with mteb's registry, type by type and task by task where mteb names tasks.

    A model or task that only one of the two documents is no disagreement. Models and tasks with the same difference
    share a row.
    """
    tasks_of: dict[tuple[_Difference, str], list[str]] = {}
    probes = tuple(facts_of_type(task_type, PROBE) for task_type in TEXT_TASK_TYPES)
    for model, entry in book.cards.items():
        try:
            card, registry = book.documentation(model), book.registry(model)
        except PrefixNotFoundError:
            continue
        for task in (*probes, *named_tasks(model)):
            for difference in _differences(card, registry, entry.family, task):
                label = task.task_type if task.prompt == PROBE else task.name
                tasks_of.setdefault((difference, model), []).append(label)
    models_of: dict[tuple[_Difference, tuple[str, ...]], list[str]] = {}
    for (difference, model), tasks in tasks_of.items():
        models_of.setdefault((difference, tuple(tasks)), []).append(model)
    return tuple(
        Disagreement(
            difference.family,
            tuple(models),
            tasks,
            difference.role,
            difference.card,
            difference.mteb,
            difference.card_source,
            difference.certain,
        )
        for (difference, tasks), models in models_of.items()
    )


def _differences(card: Documentation, registry: Documentation, family: str, task: TaskFacts) -> Iterator[_Difference]:
    try:
        pairs = card.documented(task), registry.documented(task)
    except (InexpressibleError, PrefixNotFoundError):
        return
    for role, ours, theirs in _sides(*pairs, task):
        if _comparable(ours.side) != _comparable(theirs.side):
            yield _Difference(
                family, role, ours.side, theirs.side, ours.source.citation.split("; ")[0], ours.source.certain
            )


def _sides(
    card: SourcedPair, registry: SourcedPair, task: TaskFacts
) -> tuple[tuple[str, SourcedSide, SourcedSide], ...]:
    if not task.has_roles:
        return (("text", card.query, registry.query),)
    return (("query", card.query, registry.query), ("document", card.document, registry.document))


def _comparable(side: Side) -> tuple[str, str | None, tuple[tuple[str, str], ...]]:
    """What reaches the model; an adapter that is switched off and none at all are one, as is an untitled slot."""
    adapter = None if side.adapter == "none" else side.adapter
    return side.prefix_for(None), adapter, side.api_for(None)
