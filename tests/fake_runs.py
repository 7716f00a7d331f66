"""A run in memory, for analyses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prefixbench.items.hits import Hits
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results.records import CellFailure, CellResult

from tests.fakes import PROVENANCE, make_result


@dataclass
class FakeRun:
    """Cells and their items, as `prefixbench.results.Run` gives them."""

    cells: list[CellResult] = field(default_factory=list)
    failed: list[CellFailure] = field(default_factory=list)
    tables: dict[str, ItemTable] = field(default_factory=dict)
    found: dict[str, Hits] = field(default_factory=dict)
    texts: dict[tuple[str, str, str], str] = field(default_factory=dict)

    @property
    def results(self) -> tuple[CellResult, ...]:
        return tuple(self.cells)

    @property
    def failures(self) -> tuple[CellFailure, ...]:
        return tuple(self.failed)

    def items(self, cell_id: str) -> ItemTable:
        return self.tables[cell_id]

    def item_texts(self) -> dict[tuple[str, str, str], str]:
        return self.texts

    def hits(self, cell_id: str) -> Hits | None:
        return self.found.get(cell_id)

    def add(self, conditions: str | tuple[str, ...], items: ItemTable, **changes: Any) -> CellResult:
        """Add a finished cell; one with several condition names is a cell shared by them."""
        names = (conditions,) if isinstance(conditions, str) else conditions
        result = make_result(f"cell{len(self.cells)}", names[0], statistic=items.statistic, **changes)
        result = result.model_copy(update={"conditions": names, "n_items": items.n_items})
        self.cells.append(result)
        self.tables[result.cell_id] = items
        return result

    def fail(self, condition: str, reason: str, **changes: Any) -> None:
        """Add a cell without a score."""
        fields: dict[str, Any] = {
            "cell_id": f"failed{len(self.failed)}",
            "status": "failed",
            "conditions": (condition,),
            "model": "org/model",
            "model_revision": "abc",
            "task": "Task",
            "task_type": "Retrieval",
            "hf_subset": "default",
            "hf_split": "test",
            "reason": reason,
            "error": "RuntimeError",
            "provenance": PROVENANCE,
        }
        self.failed.append(CellFailure(**(fields | changes)))


def make_table(
    value: NDArray[Any],
    statistic: Statistic = Statistic.MEAN,
    *,
    prediction: NDArray[Any] | None = None,
    target: NDArray[Any] | None = None,
    group: NDArray[Any] | None = None,
    first_item: int = 0,
) -> ItemTable:
    """Items q0, q1, …; ``value`` has shape ``(n_items,)`` or ``(n_items, n_replicates)``, and so have the others."""
    n_items, n_replicates = value.reshape(len(value), -1).shape

    def flatten(column: NDArray[Any] | None) -> NDArray[np.float64] | None:
        return None if column is None else np.asarray(column, dtype=np.float64).ravel()

    names = np.repeat([f"q{number}" for number in range(first_item, first_item + n_items)], n_replicates)
    return ItemTable(
        statistic,
        names,
        names if group is None else np.repeat(np.array([f"g{number}" for number in group]), n_replicates),
        np.tile(np.arange(n_replicates, dtype=np.int32), n_items),
        np.asarray(value, dtype=np.float64).ravel(),
        flatten(prediction),
        flatten(target),
    )
