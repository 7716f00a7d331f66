"""Ledger rows from a cell and what became of it."""

from __future__ import annotations

from prefixbench.errors import InertError, InexpressibleError, PrefixNotFoundError
from prefixbench.plan.cell import SCORING_VERSION, Cell, UnplannedCell
from prefixbench.prefixes import SideSource
from prefixbench.results.records import (
    CellFailure,
    CellResult,
    Provenance,
    SourceRecord,
    Status,
)
from prefixbench.run.executor import Failure
from prefixbench.run.session import EncodedCell
from prefixbench.run.stages import ScoredCell


def make_result(
    cell: Cell, encoded: EncodedCell, scored: ScoredCell, digests: tuple[str, str | None], provenance: Provenance
) -> CellResult:
    """The row of a finished cell; the digests are of its items' and its hits' files."""
    identity = encoded.known.identity
    return CellResult(
        cell_id=cell.cell_id,
        conditions=tuple(str(condition) for condition in cell.conditions),
        model=cell.model.name,
        model_revision=identity.revision,
        mechanism=cell.mechanism,
        task=cell.task.name,
        task_type=cell.task.task_type,
        task_source=cell.task.source,
        dataset_revision=cell.task.dataset_revision,
        dataset_sha256=encoded.dataset_sha256,
        dataset_license=cell.task.license,
        hf_subset=cell.hf_subset,
        hf_split=cell.hf_split,
        main_score=cell.task.main_score,
        score=scored.score,
        scores=scored.scores,
        statistic=scored.items.statistic,
        n_items=scored.items.n_items,
        items_sha256=digests[0],
        hits_sha256=digests[1],
        pair=cell.pair,
        sources={role: _source(source) for role, source in zip(("query", "document"), cell.sources, strict=True)},
        audit=encoded.audit,
        encoder=identity,
        geometry=scored.geometry,
        limit=cell.limit,
        seed=cell.seed,
        scoring_version=SCORING_VERSION,
        cost=encoded.cost.model_copy(update={"seconds_score": scored.seconds}),
        provenance=provenance,
        notes=cell.notes + encoded.notes,
    )


def _source(source: SideSource) -> SourceRecord:
    return SourceRecord(layer=source.layer, citation=source.citation, certain=source.certain)


def make_failure(cell: Cell, failure: Failure, provenance: Provenance) -> CellFailure:
    """The row of a cell that was tried and gave no score; untrusted code is a rule, so it skips."""
    names = tuple(str(condition) for condition in cell.conditions)
    status: Status = "skipped" if failure.is_rule else "failed"
    if failure.error == InertError.__name__:
        status = "inert"
    return _make_failure(cell, names, status, (failure.reason, failure.error), provenance)


def make_unplanned(cell: UnplannedCell, provenance: Provenance) -> CellFailure:
    """The row of a cell that cannot be tried."""
    kind = InexpressibleError if cell.status == "skipped" else PrefixNotFoundError
    return _make_failure(cell, (str(cell.condition),), cell.status, (cell.reason, kind.__name__), provenance)


def _make_failure(
    cell: Cell | UnplannedCell,
    conditions: tuple[str, ...],
    status: Status,
    told: tuple[str, str],
    provenance: Provenance,
) -> CellFailure:
    reason, error = told
    return CellFailure(
        cell_id=cell.cell_id,
        status=status,
        conditions=conditions,
        model=cell.model.name,
        model_revision=cell.model.revision,
        task=cell.task.name,
        task_type=cell.task.task_type,
        hf_subset=cell.hf_subset,
        hf_split=cell.hf_split,
        reason=reason,
        error=error,
        provenance=provenance,
    )
