"""What a store holds: by namespace, without opening a segment."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prefixbench.vectors.segment import SEGMENT_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.vectors.folder import VectorStore
    from prefixbench.vectors.namespaces import NamespaceRecord


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A segment as its folder lists it.

    Attributes:
        path: The file.
        n_vectors: Records, as its name says.
        n_bytes: Its size.
        last_used: When it was last read by a new process, or written; seconds since 1970.
    """

    path: Path
    n_vectors: int
    n_bytes: int
    last_used: float


@dataclass(frozen=True, slots=True)
class NamespaceStats:
    """One namespace: a model, loaded and steered one way.

    Attributes:
        name: Its folder.
        record: What it says of itself; ``None`` where the record is lost (the vectors are still found by their keys).
        segments: Its files, oldest first.
    """

    name: str
    record: NamespaceRecord | None
    segments: tuple[SegmentFile, ...]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.record.namespace.identity.model if self.record else "(record lost)"

    @property
    def n_vectors(self) -> int:
        """Records, duplicates by concurrent writers counted."""
        return sum(segment.n_vectors for segment in self.segments)

    @property
    def n_bytes(self) -> int:
        """Bytes on disk."""
        return sum(segment.n_bytes for segment in self.segments)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        last_used = max((segment.last_used for segment in self.segments), default=0.0)
        known: dict[str, Any] = {}
        if self.record:
            identity, state = self.record.namespace.identity, self.record.namespace.state
            known = {
                "revision": identity.revision,
                "weights_digest": identity.weights_digest,
                "max_seq_length": identity.max_seq_length,
                "pooling": identity.pooling,
                "dtype": identity.dtype,
                "dim": self.record.dim,
                "adapter": state.adapter,
                "api": dict(state.api),
                "prefix_pooling": state.pooling,
                "route": state.route,
                "created": self.record.created,
            }
        return {
            "namespace": self.name,
            "model": self.model,
            **known,
            "segments": len(self.segments),
            "vectors": self.n_vectors,
            "bytes": self.n_bytes,
            "last_used": datetime.fromtimestamp(last_used, UTC).isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The whole store.

    Attributes:
        folder: Where it is.
        namespaces: Those that hold vectors, by model.
    """

    folder: Path
    namespaces: tuple[NamespaceStats, ...]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "folder": str(self.folder),
            "vectors": sum(one.n_vectors for one in self.namespaces),
            "bytes": sum(one.n_bytes for one in self.namespaces),
            "namespaces": [one.to_json() for one in self.namespaces],
        }


def collect_stats(store: VectorStore) -> StoreStats:
    """List what a store holds; reads folders and records only."""
    records = store.records()
    listed = [
        NamespaceStats(name, records.get(name), list_segments(store.folder / name)) for name in store.namespace_names()
    ]
    filled = [one for one in listed if one.segments]
    return StoreStats(store.folder, tuple(sorted(filled, key=lambda one: (one.model, one.name))))


def list_segments(folder: Path) -> tuple[SegmentFile, ...]:
    """The segments of a namespace's folder, oldest first; one that is pruned meanwhile is left out."""
    found = []
    for path in sorted(folder.glob(f"*{SEGMENT_SUFFIX}")):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode):
            continue
        number = path.name.split("-")[1] if path.name.count("-") >= 2 else ""
        found.append(SegmentFile(path, int(number) if number.isdigit() else 0, status.st_size, status.st_mtime))
    return tuple(found)
