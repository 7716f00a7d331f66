"""A spec to ordered cells: the grid, the strings of each condition, and what is one and the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.resolver import Resolver
from prefixbench.prefixes.sources import Resolution
from prefixbench.spec.conditions import Condition, PrefixPair
from prefixbench.spec.sweep import EncoderSettings, ModelSpec, SweepSpec
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True)
class Plan:
    """Everything a sweep would do, in the order it would do it.

    Attributes:
        spec: What was asked for.
        cells: What is computed, each once; ordered by model, task, subset and split, the baseline first.
        unplanned: What cannot be, with reasons.
    """

    spec: SweepSpec
    cells: tuple[Cell, ...]
    unplanned: tuple[UnplannedCell, ...]

    @property
    def tasks(self) -> tuple[TaskFacts, ...]:
        """Facts of every task."""
        facts = [cell.task for cell in self.cells] + [cell.task for cell in self.unplanned]
        return tuple(dict.fromkeys(facts))

    @property
    def cell_ids(self) -> tuple[str, ...]:
        """Identities of everything that will have a row in the ledger."""
        return tuple(cell.cell_id for cell in self.cells) + tuple(cell.cell_id for cell in self.unplanned)


def expand_plan(
    spec: SweepSpec,
    tasks: tuple[TaskFacts, ...],
    resolver: Resolver,
    pin_revision: Callable[[ModelSpec], ModelSpec] = lambda model: model,
) -> Plan:
    """Lay out the grid.

    Args:
        spec: The sweep.
        tasks: Facts of its tasks.
        resolver: Turns (model, task, condition) into strings.
        pin_revision: Fills in the revision a model will be loaded at.
    """
    cells: list[Cell] = []
    unplanned: list[UnplannedCell] = []
    for model in spec.models:
        pinned = pin_revision(model)
        settings = _settings_for(spec.encoder, pinned)
        for task in tasks:
            done, left_out = _expand_task(spec, pinned, settings, task, resolver)
            cells.extend(done)
            unplanned.extend(left_out)
    return Plan(spec, tuple(cells), tuple(unplanned))


def _settings_for(settings: EncoderSettings, model: ModelSpec) -> EncoderSettings:
    """The sweep's settings with the model's own overrides."""
    overrides = {name: value for name in ("dtype", "max_seq_length") if (value := getattr(model, name)) is not None}
    return settings.model_copy(update=overrides)


def _expand_task(
    spec: SweepSpec, model: ModelSpec, settings: EncoderSettings, task: TaskFacts, resolver: Resolver
) -> tuple[list[Cell], list[UnplannedCell]]:
    cells: list[Cell] = []
    unplanned: list[UnplannedCell] = []
    places = [(subset, split) for subset in task.hf_subsets for split in task.eval_splits]
    by_pair: dict[PrefixPair, tuple[Resolution, list[Condition]]] = {}
    notes: dict[PrefixPair, dict[str, None]] = {}
    for condition in resolver.expand(model, task, spec.conditions):
        try:
            resolution = resolver.resolve(model, task, condition, spec.custom, spec.seed)
        except (InexpressibleError, PrefixNotFoundError) as error:
            status: Literal["skipped", "failed"] = "skipped" if isinstance(error, InexpressibleError) else "failed"
            unplanned.extend(
                UnplannedCell(model, condition, task, subset, split, status, str(error)) for subset, split in places
            )
            continue
        key = effective_pair(resolution.pair, task)
        by_pair.setdefault(key, (resolution, []))[1].append(condition)
        notes.setdefault(key, {}).update(dict.fromkeys(resolution.notes))
    for subset, split in places:
        for pair, (resolution, conditions) in by_pair.items():
            cells.append(
                Cell(
                    model=model,
                    conditions=tuple(conditions),
                    task=task,
                    hf_subset=subset,
                    hf_split=split,
                    pair=pair,
                    mechanism=resolution.mechanism,
                    settings=settings,
                    sources=resolution.sources,
                    limit=spec.limit,
                    seed=spec.seed,
                    notes=tuple(notes[pair]),
                )
            )
    return cells, unplanned


def effective_pair(pair: PrefixPair, task: TaskFacts) -> PrefixPair:
    """The pair as this task can tell it apart: a symmetric task sends one member for all its texts."""
    if task.has_roles:
        return pair
    side = pair.side_for(None)
    return replace(pair, query=side, document=side, mixture=None)
