"""Scores of cells, whole and under every resample, and each unit's contribution to them."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.blocks import Block
from prefixbench.analysis.counted import prepare_statistic
from prefixbench.analysis.inference import RESAMPLED
from prefixbench.analysis.settings import MOST_JACKKNIFE_BLOCKS
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.integer[Any]]

CHUNK_COUNTS = 8_000_000
"""Counts, items times resamples, that a statistic other than a mean is given together."""

MOST_KEPT_COUNTS = 32_000_000
"""Counts, units times resamples, that are drawn once for all blocks with as many units; more are drawn in chunks."""


@dataclass(frozen=True, slots=True)
class Resampled:
    """The cells of one block, resampled.

    Attributes:
        score: The main score rebuilt from the items, ``(n_cells,)``, 0–1.
        contribution: What each unit adds, ``(n_cells, n_units, n_replicates)``; its mean over units is the replicate's
            score. For a mean it is the unit's share of the sum; for any other statistic the jackknife pseudo-value
            (Tukey 1958), of which the score is the mean but for the jackknife's bias, which is taken off.
        weight: Each unit's share of the items, mean 1, ``(n_units,)``.
        replica: Scores under each resample, ``(n_cells, n_resamples)``; no columns where the statistic needs none.
    """

    score: Floats
    contribution: Floats
    weight: Floats
    replica: Floats


def resample_block(block: Block, n_resamples: int, seed: int) -> Resampled:
    """Return the scores of a block's cells and what each unit contributes to them.

    Args:
        block: Paired cells.
        n_resamples: Resamples of a statistic that needs them.
        seed: Seeds them and the jackknife's blocks; with the number of units it fixes both, whatever else the run has.
    """
    return _average(block) if block.statistic is Statistic.MEAN else _jackknife(block, n_resamples, seed)


def _sum_by_unit(block: Block, values: Floats) -> Floats:
    """Sum ``(n_cells, n_items, …)`` over the items of each unit."""
    if block.n_units == len(block.unit) and np.array_equal(block.unit, np.arange(len(block.unit))):
        return values
    order = np.argsort(block.unit, kind="stable")
    starts = np.searchsorted(block.unit[order], np.arange(block.n_units))
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1), dtype=np.float64)


def _average(block: Block) -> Resampled:
    contribution = _sum_by_unit(block, block.value) / (len(block.unit) / block.n_units)
    weight = block.unit_sizes / (len(block.unit) / block.n_units)
    return Resampled(contribution.mean(axis=(1, 2)), contribution, weight, np.empty((block.n_cells, 0)))


def _jackknife(block: Block, n_resamples: int, seed: int) -> Resampled:
    assert block.prediction is not None
    assert block.target is not None
    n_cells, _, n_replicates = block.prediction.shape
    left_out = _list_blocks(block, seed)
    n_blocks = int(left_out.max()) + 1
    n_resamples = n_resamples if block.statistic in RESAMPLED else 0
    computed = np.empty((n_cells, 1 + n_blocks + n_resamples))
    scores, contributions, replica = [], [], np.zeros((n_cells, n_resamples))
    for replicate in range(n_replicates):
        compute = prepare_statistic(
            block.statistic, block.prediction[:, :, replicate], np.ascontiguousarray(block.target[:, replicate])
        )
        for columns, counts in _list_counts(block, left_out, n_resamples, seed):
            computed[:, columns] = compute(counts)
        scores.append(computed[:, 0].copy())
        contributions.append(_compute_pseudo_values(scores[-1], computed[:, 1 : 1 + n_blocks]))
        replica += computed[:, 1 + n_blocks :]
    contribution = np.stack(contributions, axis=2)
    return Resampled(np.mean(scores, axis=0), contribution, np.ones(contribution.shape[1]), replica / n_replicates)


def _list_counts(
    block: Block, left_out: NDArray[np.int64], n_resamples: int, seed: int
) -> Iterator[tuple[slice, Floats]]:
    """How often each item counts, ``(n_items, chunk)``: all once, each block left out in turn, resamples of the units.

    They come in the same chunks, since a statistic's cost is by the call as much as by the column.
    """
    omitted = np.append(-1, np.arange(int(left_out.max()) + 1))
    n_columns = len(omitted) + n_resamples
    step = max(64, CHUNK_COUNTS // len(left_out))
    draws = _draw_units(block.n_units, n_resamples, seed)
    for start in range(0, n_columns, step):
        columns = slice(start, min(start + step, n_columns))
        own = omitted[columns]
        counts = np.empty((len(left_out), columns.stop - columns.start))
        np.not_equal(left_out[:, None], own, out=counts[:, : len(own)])
        if len(own) < counts.shape[1]:
            counts[:, len(own) :] = draws(counts.shape[1] - len(own))[block.unit]
        yield columns, counts


def _draw_units(n_units: int, n_resamples: int, seed: int) -> Callable[[int], Counts]:
    """A function that gives the next so many resamples: how often each unit is in each, ``(n_units, n)``.

    The numbers do not depend on how many are asked for at a time.
    """
    if n_units * n_resamples > MOST_KEPT_COUNTS:
        return functools.partial(_draw, np.random.default_rng([seed, n_units]), n_units)
    with _DRAWING:  # two threads that need the same draws do not both make them
        kept = _keep_draws(n_units, n_resamples, seed)
    given = 0

    def give(n: int) -> Counts:
        nonlocal given
        given += n
        return kept[:, given - n : given]

    return give


_DRAWING = threading.Lock()


@functools.lru_cache(maxsize=4)
def _keep_draws(n_units: int, n_resamples: int, seed: int) -> Counts:
    counts = _draw(np.random.default_rng([seed, n_units]), n_units, n_resamples)
    return np.ascontiguousarray(counts, dtype=np.min_scalar_type(counts.max(initial=0)))


def _draw(rng: np.random.Generator, n_units: int, n_resamples: int) -> Counts:
    return rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_resamples).T


def _list_blocks(block: Block, seed: int) -> NDArray[np.int64]:
    """The jackknife's block of each item: its unit, or one of a thousand seeded blocks of units."""
    if block.n_units <= MOST_JACKKNIFE_BLOCKS:
        return block.unit
    rng = np.random.default_rng([seed, block.n_units, 2])
    of_unit = rng.permutation(block.n_units) % MOST_JACKKNIFE_BLOCKS
    return np.asarray(of_unit[block.unit], dtype=np.int64)


def _compute_pseudo_values(score: Floats, without: Floats) -> Floats:
    """Pseudo-values ``B·θ − (B − 1)·θ₍₋ᵦ₎``, shifted so that their mean is the score; ``(n_cells, B)``."""
    n_blocks = without.shape[1]
    pseudo = n_blocks * score[:, None] - (n_blocks - 1) * without
    return np.asarray(pseudo + (score - pseudo.mean(axis=1))[:, None], dtype=np.float64)
