"""Embedders over a store: one that embeds only what is missing, one that never embeds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.errors import AuditError, CacheError
from prefixbench.vectors import VectorStore, find_unusable
from prefixbench.vectors.keys import Keys, Namespace, list_keys, vector_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prefixbench.spec.conditions import Side
    from prefixbench.vectors.embedder import EmbedderIdentity, TellingEmbedder, Tokenized, Vectors

PUBLISH_SECONDS = 10.0
"""About how much work a kill may lose."""

FIRST_CHUNK, LEAST_CHUNK, MAX_CHUNK_BYTES = 64, 16, 64 << 20
"""Texts embedded before the first vectors are published, and bounds of what is published at once after that."""


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


class CachedEmbedder:
    """An embedder that embeds each distinct (prefix, text) pair once, ever, and keeps it in the store.

    Texts of one call that the model cannot tell apart are embedded once, and share their vector to the last bit.

    Args:
        embedder: The model.
        store: Where vectors are kept.
        progress: Called after each published chunk with the texts embedded so far and those to embed, of this call.
    """

    def __init__(
        self, embedder: TellingEmbedder, store: VectorStore, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._progress = progress
        self._asked = self._embedded = 0

    @property
    def identity(self) -> EmbedderIdentity:
        """The model's."""
        return self._embedder.identity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._embedder.dim

    @property
    def counts(self) -> TextCounts:
        """Texts asked for, embedded and reused so far."""
        return TextCounts(self._asked, self._embedded)

    def tokenize(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> list[Tokenized]:
        """What the model's tokenizer makes of each text."""
        return self._embedder.tokenize(texts, side, titles)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The vector of each text, in order, shape ``(n_texts, dim)``; see ``Embedder.embed``.

        Raises:
            AuditError: A vector is NaN, infinite or zero; names the text.
            CacheError: The store cannot be written to, or does not give back what was written.
        """
        self._asked += len(texts)
        keys, first, inverse = _find_distinct(vector_keys(self.identity, side, texts, titles))
        distinct = [texts[index] for index in first]
        their_titles = None if titles is None else [titles[index] for index in first]
        # Twice, since records may turn out damaged on reading, or be pruned between the two steps.
        for _ in range(2):
            self._embed_missing(keys, distinct, side, their_titles)
            found, vectors = self._store.get_many(keys)
            if found.all():
                return _expand(vectors, inverse, self.dim)
        raise CacheError(f"{self._store.folder}: {int((~found).sum())} vectors just stored cannot be read back.")

    def ensure(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> None:
        """Embed and store what is missing or damaged; memory stays flat however many texts.

        Raises:
            AuditError: As ``embed``.
            CacheError: As ``embed``.
        """
        keys, first, _ = _find_distinct(vector_keys(self.identity, side, texts, titles))
        distinct = [texts[index] for index in first]
        self._embed_missing(keys, distinct, side, None if titles is None else [titles[index] for index in first])

    def stream(
        self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None, block: int = 8192
    ) -> Iterator[Vectors]:
        """The vectors of a corpus larger than memory, ``block`` texts at a time."""
        for start in range(0, len(texts), block):
            part = slice(start, start + block)
            yield self.embed(texts[part], side, None if titles is None else titles[part])

    def _embed_missing(self, keys: Keys, texts: list[str], side: Side, titles: list[str] | None) -> None:
        stored = self._store.check_many(keys)
        if stored.all():
            return
        sources = self._find_sources(texts, side, titles, stored)
        own = sources == np.arange(len(texts))
        # Longest first: chunks of like lengths pad little, memory runs out at once if ever, time left is no promise.
        order = sorted(np.flatnonzero(~stored & own).tolist(), key=lambda index: -len(texts[index]))
        namespace = Namespace.of(self.identity, side)
        largest = max(1, MAX_CHUNK_BYTES // (4 * max(1, self.dim)))
        size, done = min(FIRST_CHUNK, largest), 0
        while done < len(order):
            chunk = order[done : done + size]
            started = time.perf_counter()
            vectors = self._embedder.embed(
                [texts[index] for index in chunk], side, None if titles is None else [titles[index] for index in chunk]
            )
            self._refuse_unusable(vectors, [texts[index] for index in chunk])
            self._store.put_many(keys[chunk], vectors, namespace)
            done += len(chunk)
            self._embedded += len(chunk)
            if self._progress is not None:
                self._progress(done, len(order))
            rate = len(chunk) / max(1e-9, time.perf_counter() - started)
            size = int(min(max(LEAST_CHUNK, rate * PUBLISH_SECONDS), 4 * size, largest))
        copies = np.flatnonzero(~stored & ~own)
        for start in range(0, len(copies), largest):
            part = copies[start : start + largest]
            found, vectors = self._store.get_many(keys[sources[part]])
            if found.any():
                self._store.put_many(keys[part[found]], vectors[found], namespace)

    def _find_sources(
        self, texts: list[str], side: Side, titles: list[str] | None, stored: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """For each text the one whose vector is its own too: itself, or the first of which the model reads the same.

        Texts that differ in letter case, white space or past the last token read are one to the model. Embedded in two
        batches their vectors would differ in the last bits, and those would decide how a ranking breaks the tie.
        """
        digests = self._embedder.input_digests(texts, side, titles)
        if digests is None:
            return np.arange(len(texts))
        first: dict[bytes, int] = {}
        sources = np.empty(len(texts), dtype=np.int64)
        for index in np.argsort(~stored, kind="stable").tolist():
            sources[index] = first.setdefault(digests[index], index)
        return sources

    def _refuse_unusable(self, vectors: Vectors, texts: list[str]) -> None:
        fault = find_unusable(vectors)
        if fault is not None:
            index, why = fault
            raise AuditError(f"{self.identity.model}: the vector of {_shorten(texts[index])} {why}.")


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
        self._asked = 0

    @property
    def identity(self) -> EmbedderIdentity:
        """As the vectors were embedded."""
        return self._identity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def counts(self) -> TextCounts:
        """Texts asked for so far; none is ever embedded."""
        return TextCounts(self._asked, 0)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The stored vector of each text, in order, shape ``(n_texts, dim)``.

        Raises:
            CacheError: A vector is missing; says how many, and of which text first.
        """
        self._asked += len(texts)
        keys, first, inverse = _find_distinct(vector_keys(self._identity, side, texts, titles))
        found, vectors = self._store.get_many(keys)
        if not found.all():
            missing = np.flatnonzero(~found)
            raise CacheError(
                f"{self._store.folder}: {len(missing)} of {len(keys)} vectors of {self._identity.model} with the "
                f"prefix {side.prefix!r} are not stored, the first that of {_shorten(texts[first[missing[0]]])}."
            )
        return _expand(vectors, inverse, self._dim)

    def tokenize(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> list[Tokenized]:
        """Not possible without the model.

        Raises:
            CacheError: Always.
        """
        raise CacheError(f"{self._identity.model}: vectors are read from the store, no tokenizer is loaded.")


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
