"""Verifying and pruning a store while others read and write it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ByteSize, TypeAdapter, ValidationError

from prefixbench.errors import CacheError, SpecError
from prefixbench.vectors.retire import retire_file, sweep_folder
from prefixbench.vectors.stats import SegmentFile, collect_stats

if TYPE_CHECKING:
    from prefixbench.vectors.folder import VectorStore
    from prefixbench.vectors.namespace_folder import Damage

_SIZE = TypeAdapter(ByteSize)
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What reading every record showed.

    Attributes:
        n_segments: Files read.
        n_vectors: Records read.
        damage: What was not as written, and was dropped.
    """

    n_segments: int
    n_vectors: int
    damage: tuple[Damage, ...]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        damage = [{"segment": str(one.path), "records": list(one.rows), "reason": one.reason} for one in self.damage]
        return {"segments": self.n_segments, "vectors": self.n_vectors, "damage": damage}


@dataclass(frozen=True, slots=True)
class PruneReport:
    """What pruning took away.

    Attributes:
        n_segments: Files taken out.
        n_vectors: Records in them.
        n_bytes: Their size, and that of remnants deleted.
        n_bytes_waiting: Part of it that a shared file system frees only when the store is pruned a day later.
    """

    n_segments: int = 0
    n_vectors: int = 0
    n_bytes: int = 0
    n_bytes_waiting: int = 0

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "segments": self.n_segments,
            "vectors": self.n_vectors,
            "bytes": self.n_bytes,
            "bytes_waiting": self.n_bytes_waiting,
        }


def verify_store(store: VectorStore) -> VerifyReport:
    """Read every record, drop those that are not as written, and name them."""
    before = len(store.damage)
    n_segments = n_vectors = 0
    for name in store.namespace_names():
        namespace = store.namespace(name)
        for segment in namespace.segments():
            n_segments += 1
            n_vectors += len(segment.keys)
            rows = segment.find_damage()
            if rows.size:
                namespace.drop(segment, rows)
    return VerifyReport(n_segments, n_vectors, tuple(store.damage[before:]))


def prune_store(
    store: VectorStore,
    *,
    older_than: float | None = None,
    model: str | None = None,
    max_bytes: int | None = None,
    now: float | None = None,
) -> PruneReport:
    """Take segments out; who is reading them reads on. Remnants of killed writers always go.

    Args:
        store: The store.
        older_than: Only what was not used for so many seconds.
        model: Only this model's vectors.
        max_bytes: Only as much as it takes, least recently used first, for what remains to be no larger.
        now: Seconds since 1970, for tests.

    Raises:
        CacheError: The folder may not be written to, or there is no such model in the store.
    """
    namespaces = collect_stats(store).namespaces
    if model is not None:
        known = sorted({one.model for one in namespaces})
        if model not in known:
            raise CacheError(
                f"{store.folder}: holds no vectors of {model!r}; it has {', '.join(known) or 'none at all'}."
            )
        namespaces = tuple(one for one in namespaces if one.model == model)
    segments = [segment for one in namespaces for segment in one.segments]
    chosen = (
        _choose(segments, older_than, max_bytes, now or time.time()) if _limits(older_than, model, max_bytes) else []
    )
    try:
        waiting = sum(retire_file(segment.path) for segment in chosen)
        swept = sum(sweep_folder(store.folder / name) for name in store.namespace_names())
    except OSError as error:
        raise CacheError(f"{store.folder}: cannot be pruned ({error.strerror or error}).") from error
    return PruneReport(
        len(chosen),
        sum(segment.n_vectors for segment in chosen),
        sum(segment.n_bytes for segment in chosen) + swept,
        waiting,
    )


def parse_size(text: str) -> int:
    """Bytes of a size as people write it: ``500MB``, ``2.5 GB``, ``1GiB``.

    Raises:
        SpecError: It is no size.
    """
    try:
        return int(_SIZE.validate_python(text.strip()))
    except ValidationError:
        raise SpecError(f"--max-size {text!r} is no size; write one like 500MB, 20GB or 4GiB.") from None


def parse_age(text: str) -> float:
    """Seconds of an age as people write it: ``90m``, ``12h``, ``30d``, ``8w``.

    Raises:
        SpecError: It is no age.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([mhdw])", text.strip().lower())
    if match is None:
        raise SpecError(f"--older-than {text!r} is no age; write one like 90m, 12h, 30d or 8w.")
    return float(match[1]) * _SECONDS[match[2]]


def _limits(*options: object) -> bool:
    return any(option is not None for option in options)


def _choose(
    segments: list[SegmentFile], older_than: float | None, max_bytes: int | None, now: float
) -> list[SegmentFile]:
    """Least recently used first: those old enough, and no more than the size asks for."""
    excess = sum(segment.n_bytes for segment in segments) - max_bytes if max_bytes is not None else None
    chosen = []
    for segment in sorted(segments, key=lambda one: one.last_used):
        if excess is not None and excess <= 0:
            break
        if older_than is None or now - segment.last_used > older_than:
            chosen.append(segment)
            excess = None if excess is None else excess - segment.n_bytes
    return chosen
