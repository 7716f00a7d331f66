"""Vectors on their way from one store to another: as segments made to measure, checked when they arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_hexdigest

from prefixbench.errors import LostVectorsError
from prefixbench.vectors.segment import UnreadableSegmentError, dump_segment, parse_segment

if TYPE_CHECKING:
    from prefixbench.vectors.folder import VectorStore
    from prefixbench.vectors.keys import Keys, Namespace

CHUNK_BYTES = 64 << 20
"""Vectors sent at a time, so that neither end holds a large corpus in memory."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The vectors of one request, by what they are; the vectors themselves travel apart, in chunks.

    Attributes:
        namespace: Whose they are.
        dim: Length of a vector.
        n_vectors: How many.
        digest: Of the keys, in order.
    """

    namespace: Namespace
    dim: int
    n_vectors: int
    digest: str

    @classmethod
    def of(cls, namespace: Namespace, dim: int, keys: Keys) -> Parcel:
        """The parcel of these keys, shape ``(n, KEY_BYTES)``."""
        return cls(namespace, dim, len(keys), xxh3_128_hexdigest(np.ascontiguousarray(keys).data))

    @property
    def n_chunks(self) -> int:
        """In how many pieces it travels."""
        return -(-self.n_vectors // self._chunk)

    @property
    def _chunk(self) -> int:
        return max(1, CHUNK_BYTES // (4 * self.dim))

    def rows(self, chunk: int) -> slice:
        """Which of its vectors are in a chunk."""
        return slice(chunk * self._chunk, (chunk + 1) * self._chunk)


def pack_chunk(store: VectorStore, parcel: Parcel, keys: Keys, chunk: int) -> NDArray[np.uint8]:
    """One chunk of a parcel as the bytes of a segment.

    Args:
        store: Where the vectors are.
        parcel: What is packed.
        keys: All of its keys, shape ``(n_vectors, KEY_BYTES)``.
        chunk: Which chunk.

    Raises:
        LostVectorsError: The store does not hold them all, each as it was written.
    """
    own = keys[parcel.rows(chunk)]
    found, vectors = store.get_many(own)
    if not found.all():
        raise LostVectorsError(f"{store.folder}: {int((~found).sum())} vectors to be sent are gone from the store.")
    return dump_segment(own, vectors)


def unpack_chunk(store: VectorStore, parcel: Parcel, content: NDArray[np.uint8]) -> None:
    """Put into a store what it lacks of a chunk.

    Raises:
        LostVectorsError: What came is not what was packed; nothing of it is kept.
        CacheError: The store cannot be written to.
    """
    name = parcel.namespace.identity.model
    try:
        segment = parse_segment(content)
    except UnreadableSegmentError as error:
        raise LostVectorsError(f"vectors of {name} arrived damaged ({error}).") from None
    if segment.find_damage().size:
        raise LostVectorsError(f"vectors of {name} arrived damaged (the checksum differs).")
    lacks = ~store.check_many(segment.keys)
    if lacks.any():
        store.put_many(segment.keys[lacks], segment.vectors[lacks], parcel.namespace)
