"""Segments: immutable Arrow files of keys, vectors and one checksum a record, mapped into memory to be read."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from prefixbench.errors import CacheError
from prefixbench.vectors.keys import KEY_BYTES, Keys
from prefixbench.vectors.publish import publish_file

if TYPE_CHECKING:
    from prefixbench.vectors.embedder import Vectors

SEGMENT_SUFFIX = ".arrow"
"""Only files that end so are read; retiring or condemning one is a rename."""

BLOCK = 16_384
"""Records checked at a time, so that checking takes little memory."""

Checksums = NDArray[np.uint64]


class UnreadableSegmentError(Exception):
    """The file is no segment, or is damaged beyond reading single records."""


def compute_checksums(keys: Keys, vectors: Vectors) -> Checksums:
    """One checksum a record over key and vector: XXH3-64 of the vector's bytes, XORed with the key's five words.

    Args:
        keys: Shape ``(n, KEY_BYTES)``.
        vectors: Shape ``(n, dim)``.

    Returns:
        Shape ``(n,)``. A changed bit in either part, or a vector under another record's key, gives another value.
    """
    step = vectors.shape[1] * vectors.itemsize
    data = np.ascontiguousarray(vectors).reshape(-1).view(np.uint8).data
    digests = [xxh3_64_intdigest(data[start : start + step]) for start in range(0, step * len(vectors), step)]
    words = np.ascontiguousarray(keys).view(np.uint64)
    sums: Checksums = np.array(digests, dtype=np.uint64) ^ np.bitwise_xor.reduce(words, axis=1)
    return sums


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One mapped file; its arrays are views of the map and stay valid after the file is unlinked.

    Attributes:
        path: The file.
        keys: Shape ``(n, KEY_BYTES)``, in the order they were put.
        vectors: Shape ``(n, dim)``.
        checksums: Shape ``(n,)``.
        verified: Shape ``(n,)``: records this process has checked already.
    """

    path: Path
    keys: Keys
    vectors: Vectors
    checksums: Checksums
    verified: NDArray[np.bool_]

    def read(self, rows: NDArray[np.int64]) -> Vectors:
        """Vectors of some records, shape ``(n, dim)``: a view of the map where the rows follow one another."""
        if (np.diff(rows) == 1).all():
            return self.vectors[rows[0] : rows[-1] + 1]
        return self.vectors[rows]

    def check(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of some records is what was written, shape ``(n,)``; looks at each record once a process."""
        if not self.verified.any():
            self._mark_as_used()
        unseen = rows[~self.verified[rows]]
        for start in range(0, len(unseen), BLOCK):
            block = unseen[start : start + BLOCK]
            sums = compute_checksums(self.keys[block], self.read(block))
            self.verified[block] = sums == self.checksums[block]
        return self.verified[rows]

    def find_damage(self) -> NDArray[np.int64]:
        """Rows whose checksum differs, read anew from the file, a block at a time."""
        bad = []
        for start in range(0, len(self.keys), BLOCK):
            block = slice(start, start + BLOCK)
            differs = compute_checksums(self.keys[block], self.vectors[block]) != self.checksums[block]
            bad.append(np.flatnonzero(differs) + start)
        return np.concatenate(bad) if bad else np.empty(0, dtype=np.int64)

    def _mark_as_used(self) -> None:
        # Pruning goes by last use. A folder that may only be read keeps its times.
        with contextlib.suppress(OSError):
            os.utime(self.path)


def load_segment(path: Path) -> Segment:
    """Map a segment.

    Raises:
        FileNotFoundError: It is not there any more.
        UnreadableSegmentError: It is damaged beyond reading single records.
        CacheError: The system does not let it be read.
    """
    try:
        # The map outlives the closed file, so that segments cost no file descriptors.
        with pa.memory_map(str(path)) as source:
            return _read_segment(source, path)
    except OSError as error:
        if error.errno is None:
            raise UnreadableSegmentError(str(error)) from error
        if error.errno in {errno.ENOENT, errno.ESTALE}:
            raise FileNotFoundError(error.errno, os.strerror(error.errno), str(path)) from error
        raise CacheError(f"{path}: cannot be read ({os.strerror(error.errno).lower()}).") from error


def parse_segment(content: NDArray[np.uint8]) -> Segment:
    """A segment in memory, a view of its bytes; it has no file.

    Raises:
        UnreadableSegmentError: They are no segment, or damaged beyond reading single records.
    """
    return _read_segment(pa.BufferReader(pa.py_buffer(np.ascontiguousarray(content))), Path(os.devnull))


def _read_segment(source: pa.NativeFile, path: Path) -> Segment:
    try:
        with pa.ipc.open_file(source) as reader:
            if reader.num_record_batches != 1:
                raise UnreadableSegmentError(f"{reader.num_record_batches} batches where there must be one")
            batch = reader.get_batch(0)
        batch.validate()
        keys, checksums, vectors = (batch.column(name) for name in ("key", "checksum", "vector"))
        dim = vectors.type.list_size
        known = (pa.binary(KEY_BYTES), pa.uint64(), pa.list_(pa.float32(), dim))
        if (keys.type, checksums.type, vectors.type) != known or any(column.offset for column in batch.columns):
            raise UnreadableSegmentError(f"unknown columns {batch.schema.to_string()!r}")
        n = batch.num_rows
        if dim == 0 or len(vectors.values) != n * dim:
            raise UnreadableSegmentError(f"{len(vectors.values)} numbers for {n} vectors of {dim}")
        return Segment(
            path,
            np.frombuffer(keys.buffers()[1], np.uint8, n * KEY_BYTES).reshape(n, KEY_BYTES),
            np.frombuffer(vectors.values.buffers()[1], np.float32, n * dim).reshape(n, dim),
            np.frombuffer(checksums.buffers()[1], np.uint64, n),
            np.zeros(n, dtype=np.bool_),
        )
    except OSError as error:
        if error.errno is not None:
            raise
        # Arrow reports a damaged file as an OSError too, but without the number a failed system call has.
        raise UnreadableSegmentError(str(error)) from error
    except (pa.ArrowException, KeyError, AttributeError, ValueError) as error:
        raise UnreadableSegmentError(str(error)) from error


def dump_segment(keys: Keys, vectors: Vectors) -> NDArray[np.uint8]:
    """The bytes of a segment, shape ``(n_bytes,)``; arguments as ``write_segment``."""
    sink = pa.BufferOutputStream()
    _write_batch(sink, keys, vectors)
    content: NDArray[np.uint8] = np.frombuffer(sink.getvalue(), np.uint8)
    return content


def write_segment(folder: Path, keys: Keys, vectors: Vectors) -> Path:
    """Publish one segment.

    Args:
        folder: The namespace's.
        keys: Shape ``(n, KEY_BYTES)``.
        vectors: Shape ``(n, dim)``, float32.

    Returns:
        The file: time first, so that names sort by age; then the number of records; then 64 random bits.

    Raises:
        CacheError: It cannot be written.
    """
    path = folder / f"{time.time_ns():020d}-{len(keys)}-{secrets.token_hex(8)}{SEGMENT_SUFFIX}"
    publish_file(path, lambda file: _write_batch(file, keys, vectors))
    return path


def _write_batch(sink: BinaryIO | pa.NativeFile, keys: Keys, vectors: Vectors) -> None:
    keys, vectors = np.ascontiguousarray(keys), np.ascontiguousarray(vectors)
    batch = pa.RecordBatch.from_arrays(
        [
            pa.FixedSizeBinaryArray.from_buffers(pa.binary(KEY_BYTES), len(keys), [None, pa.py_buffer(keys)]),
            _wrap(pa.uint64(), compute_checksums(keys, vectors)),
            pa.FixedSizeListArray.from_arrays(_wrap(pa.float32(), vectors), vectors.shape[1]),
        ],
        names=["key", "checksum", "vector"],
    )
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)


def _wrap(kind: pa.DataType, values: NDArray[np.generic]) -> pa.Array:
    # pa.array would do, but imports pandas, which takes longer than anything else here.
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)])
