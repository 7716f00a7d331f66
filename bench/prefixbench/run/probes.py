"""The worked example of every model and condition, written to the ledger once."""

from __future__ import annotations

from collections.abc import Mapping

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.plan.expand import Plan, Resolver, effective_pair
from prefixbench.results.records import ProbeRecord
from prefixbench.run.session import ModelSession
from prefixbench.score.probe import PROBE_TASKS, compute_probe
from prefixbench.spec.sweep import ModelSpec

ProbeKey = tuple[str, str, str]
"""(model, condition, task type)."""


def compute_probes(
    plan: Plan, model: ModelSpec, session: ModelSession, resolver: Resolver, known: Mapping[ProbeKey, ProbeRecord]
) -> list[ProbeRecord]:
    """Embed the example sentences under every condition of the plan that the ledger has no row for."""
    rows = []
    for task in PROBE_TASKS:
        for condition in resolver.expand(model, task, plan.spec.conditions):
            if (model.name, str(condition), task.task_type) in known:
                continue
            try:
                found = resolver.resolve(model, task, condition, plan.spec.custom, plan.spec.seed)
            except (InexpressibleError, PrefixNotFoundError):
                continue
            pair = session.known.sent_pair(effective_pair(found.pair, task), symmetric=not task.has_roles)
            rows.append(
                ProbeRecord(
                    model=model.name,
                    model_revision=session.known.identity.revision,
                    condition=str(condition),
                    task_type=task.task_type,
                    pair=pair,
                    examples=compute_probe(session.embedder.embed, pair, task),
                )
            )
    return rows
