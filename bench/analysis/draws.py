"""Seeded resamples and sign flips, the same for every contrast with as many units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNK_BYTES = 32_000_000
"""Of one float64 matrix of counts or signs: small beside the data, large enough for BLAS."""

KEPT_BYTES = 200_000_000
"""Draws up to this size stay in memory between batches; larger ones are drawn again."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Counts and signs for one number of units.

    Every contrast of a run that has ``n_units`` units sees the same draws. So its numbers depend on the seed and its
    own data alone, not on which other cells the run holds nor on their order, and one matrix product serves many.

    Attributes:
        n_units: Items, clusters or experiments that are resampled.
        n_resamples: How many times.
        seed: The analysis's.
    """

    n_units: int
    n_resamples: int
    seed: int

    def counts(self, most: int | None = None) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Chunks ``(chunk, n_units)``, of at most ``most`` rows: how often each unit was drawn, with replacement."""
        for rows, counts in self._chunks(0):
            step = most or len(counts)
            for start in range(0, len(counts), step):
                piece = counts[start : start + step]
                yield slice(rows.start + start, rows.start + start + len(piece)), piece

    def signs(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Chunks ``(chunk, n_units)`` of fair ±1."""
        return self._chunks(1)

    def _chunks(self, kind: int) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        size = max(1, CHUNK_BYTES // (8 * self.n_units))
        kept = self.n_resamples * self.n_units <= KEPT_BYTES
        whole = _draw_kept(self, kind, size) if kept else None
        pieces = iter(whole) if whole is not None else _draw(self, kind, size)
        for start, piece in zip(range(0, self.n_resamples, size), pieces, strict=True):
            yield slice(start, start + len(piece)), piece.astype(np.float64)


def _draw(draws: Draws, kind: int, size: int) -> Iterator[NDArray[np.int16] | NDArray[np.int8]]:
    rng = np.random.default_rng([draws.seed, draws.n_units, kind])
    n = draws.n_units
    for start in range(0, draws.n_resamples, size):
        rows = min(size, draws.n_resamples - start)
        if kind == 1:
            yield (rng.integers(0, 2, (rows, n), dtype=np.int8) * 2 - 1).astype(np.int8)
            continue
        picked = rng.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
        yield np.bincount(picked.ravel(), minlength=rows * n).reshape(rows, n).astype(np.int16)


@lru_cache(maxsize=4)
def _draw_kept(draws: Draws, kind: int, size: int) -> tuple[NDArray[np.int16] | NDArray[np.int8], ...]:
    return tuple(_draw(draws, kind, size))
