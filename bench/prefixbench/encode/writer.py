"""New vectors on their way into the store: embedded in chunks that a kill may cost, checked, published."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.errors import AuditError
from prefixbench.vectors.embedder import find_arrive
from prefixbench.vectors.keys import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from prefixbench.encode.request import Request
    from prefixbench.vectors import VectorStore
    from prefixbench.vectors.embedder import Arrival, Embedder, Inputs, Vectors

PUBLISH_SECONDS = 10.0
"""About how much work a kill may lose."""

FIRST_CHUNK, LEAST_CHUNK, MAX_CHUNK_BYTES = 64, 16, 64 << 20
"""Texts embedded before the first vectors are published, and bounds of what is published at once after that."""

MAX_WAITING_BYTES = 16 << 20
"""Vectors that wait to be published."""


class Writer:
    """Embeds chunks of a size that takes about as long as a kill may cost, and publishes them."""

    def __init__(
        self,
        embedder: Embedder,
        store: VectorStore,
        request: Request,
        progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self._embedder, self._store, self._request = embedder, store, request
        self._progress = progress
        self._namespace = Namespace.of(embedder.known.identity, request.side)
        self._largest = max(1, MAX_CHUNK_BYTES // (4 * max(1, embedder.known.dim)))
        self._size = min(FIRST_CHUNK, self._largest)
        self._waiting: list[tuple[NDArray[np.int64], Vectors]] = []
        self._copies: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._seconds = 0.0
        if progress is not None and total:
            progress(0, total)

    def embed(self, inputs: Inputs, positions: NDArray[np.int64]) -> int:
        """Embed texts, longest first, and publish when there is enough to lose; returns how many."""
        if (arrive := find_arrive(self._embedder)) is not None:
            return self._store_arrivals(arrive(inputs), positions) if len(positions) else 0
        done = 0
        while done < len(positions):
            rows = range(done, min(done + self._size, len(positions)))
            started = time.perf_counter()
            chunk = inputs.take(rows)
            vectors = self._embedder.embed(chunk)
            self._check(vectors, chunk.texts)
            took = max(1e-9, time.perf_counter() - started)
            self._waiting.append((positions[rows.start : rows.stop], vectors))
            self._seconds += took
            done += len(rows)
            if (
                self._seconds >= PUBLISH_SECONDS / 2
                or sum(vectors.nbytes for _, vectors in self._waiting) >= MAX_WAITING_BYTES
            ):
                self.publish()
            if self._progress is not None:
                self._progress(len(rows), 0)
            self._size = int(min(max(LEAST_CHUNK, len(rows) / took * PUBLISH_SECONDS), 4 * self._size, self._largest))
        return done

    def _store_arrivals(self, arrivals: Iterator[Arrival], positions: NDArray[np.int64]) -> int:
        """Store what was paid for the moment it is there."""
        done = 0
        for places, vectors in arrivals:
            chosen = positions[places]
            self._check(vectors, self._request.texts(chosen))
            self._store.put_many(self._request.keys[chosen], vectors, self._namespace)
            done += len(places)
            if self._progress is not None:
                self._progress(len(places), 0)
        return done

    def publish(self) -> None:
        """Store what was embedded since the last time."""
        if self._waiting:
            positions = np.concatenate([part for part, _ in self._waiting])
            vectors = np.concatenate([part for _, part in self._waiting])
            self._store.put_many(self._request.keys[positions], vectors, self._namespace)
        self._waiting, self._seconds = [], 0.0

    def note_copies(self, targets: NDArray[np.int64], sources: NDArray[np.int64]) -> None:
        """Remember texts that are one with others to the model, for ``copy``."""
        if len(targets):
            self._copies.append((targets, sources))

    def copy(self) -> None:
        """Give the texts noted the stored vector of those that they are one with."""
        if not self._copies:
            return
        targets, sources = (np.concatenate(parts) for parts in zip(*self._copies, strict=True))
        for start in range(0, len(targets), self._largest):
            part = slice(start, start + self._largest)
            found, vectors = self._store.get_many(self._request.keys[sources[part]])
            if found.any():
                keys = self._request.keys[targets[part][found]]
                self._store.put_many(keys, vectors[found], self._namespace)

    def _check(self, vectors: Vectors, texts: Sequence[str]) -> None:
        """Refuse what no score may rest on; the one place where numbers are looked at before they are kept."""
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            bad = shorten(texts[int(np.argmin(finite))])
            name = self._namespace.identity.model
            raise AuditError(f"{name}: the vector of {bad} holds a NaN or an infinite number.")


def shorten(text: str) -> str:
    """A text as a sentence quotes it."""
    return f"text {text!r}" if len(text) <= 60 else f"text {text[:60]!r}…"
