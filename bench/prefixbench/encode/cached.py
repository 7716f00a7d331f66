"""Embedders over a store: one that embeds only what is missing, one that never embeds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.encode.audit import N_SAMPLES, RoleCount, audit_role, check_not_inert, digest_tokens
from prefixbench.errors import AuditError, CacheError
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import find_arrive
from prefixbench.vectors.keys import Keys, Namespace, list_keys, vector_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prefixbench.spec.conditions import Role
    from prefixbench.vectors.embedder import Arrival, Embedder, EmbedderIdentity, Inputs, RoleAudit, Vectors

PUBLISH_SECONDS = 10.0
"""About how much work a kill may lose."""

FIRST_CHUNK, LEAST_CHUNK, MAX_CHUNK_BYTES = 64, 16, 64 << 20
"""Texts embedded before the first vectors are published, and bounds of what is published at once after that."""

WINDOW_TEXTS = 4096
"""Texts read at once; their token ids are all that is held in memory ahead of the forward pass."""


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What was asked of an embedder since it was made.

    Attributes:
        texts_asked: Vectors handed out, repeats counted.
        texts_embedded: Distinct inputs that went through the model.
    """

    texts_asked: int = 0
    texts_embedded: int = 0

    @property
    def texts_reused(self) -> int:
        """Vectors handed out without the model's doing."""
        return max(0, self.texts_asked - self.texts_embedded)


class _Request:
    """The distinct texts of one call, and where their vectors are kept."""

    def __init__(
        self, identity: EmbedderIdentity, texts: Sequence[str], side: Side, titles: Sequence[str] | None
    ) -> None:
        self.side = side
        self.keys, first, self.inverse = _find_distinct(vector_keys(identity, side, texts, titles))
        self.texts = [texts[index] for index in first]
        self.titles = None if titles is None or not side.title_slot else [titles[index] for index in first]

    def read(self, embedder: Embedder, positions: Sequence[int]) -> Inputs:
        """Some of the texts as the model is given them."""
        titles = None if self.titles is None else [self.titles[index] for index in positions]
        return embedder.read([self.texts[index] for index in positions], self.side, titles)


class CachedEmbedder:
    """An embedder that embeds each distinct (prefix, text) pair once, ever, and keeps it in the store.

    Texts of one call that the model cannot tell apart are embedded once, and share their vector to the last bit.

    Args:
        embedder: The model.
        store: Where vectors are kept.
        progress: Called after each embedded chunk with the texts embedded so far and those to embed, of this call.
    """

    def __init__(
        self, embedder: Embedder, store: VectorStore, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._progress = progress
        self._asked = self._embedded = 0

    @property
    def counts(self) -> TextCounts:
        """Texts asked for, embedded and reused so far."""
        return TextCounts(self._asked, self._embedded)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The vector of each text, in order, shape ``(n_texts, dim)``.

        Raises:
            AuditError: A vector holds a NaN or an infinite number; names the text.
            CacheError: The store cannot be written to, or does not give back what was written.
        """
        self._asked += len(texts)
        known = self._embedder.known
        request = _Request(known.identity, texts, side, titles)
        # Twice, since records may turn out damaged on reading, or be pruned between the two steps.
        for _ in range(2):
            self._embed_missing(request)
            found, vectors = self._store.get_many(request.keys)
            if found.all():
                return _expand(vectors, request.inverse, known.dim)
        raise CacheError(f"{self._store.folder}: {int((~found).sum())} vectors just stored cannot be read back.")

    def ensure(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> None:
        """Embed and store what is missing or damaged; memory stays flat however many texts.

        Raises:
            AuditError: As ``embed``.
            CacheError: As ``embed``.
        """
        self._embed_missing(_Request(self._embedder.known.identity, texts, side, titles))

    def audit(
        self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None, *, role: Role | None = None
    ) -> RoleAudit:
        """Do as ``ensure``, and prove what is sent: every text is read once, stored or not.

        Raises:
            AuditError: As ``embed``; or something else than prefix + text is sent, the prefix leaves no room for text,
                or prefix or parameters change no vector.
            CacheError: As ``embed``.
        """
        request = _Request(self._embedder.known.identity, texts, side, titles)
        count = RoleCount(side, len(request.texts))
        self._embed_missing(request, count)
        self._refuse_inert(request)
        zeros = self._count_zeros(request)
        return audit_role(self._embedder, count, request.texts, request.titles, role, zeros)

    def _embed_missing(self, request: _Request, count: RoleCount | None = None) -> None:
        """Read every text, count it, and embed those that are new to the store and to this call."""
        stored = self._store.check_many(request.keys)
        if stored.all() and count is None:
            return
        # Stored texts first, so that others that are one with them take their vectors. Then longest first: chunks of
        # like lengths pad little, memory runs out at once if ever, time left is no promise.
        lengths = np.fromiter(map(len, request.texts), np.int64, len(request.texts))
        order = np.lexsort((-lengths, ~stored))
        windows = [order[start : start + WINDOW_TEXTS] for start in range(0, len(order), WINDOW_TEXTS)]
        writer = _Writer(self._embedder, self._store, request, self._progress, int((~stored).sum()))
        first: dict[bytes, int] = {}
        copies: list[tuple[int, int]] = []
        for window, inputs in self._read_ahead(request, windows):
            digests = None if inputs.tokens is None else digest_tokens(inputs.tokens)
            if count is not None:
                count.add(window, inputs, digests)
            own = []
            for row, index in enumerate(window.tolist()):
                source = index if digests is None else first.setdefault(digests[row], index)
                if source != index and not stored[index]:
                    copies.append((index, source))
                elif not stored[index]:
                    own.append(row)
            self._embedded += writer.embed(inputs.take(own), window[own])
        writer.publish()
        writer.copy(copies)

    def _read_ahead(
        self, request: _Request, windows: Sequence[NDArray[np.int64]]
    ) -> Iterator[tuple[NDArray[np.int64], Inputs]]:
        """Each window as read; a thread reads the next one while the caller embeds this one."""
        if not windows:
            return
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenise") as pool:
            waiting = pool.submit(request.read, self._embedder, windows[0].tolist())
            for window, following in zip(windows, [*windows[1:], None], strict=True):
                inputs = waiting.result()
                if following is not None:
                    waiting = pool.submit(request.read, self._embedder, following.tolist())
                yield window, inputs

    def _refuse_inert(self, request: _Request) -> None:
        """Refuse a prefix or a parameter that reaches the model and changes no vector."""
        side, bare = request.side, Side(route=request.side.route)
        if not (side.prefix or side.api) or find_arrive(self._embedder) is not None:
            return
        picked = list(range(min(N_SAMPLES, len(request.texts))))
        sent = request.read(self._embedder, picked)
        unsent = self._embedder.read([request.texts[index] for index in picked], bare)
        if sent.tokens and unsent.tokens and not side.api and sent.tokens.ids == unsent.tokens.ids:
            return  # the tokenizer reads nothing of the prefix: the same strings to the model, which the audit shows
        # Both in batches of the same texts: in others, vectors would differ in the last bits for no reason.
        vectors = self._embedder.embed(unsent), self._embedder.embed(sent)
        check_not_inert(*vectors, bare, side, ("nothing", "this side"))

    def _count_zeros(self, request: _Request) -> int:
        zeros = 0
        for start in range(0, len(request.keys), WINDOW_TEXTS):
            _, vectors = self._store.get_many(request.keys[start : start + WINDOW_TEXTS])
            zeros += int((~vectors.any(axis=1)).sum())
        return zeros


class _Writer:
    """Embeds chunks of a size that takes about as long as a kill may cost, and publishes them."""

    def __init__(
        self,
        embedder: Embedder,
        store: VectorStore,
        request: _Request,
        progress: Callable[[int, int], None] | None,
        total: int,
    ) -> None:
        self._embedder, self._store, self._request = embedder, store, request
        self._progress, self._total = progress, total
        self._namespace = Namespace.of(embedder.known.identity, request.side)
        self._largest = max(1, MAX_CHUNK_BYTES // (4 * max(1, embedder.known.dim)))
        self._size = min(FIRST_CHUNK, self._largest)
        self._waiting: list[tuple[NDArray[np.int64], Vectors]] = []
        self._seconds = 0.0
        self._done = 0

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
            self._done += len(rows)
            if self._seconds >= PUBLISH_SECONDS / 2 or sum(len(part) for part, _ in self._waiting) >= self._largest:
                self.publish()
            if self._progress is not None:
                self._progress(self._done, self._total)
            self._size = int(min(max(LEAST_CHUNK, len(rows) / took * PUBLISH_SECONDS), 4 * self._size, self._largest))
        return done

    def _store_arrivals(self, arrivals: Iterator[Arrival], positions: NDArray[np.int64]) -> int:
        """Store what was paid for the moment it is there."""
        done = 0
        for places, vectors in arrivals:
            chosen = positions[places]
            self._check(vectors, [self._request.texts[index] for index in chosen.tolist()])
            self._store.put_many(self._request.keys[chosen], vectors, self._namespace)
            done += len(places)
            self._done += len(places)
            if self._progress is not None:
                self._progress(self._done, self._total)
        return done

    def publish(self) -> None:
        """Store what was embedded since the last time."""
        if self._waiting:
            positions = np.concatenate([part for part, _ in self._waiting])
            vectors = np.concatenate([part for _, part in self._waiting])
            self._store.put_many(self._request.keys[positions], vectors, self._namespace)
        self._waiting, self._seconds = [], 0.0

    def copy(self, copies: list[tuple[int, int]]) -> None:
        """Give texts the stored vector of those that are one with them to the model."""
        targets = np.array([target for target, _ in copies], dtype=np.int64)
        sources = np.array([source for _, source in copies], dtype=np.int64)
        for start in range(0, len(copies), self._largest):
            part = slice(start, start + self._largest)
            found, vectors = self._store.get_many(self._request.keys[sources[part]])
            if found.any():
                keys = self._request.keys[targets[part][found]]
                self._store.put_many(keys, vectors[found], self._namespace)

    def _check(self, vectors: Vectors, texts: Sequence[str]) -> None:
        """Refuse what no score may rest on; the one place where numbers are looked at before they are kept."""
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            bad = _shorten(texts[int(np.argmin(finite))])
            name = self._namespace.identity.model
            raise AuditError(f"{name}: the vector of {bad} holds a NaN or an infinite number.")


class StoredEmbedder:
    """An embedder that only reads; for scoring where the vectors are stored and no model is loaded.

    Args:
        identity: As the vectors were embedded.
        dim: Length of a vector.
        store: Where they are kept.
    """

    def __init__(self, identity: EmbedderIdentity, dim: int, store: VectorStore) -> None:
        self._identity = identity
        self._dim = dim
        self._store = store

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The stored vector of each text, in order, shape ``(n_texts, dim)``.

        Raises:
            CacheError: A vector is missing; says how many, and of which text first.
        """
        request = _Request(self._identity, texts, side, titles)
        found, vectors = self._store.get_many(request.keys)
        if not found.all():
            missing = np.flatnonzero(~found)
            raise CacheError(
                f"{self._store.folder}: {len(missing)} of {len(request.keys)} vectors of {self._identity.model} with "
                f"the prefix {side.prefix!r} are not stored, the first that of "
                f"{_shorten(request.texts[int(missing[0])])}."
            )
        return _expand(vectors, request.inverse, self._dim)


def _find_distinct(keys: Keys) -> tuple[Keys, list[int], NDArray[np.int64]]:
    """Distinct keys in order of first appearance, the index of that appearance, and each key's place among them."""
    listed = list_keys(keys)
    numbers: dict[bytes, int] = {}
    inverse = np.fromiter((numbers.setdefault(key, len(numbers)) for key in listed), np.int64, len(listed))
    first = np.unique(inverse, return_index=True)[1]
    return keys[first], first.tolist(), inverse


def _expand(vectors: Vectors, inverse: NDArray[np.int64], dim: int) -> Vectors:
    """The vector of each text asked for, in an array of the caller's own."""
    if len(vectors) < len(inverse):
        return vectors[inverse]
    return vectors.copy().reshape(len(inverse), dim)


def _shorten(text: str) -> str:
    return f"text {text!r}" if len(text) <= 60 else f"text {text[:60]!r}…"
