"""Seeded resamples and sign flips, the same for every contrast with as many units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNK_BYTES = 32_000_000
"""Of one float64 matrix of counts or signs: small beside the data, large enough for BLAS."""

MOST_KEPT = 150_000_000
"""Draws of up to so many numbers stay in memory between batches, as small integers; larger ones are drawn again."""

MOST_KEPT_AS_FLOATS = 12_500_000
"""Draws of up to so many stay as floats, ready for use."""

_drawing = RLock()
"""Threads that want the same draws wait for the first of them rather than draw twice."""


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

    def counts(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Chunks ``(chunk, n_units)``: how often each unit was drawn, with replacement."""
        return self._chunks(0)

    def signs(self) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Chunks ``(chunk, n_units)`` of fair ±1."""
        return self._chunks(1)

    def transposed_counts(self, most: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """The same counts as single-precision chunks ``(n_units, chunk)`` of at most ``most`` columns."""
        if self.n_resamples * self.n_units <= MOST_KEPT_AS_FLOATS:
            with _drawing:
                return iter(_transpose_kept(self, most))
        return _transpose(self, most)

    def _chunks(self, kind: int) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        size = max(1, CHUNK_BYTES // (8 * self.n_units))
        kept = self.n_resamples * self.n_units <= MOST_KEPT
        if kept:
            with _drawing:
                pieces = iter(_draw_kept(self, kind, size))
        else:
            pieces = _draw(self, kind, size)
        for start, piece in zip(range(0, self.n_resamples, size), pieces, strict=True):
            yield slice(start, start + len(piece)), np.asarray(piece, dtype=np.float64)


def _draw(draws: Draws, kind: int, size: int) -> Iterator[NDArray[Any]]:
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
def _draw_kept(draws: Draws, kind: int, size: int) -> tuple[NDArray[Any], ...]:
    as_floats = draws.n_resamples * draws.n_units <= MOST_KEPT_AS_FLOATS
    return tuple(piece.astype(np.float64) if as_floats else piece for piece in _draw(draws, kind, size))


def _transpose(draws: Draws, most: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    for rows, counts in draws.counts():
        for start in range(0, len(counts), most):
            piece = counts[start : start + most]
            columns = slice(rows.start + start, rows.start + start + len(piece))
            yield columns, np.ascontiguousarray(piece.T, dtype=np.float32)


@lru_cache(maxsize=2)
def _transpose_kept(draws: Draws, most: int) -> tuple[tuple[slice, NDArray[np.float32]], ...]:
    return tuple(_transpose(draws, most))
