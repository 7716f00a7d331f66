"""Scores of cells, whole and under every resample, and each unit's contribution to them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.blocks import Block
from prefixbench.analysis.counted import prepare_statistic
from prefixbench.analysis.draws import Draws
from prefixbench.analysis.settings import MOST_JACKKNIFE_BLOCKS
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from prefixbench.analysis.counted import Compute

    Floats = NDArray[np.float64]

BATCH_CELLS = 128
"""Cells resampled in one matrix product."""

CHUNK_COUNTS = 8_000_000
"""Counts, items times resamples, that a statistic other than a mean is given together."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """The cells of one block, resampled.

    Attributes:
        score: The main score rebuilt from the items, ``(n_cells,)``, 0–1.
        contribution: What each unit adds, ``(n_cells, n_units, n_replicates)``; its mean over units is the replicate's
            score. For a mean it is the unit's share of the sum; for any other statistic the jackknife pseudo-value
            (Tukey 1958), of which the score is the mean but for the jackknife's bias, which is taken off.
        weight: Each unit's share of the items, mean 1, ``(n_units,)``.
        replica: Scores under each resample, ``(n_cells, n_resamples)``.
    """

    score: Floats
    contribution: Floats
    weight: Floats
    replica: Floats


def resample_blocks(blocks: Sequence[Block], n_resamples: int, seed: int) -> Iterator[tuple[Block, Resampled]]:
    """Resample every block, batch by batch."""
    for batch in batch_blocks(blocks):
        yield from resample_batch(batch, n_resamples, seed)


def batch_blocks(blocks: Sequence[Block]) -> list[list[Block]]:
    """Batches that can be resampled independently: means with as many units share their matrix products."""
    means: dict[int, list[Block]] = defaultdict(list)
    batches = []
    for block in blocks:
        if block.statistic is Statistic.MEAN:
            means[block.n_units].append(block)
        else:
            batches.append([block])
    for _, alike in sorted(means.items()):
        batches += _split_batches(alike)
    return batches


def resample_batch(batch: list[Block], n_resamples: int, seed: int) -> Iterator[tuple[Block, Resampled]]:
    """Resample the blocks of one of `batch_blocks`."""
    draws = Draws(batch[0].n_units, n_resamples, seed)
    if batch[0].statistic is Statistic.MEAN:
        yield from _resample_means(batch, draws)
    else:
        yield batch[0], _resample_statistic(batch[0], draws)


def _split_batches(blocks: list[Block]) -> Iterator[list[Block]]:
    batch: list[Block] = []
    for block in blocks:
        if batch and sum(each.n_cells for each in batch) + block.n_cells > BATCH_CELLS:
            yield batch
            batch = []
        batch.append(block)
    yield batch


def _sum_by_unit(block: Block, values: Floats) -> Floats:
    """Sum ``(n_cells, n_items, …)`` over the items of each unit."""
    if block.n_units == len(block.unit) and np.array_equal(block.unit, np.arange(len(block.unit))):
        return values
    order = np.argsort(block.unit, kind="stable")
    starts = np.searchsorted(block.unit[order], np.arange(block.n_units))
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1), dtype=np.float64)


def _resample_means(batch: list[Block], draws: Draws) -> Iterator[tuple[Block, Resampled]]:
    sums = [_sum_by_unit(block, block.value) for block in batch]
    sizes = np.stack([block.unit_sizes for block in batch], axis=1)
    columns = np.concatenate([each.mean(axis=2) for each in sums]).T
    bounds = np.cumsum([0, *(block.n_cells for block in batch)])
    replica = np.empty((columns.shape[1], draws.n_resamples))
    n_items = np.empty((len(batch), draws.n_resamples))
    even = bool(np.all(sizes == 1))
    for rows, counts in draws.counts():
        replica[:, rows] = (counts @ columns).T
        n_items[:, rows] = draws.n_units if even else (counts @ sizes).T
    for number, block in enumerate(batch):
        own = slice(bounds[number], bounds[number + 1])
        mean_size = len(block.unit) / draws.n_units
        contribution = sums[number] / mean_size
        yield (
            block,
            Resampled(
                score=contribution.mean(axis=(1, 2)),
                contribution=contribution,
                weight=sizes[:, number] / mean_size,
                replica=replica[own] / n_items[number],
            ),
        )


def _resample_statistic(block: Block, draws: Draws) -> Resampled:
    assert block.prediction is not None
    assert block.target is not None
    n_cells, n_items, n_replicates = block.prediction.shape
    replica = np.zeros((n_cells, draws.n_resamples))
    scores, contributions = [], []
    left_out = _list_blocks(block, draws.seed)
    for replicate in range(n_replicates):
        compute = prepare_statistic(
            block.statistic, block.prediction[:, :, replicate], np.ascontiguousarray(block.target[:, replicate])
        )
        score = compute(np.ones((n_items, 1)))[:, 0]
        scores.append(score)
        contributions.append(_compute_pseudo_values(compute, score, left_out))
        _fill_replica(replica, compute, block.unit, draws)
    replica /= n_replicates
    contribution = np.stack(contributions, axis=2)
    return Resampled(
        score=np.mean(scores, axis=0),
        contribution=contribution,
        weight=np.ones(contribution.shape[1]),
        replica=replica,
    )


def _fill_replica(replica: Floats, compute: Compute, unit: NDArray[np.int64], draws: Draws) -> None:
    """Add the statistic of every resample; single precision is far finer than the bootstrap's own noise."""
    alone = np.array_equal(unit, np.arange(draws.n_units))
    for rows, counts in draws.transposed_counts(max(256, CHUNK_COUNTS // len(unit))):
        of_items = counts if alone else counts[unit]
        replica[:, rows] += compute(of_items)  # type: ignore[arg-type]  # any float will do


def _list_blocks(block: Block, seed: int) -> NDArray[np.int64]:
    """The jackknife's block of each item: its unit, or one of a thousand seeded blocks of units."""
    if block.n_units <= MOST_JACKKNIFE_BLOCKS:
        return block.unit
    rng = np.random.default_rng([seed, block.n_units, 2])
    of_unit = rng.permutation(block.n_units) % MOST_JACKKNIFE_BLOCKS
    return np.asarray(of_unit[block.unit], dtype=np.int64)


def _compute_pseudo_values(compute: Compute, score: Floats, left_out: NDArray[np.int64]) -> Floats:
    """Pseudo-values ``B·θ − (B − 1)·θ₍₋ᵦ₎``, shifted so that their mean is the score; ``(n_cells, B)``."""
    n_blocks = int(left_out.max()) + 1
    step = max(64, CHUNK_COUNTS // len(left_out))
    pieces = []
    for start in range(0, n_blocks, step):
        omitted = np.arange(start, min(start + step, n_blocks))
        pieces.append(compute((left_out[:, None] != omitted).astype(np.float64)))
    without = np.concatenate(pieces, axis=1)
    pseudo = n_blocks * score[:, None] - (n_blocks - 1) * without
    return np.asarray(pseudo + (score - pseudo.mean(axis=1))[:, None], dtype=np.float64)
