"""Which rows of a ledger count: the latest plan decides, and what it no longer asks for is history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict

from prefixbench.errors import SpecError
from prefixbench.plain import Name, clean_name
from prefixbench.results.records import CellFailure, CellId, CellResult
from prefixbench.spec.conditions import Condition, ConditionKind

Attempt: TypeAlias = CellResult | CellFailure
PlaceKey: TypeAlias = tuple[str, str, str, str]
"""(model, task, hf_subset, hf_split)."""


def _check_condition(name: str) -> str:
    try:
        Condition.parse(name)
    except SpecError as error:
        raise ValueError(str(error)) from None
    return name


ConditionName = Annotated[Name, AfterValidator(_check_condition)]


class PlannedCell(BaseModel):
    """One cell that a results folder is meant to hold.

    Attributes:
        cell_id: Its identity; all that folders of schema 1 say of it.
        conditions: The names whose strings it sends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell_id: CellId
    model: Annotated[str, AfterValidator(clean_name)] = ""
    task: Annotated[str, AfterValidator(clean_name)] = ""
    hf_subset: Annotated[str, AfterValidator(clean_name)] = ""
    hf_split: Annotated[str, AfterValidator(clean_name)] = ""
    conditions: tuple[ConditionName, ...] = ()

    @property
    def place(self) -> PlaceKey:
        """Model, task, subset and split."""
        return (self.model, self.task, self.hf_subset, self.hf_split)

    def describe(self) -> str:
        """Return the cell as a person names it."""
        if not self.conditions:
            return self.cell_id
        subset = "" if self.hf_subset == "default" else f":{self.hf_subset}"
        return f"{self.model} · {self.task}{subset} · {' = '.join(self.conditions)}"


def merge_plans(known: Iterable[PlannedCell], latest: Iterable[PlannedCell]) -> tuple[PlannedCell, ...]:
    """Unite two plans; where both name a model, place and condition, the latest decides which cell that is.

    A cell of both keeps the names that only the known plan has, as a sweep that goes on with other conditions leaves
    those that were there.
    """
    asked = {cell.cell_id: cell for cell in latest}
    taken = {(cell.place, name) for cell in asked.values() for name in cell.conditions}
    kept = []
    for cell in known:
        names = tuple(name for name in cell.conditions if (cell.place, name) not in taken)
        if cell.cell_id in asked:
            again = asked[cell.cell_id]
            asked[cell.cell_id] = _name_anew(again, _in_order((*names, *again.conditions))) if names else again
        elif names or not cell.conditions:
            kept.append(_name_anew(cell, names))
    return (*kept, *asked.values())


def _name_anew(cell: PlannedCell, names: tuple[str, ...]) -> PlannedCell:
    return cell if names == cell.conditions else cell.model_copy(update={"conditions": names})


def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names with those first that say most of what is sent: ``correct`` before ``cross:query``."""
    kinds = list(ConditionKind)
    return tuple(sorted(names, key=lambda name: kinds.index(Condition.parse(name).kind)))


@dataclass(frozen=True, slots=True)
class LiveRows:
    """A ledger's rows, sorted out.

    Attributes:
        live: One row a cell, carrying exactly the condition names that are its own now.
        outdated: Scores that the latest rows of their model or place make incomparable; a sweep computes them again.
        history: Every other row: earlier attempts, and what the latest plan replaced.
        missing: Planned cells without a live row.
    """

    live: tuple[Attempt, ...]
    outdated: tuple[CellResult, ...]
    history: tuple[Attempt, ...]
    missing: tuple[PlannedCell, ...]


def sort_rows(planned: Sequence[PlannedCell], attempts: Sequence[Attempt]) -> LiveRows:
    """Find the live row of every model, place and condition.

    The plan names a cell for each; that cell's last row is live. Where no plan does (folders of schema 1), the last
    row that carries the name is. A score under other weights than its model's latest, or under another mteb, scoring
    or data than its place's latest, is outdated.

    Args:
        planned: The folder's plan.
        attempts: Its ledger, in the order written.
    """
    last = {row.cell_id: row for row in attempts}
    names = _name_cells(planned, attempts, last)
    chosen = {cell_id: _carry(last[cell_id], own) for cell_id, own in names.items()}
    outdated = _find_outdated(chosen, {row.cell_id: number for number, row in enumerate(attempts)})
    live = {cell_id: row for cell_id, row in chosen.items() if cell_id not in outdated}
    counted = {id(last[cell_id]) for cell_id in chosen}
    return LiveRows(
        live=tuple(live.values()),
        outdated=tuple(outdated.values()),
        history=tuple(row for row in attempts if id(row) not in counted),
        missing=tuple(cell for cell in planned if cell.cell_id not in live),
    )


def _name_cells(
    planned: Sequence[PlannedCell], attempts: Sequence[Attempt], last: dict[str, Attempt]
) -> dict[str, tuple[str, ...]]:
    """Return the condition names of each cell that counts, in the order in which the ledger first has it."""
    by_id = {cell.cell_id: cell for cell in planned if cell.conditions}
    taken = {(cell.place, name) for cell in by_id.values() for name in cell.conditions}
    unplanned: dict[tuple[PlaceKey, str], str] = {}
    for row in attempts:
        unplanned |= {(_place(row), name): row.cell_id for name in row.conditions if (_place(row), name) not in taken}
    names: dict[str, tuple[str, ...]] = {}
    for cell_id, row in last.items():
        cell = by_id.get(cell_id)
        own = cell.conditions if cell is not None and cell.place == _place(row) else ()
        if cell is None:
            own = tuple(name for name in row.conditions if unplanned.get((_place(row), name)) == cell_id)
        if own:
            names[cell_id] = own
    return names


def _find_outdated(chosen: dict[str, Attempt], position: dict[str, int]) -> dict[str, CellResult]:
    latest: dict[Hashable, tuple[int, Hashable]] = defaultdict(lambda: (-1, None))
    scored = {cell_id: row for cell_id, row in chosen.items() if isinstance(row, CellResult)}
    for cell_id, row in scored.items():
        for key, facts in _must_agree(row):
            latest[key] = max(latest[key], (position[cell_id], facts), key=lambda pair: pair[0])
    return {
        cell_id: row
        for cell_id, row in scored.items()
        if any(latest[key][1] != facts for key, facts in _must_agree(row))
    }


def _must_agree(row: CellResult) -> tuple[tuple[Hashable, Hashable], ...]:
    """Return what all scores of a model, and all of a place, have in common."""
    mteb = row.provenance.packages.get("mteb")
    return (
        (row.model, row.encoder.weights_digest),
        (_place(row), (row.dataset_sha256, row.scoring_version, mteb, row.task_type, row.main_score)),
    )


def _place(row: Attempt) -> PlaceKey:
    return (row.model, row.task, row.hf_subset, row.hf_split)


def _carry(row: Attempt, names: tuple[str, ...]) -> Attempt:
    return row if row.conditions == names else row.model_copy(update={"conditions": names})
