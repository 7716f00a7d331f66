"""Cells of one model on one task laid side by side, item by item; what does not fit is refused with a sentence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.blocks import Block, Place, RunLike
from prefixbench.analysis.settings import FEWEST_ITEMS
from prefixbench.errors import AnalysisError
from prefixbench.items.table import ItemTable, Statistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from prefixbench.results.records import CellResult

    Floats = NDArray[np.float64]

ERRORS = frozenset({Statistic.MEAN_SQUARED_ERROR, Statistic.MEAN_ABSOLUTE_ERROR})
"""Statistics in the target's own unit, for which points and a smallest effect mean nothing."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one table's rows become ``(n_items, n_replicates)``."""

    item_id: NDArray[np.str_]
    group_id: NDArray[np.str_]
    order: NDArray[np.int64]
    n_replicates: int

    def arrange(self, column: NDArray[np.float64] | None) -> Floats:
        assert column is not None
        return np.asarray(column, dtype=np.float64)[self.order].reshape(len(self.item_id), self.n_replicates)


def group_by_place(run: RunLike) -> dict[Place, list[CellResult]]:
    """Finished cells by place, both in the ledger's order."""
    places: dict[Place, list[CellResult]] = defaultdict(list)
    for result in run.results:
        places[Place.of(result)].append(result)
    return dict(places)


def pair_cells(run: RunLike, place: Place, cells: Sequence[CellResult]) -> Block:
    """Load the item tables of one place and lay them side by side.

    The first cell that holds ``none``, else the first of all, sets what the others must match.

    Raises:
        AnalysisError: Not even that cell can be analysed; its sentence says why.
        ResultsError: An item table cannot be read.
    """
    ordered = sorted(cells, key=lambda cell: "none" not in cell.conditions)
    reference = ordered[0]
    table = run.items(reference.cell_id)
    layout = _lay_out(table, reference)
    kept, tables, row_of, faults = [reference], [table], dict.fromkeys(reference.conditions, 0), {}
    layouts = [layout]
    for cell in ordered[1:]:
        names = [name for name in cell.conditions if name not in row_of]
        other = run.items(cell.cell_id)
        try:
            _check_provenance(reference, cell)
            layouts.append(_match_layout(reference, cell, (table, layout), other))
        except AnalysisError as error:
            faults.update(dict.fromkeys(names, str(error)))
            continue
        row_of.update(dict.fromkeys(names, len(kept)))
        kept.append(cell)
        tables.append(other)
    return _stack(place, kept, row_of, faults, list(zip(tables, layouts, strict=True)))


def _lay_out(table: ItemTable, cell: CellResult) -> _Layout:
    name = cell.conditions[0]
    if table.statistic in ERRORS:
        raise AnalysisError(f"{cell.main_score} is an error in the target's own unit; points do not apply to it.")
    columns = [table.value if table.statistic is Statistic.MEAN else table.prediction]
    if any(column is None or not np.all(np.isfinite(column)) for column in columns):
        raise AnalysisError(f"the per-item scores of {name} hold NaN or infinite values; run that cell again.")
    item_id, inverse = np.unique(table.item_id, return_inverse=True)
    if len(item_id) < FEWEST_ITEMS:
        raise AnalysisError(f"{len(item_id)} items are fewer than the {FEWEST_ITEMS} an interval needs.")
    n_replicates = len(np.unique(table.replicate))
    if table.n_rows != len(item_id) * n_replicates:
        return _lay_out_nested(table, name, item_id)
    order = np.lexsort((table.replicate, inverse))
    if np.any(table.replicate[order].reshape(len(item_id), -1) != np.unique(table.replicate)):
        raise AnalysisError(f"the per-item scores of {name} hold the same item twice in one experiment.")
    return _Layout(item_id, table.group_id[order[::n_replicates]], order, n_replicates)


def _lay_out_nested(table: ItemTable, name: str, item_id: NDArray[np.str_]) -> _Layout:
    """Items that occur once each, in one draw or another: the draw is the cluster."""
    if table.n_rows != len(item_id):
        raise AnalysisError(f"the items of {name} occur in some experiments and not in others; they cannot be paired.")
    order = np.argsort(table.item_id, kind="stable")
    draws = np.array([f"draw {number}" for number in table.replicate[order]], dtype=np.str_)
    return _Layout(item_id, draws, order, 1)


def _match_layout(
    reference: CellResult, cell: CellResult, of_reference: tuple[ItemTable, _Layout], other: ItemTable
) -> _Layout:
    table, layout = of_reference
    first, second = reference.conditions[0], cell.conditions[0]
    if other.statistic is not table.statistic:
        raise AnalysisError(f"{second} and {first} are scored by different statistics; run one of them again.")
    same_rows = np.array_equal(other.item_id, table.item_id) and np.array_equal(other.replicate, table.replicate)
    if same_rows and _is_finite(other):
        matched = layout
    else:
        matched = _lay_out(other, cell)
        if not np.array_equal(matched.item_id, layout.item_id):
            only_first = len(np.setdiff1d(layout.item_id, matched.item_id))
            only_second = len(np.setdiff1d(matched.item_id, layout.item_id))
            raise AnalysisError(
                f"{second} and {first} have different items: {only_second} only under {second}, "
                f"{only_first} only under {first}."
            )
        if matched.n_replicates != layout.n_replicates:
            raise AnalysisError(
                f"{second} has {matched.n_replicates} experiments and {first} has {layout.n_replicates}."
            )
    has_targets = table.target is not None and other.target is not None and table.statistic is not Statistic.MEAN
    if has_targets and not np.array_equal(matched.arrange(other.target), layout.arrange(table.target)):
        raise AnalysisError(f"{second} and {first} have different gold values for the same items.")
    return matched


def _is_finite(table: ItemTable) -> bool:
    column = table.value if table.statistic is Statistic.MEAN else table.prediction
    return column is not None and bool(np.all(np.isfinite(column)))


_MUST_MATCH = {
    "dataset_revision": "dataset revisions",
    "dataset_sha256": "dataset contents",
    "scoring_version": "scoring versions",
    "main_score": "main scores",
    "model_revision": "model revisions",
    "limit": "limits",
    "seed": "seeds",
}
_ENCODER_MUST_MATCH = {"weights_digest": "weights", "max_seq_length": "sequence lengths", "dtype": "precisions"}


def _check_provenance(reference: CellResult, cell: CellResult) -> None:
    pairs = [(name, words, reference, cell) for name, words in _MUST_MATCH.items()]
    pairs += [(name, words, reference.encoder, cell.encoder) for name, words in _ENCODER_MUST_MATCH.items()]  # type: ignore[misc]
    for name, words, one, other in pairs:
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            raise AnalysisError(
                f"{cell.conditions[0]} and {reference.conditions[0]} were computed with different {words} "
                f"({after} and {before}); run one of them again."
            )


def _stack(
    place: Place,
    cells: list[CellResult],
    row_of: dict[str, int],
    faults: dict[str, str],
    tables: list[tuple[ItemTable, _Layout]],
) -> Block:
    table, layout = tables[0]
    unit = np.unique(layout.group_id, return_inverse=True)[1].astype(np.int64)
    n_units = int(unit.max()) + 1
    if n_units < FEWEST_ITEMS:
        raise AnalysisError(
            f"the {len(unit)} items fall into {n_units} clusters, fewer than the {FEWEST_ITEMS} an interval needs."
        )
    block = Block(
        place=place,
        statistic=table.statistic,
        metric=cells[0].main_score,
        cells=tuple(cells),
        row_of=row_of,
        faults=faults,
        item_id=layout.item_id,
        unit=unit,
        value=np.stack([own.arrange(each.value) for each, own in tables]),
        rank=_stack_ranks(tables),
        facts={
            name: layout.arrange(column)[:, 0]
            for name in ("words", "letters", "overlap")
            if (column := getattr(table, name)) is not None and np.all(np.isfinite(column))
        },
    )
    if table.statistic is Statistic.MEAN:
        return block
    assert table.target is not None
    predictions = [own.arrange(each.prediction) for each, own in tables if each.prediction is not None]
    return replace(block, prediction=np.stack(predictions), target=layout.arrange(table.target))


def _stack_ranks(tables: list[tuple[ItemTable, _Layout]]) -> Floats | None:
    ranks = [own.arrange(each.rank)[:, 0] for each, own in tables if each.rank is not None]
    return np.stack(ranks) if len(ranks) == len(tables) else None
