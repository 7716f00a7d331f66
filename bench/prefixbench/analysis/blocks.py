"""Paired cells as arrays, and what is read of a run to make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from prefixbench.items.hits import Hits
    from prefixbench.items.table import ItemTable, Statistic
    from prefixbench.results.records import CellFailure, CellResult

    Floats = NDArray[np.float64]


class RunLike(Protocol):
    """What an analysis reads of a run; `prefixbench.results.Run` is one."""

    @property
    def results(self) -> tuple[CellResult, ...]:
        """Finished cells."""

    @property
    def failures(self) -> tuple[CellFailure, ...]:
        """Cells without a score."""

    def items(self, cell_id: str) -> ItemTable:
        """Per-item scores of one finished cell."""

    def hits(self, cell_id: str) -> Hits | None:
        """The best documents of each query of one finished cell, where they were kept."""

    def item_texts(self) -> Mapping[tuple[str, str, str], str]:
        """Texts of items by (task, hf_subset, item_id), where they were kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is compared within: one model on one split of one subset of one task."""

    model: str
    task: str
    task_type: str
    hf_subset: str
    hf_split: str

    @classmethod
    def of(cls, row: CellResult | CellFailure) -> Place:
        """Where a record belongs."""
        return cls(row.model, row.task, row.task_type, row.hf_subset, row.hf_split)


@dataclass(frozen=True)
class Block:
    """The paired cells of one place.

    Attributes:
        place: Model, task, subset and split.
        statistic: How a score comes from items.
        metric: Its name in mteb.
        cells: The cells, in the arrays' order.
        row_of: Row in the arrays by condition name; two names of one cell share a row.
        faults: By condition name, why its cell could not be laid beside the others.
        item_id: Shape ``(n_items,)``, sorted.
        unit: Shape ``(n_items,)``: the index of the cluster each item is resampled with.
        value: Shape ``(n_cells, n_items, n_replicates)``.
        prediction: Same shape, or ``None`` for means.
        target: Shape ``(n_items, n_replicates)``, or ``None`` for means.
        rank: Shape ``(n_cells, n_items)``, or ``None``.
        facts: By name (words, letters, overlap), a number of every item, shape ``(n_items,)``; those that were kept.
        inert: By condition name, the row of its cell, where what it sends was shown to move no vector.
    """

    place: Place
    statistic: Statistic
    metric: str
    cells: tuple[CellResult, ...]
    row_of: Mapping[str, int]
    item_id: NDArray[np.str_]
    unit: NDArray[np.int64]
    value: Floats
    prediction: Floats | None = None
    target: Floats | None = None
    rank: Floats | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Floats] = field(default_factory=dict)
    inert: Mapping[str, CellFailure] = field(default_factory=dict)

    @property
    def n_cells(self) -> int:
        """Distinct cells."""
        return len(self.value)

    @cached_property
    def n_units(self) -> int:
        """Clusters that are resampled; as many as items where each stands alone."""
        return int(self.unit.max()) + 1

    @cached_property
    def item_value(self) -> Floats:
        """Each item's value, its mean over replicates, ``(n_cells, n_items)``."""
        return np.asarray(self.value.mean(axis=2), dtype=np.float64)

    @property
    def unit_sizes(self) -> Floats:
        """Items in each cluster, ``(n_units,)``."""
        return np.bincount(self.unit, minlength=self.n_units).astype(np.float64)
