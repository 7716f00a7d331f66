"""The data a cell is scored on, which all conditions and models share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefixbench.plan.cell import Cell
    from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class Place:
    """One task, subset and split, cut to the sweep's limit."""

    facts: TaskFacts
    hf_subset: str
    hf_split: str
    limit: int | None
    seed: int

    @classmethod
    def of(cls, cell: Cell) -> Place:
        """Where a cell is scored."""
        return cls(cell.task, cell.hf_subset, cell.hf_split, cell.limit, cell.seed)
