"""The worked example of every model and condition, written to the ledger once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from prefixbench.errors import InertError, InexpressibleError, PrefixNotFoundError
from prefixbench.plan.expand import effective_pair
from prefixbench.plan.resolver import Resolver
from prefixbench.results.records import ProbeRecord
from prefixbench.run.session import ModelSession
from prefixbench.score.probe import PROBE_TASKS, compute_probe
from prefixbench.spec.conditions import PrefixPair
from prefixbench.spec.sweep import ModelSpec, SweepSpec
from prefixbench.spec.tasks import TaskFacts

ProbeKey = tuple[str, str, str]
"""(model, condition, task type)."""


@dataclass(frozen=True, slots=True)
class ProbedCondition:
    """A condition as one of the two example tasks sends it."""

    condition: str
    task: TaskFacts
    pair: PrefixPair


def list_probed(
    spec: SweepSpec, model: ModelSpec, resolver: Resolver, known: Collection[ProbeKey]
) -> tuple[ProbedCondition, ...]:
    """The conditions of a sweep that a model can express and the ledger has no worked example of."""
    probed = []
    for task in PROBE_TASKS:
        for condition in resolver.expand(model, task, spec.conditions):
            if (model.name, str(condition), task.task_type) in known:
                continue
            try:
                found = resolver.resolve(model, task, condition, spec.custom, spec.seed)
            except (InexpressibleError, PrefixNotFoundError):
                continue
            probed.append(ProbedCondition(str(condition), task, effective_pair(found.pair, task)))
    return tuple(probed)


def compute_probes(session: ModelSession, probed: tuple[ProbedCondition, ...]) -> tuple[ProbeRecord, ...]:
    """Embed the example sentences under every one of these conditions, but for those that move no vector."""
    identity = session.known.identity
    rows = []
    for one in probed:
        pair = session.known.sent_pair(one.pair, symmetric=not one.task.has_roles)
        if session.remote is not None:
            try:
                session.remote.prove_levers((pair.query, pair.document))
            except InertError:
                continue
        rows.append(
            ProbeRecord(
                model=identity.model,
                model_revision=identity.revision,
                condition=one.condition,
                task_type=one.task.task_type,
                pair=pair,
                examples=compute_probe(session.embed, pair, one.task),
            )
        )
    return tuple(rows)
