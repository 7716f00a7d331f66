"""One namespace's folder: its segments found, searched, added to, and rid of damage."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from prefixbench.errors import CacheError
from prefixbench.vectors.index import KeyIndex, Places
from prefixbench.vectors.keys import Keys, find_distinct, list_keys
from prefixbench.vectors.retire import DAMAGED_SUFFIX, retire_file
from prefixbench.vectors.segment import (
    SEGMENT_SUFFIX,
    Segment,
    UnreadableSegmentError,
    load_segment,
    write_segment,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from prefixbench.vectors.embedder import Vectors
    from prefixbench.vectors.mirror import Mirror

MAX_SEGMENT_BYTES = 1 << 28

SMALL_SEGMENT_BYTES, MANY_SEGMENTS = 4 << 20, 64
"""So many segments smaller than this are merged; thousands of files are slow to open on a shared folder."""

MERGED_BYTES = 16 << 20
"""About as large as merged segments become."""

_log = logging.getLogger("prefixbench.cache")


@dataclass(frozen=True, slots=True)
class Damage:
    """Records of one segment that are not what was written.

    Attributes:
        path: The segment.
        rows: Which records; empty where the whole file cannot be read.
        reason: What is wrong with it.
    """

    path: Path
    rows: tuple[int, ...]
    reason: str

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.path}: the segment cannot be read ({self.reason}); dropped, to be embedded again."
        more = f" and {len(self.rows) - 5} more" if len(self.rows) > 5 else ""
        which = ", ".join(map(str, self.rows[:5])) + more
        noun = "record" if len(self.rows) == 1 else "records"
        return f"{self.path}: damaged {noun} {which} ({self.reason}); dropped, to be embedded again."


class NamespaceFolder:
    """The segments of one namespace.

    Attributes:
        folder: Where they stand.
    """

    def __init__(self, folder: Path, report: Callable[[Damage], None], mirror: Mirror | None = None) -> None:
        self.folder = folder
        self._report = report
        self._mirror = mirror
        self._index = KeyIndex()
        self._listed: set[str] = set()
        self._condemned: set[bytes] = set()
        self._may_merge = mirror is None  # merged segments would be sent, and fetched, beside what they were made of

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys have a place here, or at the address that the store is shared at; shape ``(n,)``."""
        found: NDArray[np.bool_] = self._locate_here(keys) >= 0
        if self._mirror is not None and not found.all():
            found[~found] = self._mirror.holds(keys[~found])
        return found

    def locate(self, keys: Keys) -> Places:
        """The place of each key; where one is missing, looks once for what others have published since."""
        places = self._locate_here(keys)
        missing = places < 0
        if self._mirror is not None and missing.any() and self._mirror.fetch(keys[missing]):
            places = self._locate_here(keys)
        return places

    def _locate_here(self, keys: Keys) -> Places:
        places = self._index.locate(keys)
        if (places < 0).any() and self.refresh():
            places = self._index.locate(keys)
        if self._condemned:
            places[[key in self._condemned for key in list_keys(keys)]] = -1
        return places

    def locate_sound(self, keys: Keys) -> Places:
        """The place of each key whose record is what was written; others are dropped, each of them once."""
        while True:
            places = self.locate(keys)
            damaged = False
            for segment, _, rows in self._index.group(places):
                sound = segment.check(rows)
                if not sound.all():
                    self.drop(segment, np.unique(rows[~sound]))
                    damaged = True
            # Dropping rewrites segments, so that every place is another; and another copy may have come to light.
            if not damaged:
                return places

    def refresh(self) -> bool:
        """Add the segments published since the last look; says whether there were any."""
        try:
            with os.scandir(self.folder) as entries:
                # A pipe or a folder of that name is no segment, and opening the one would wait for ever.
                names = {entry.name for entry in entries if entry.name.endswith(SEGMENT_SUFFIX) and entry.is_file()}
        except (FileNotFoundError, NotADirectoryError):
            return False
        new = sorted(names - self._listed)
        self._listed.update(new)
        self._index.add([segment for name in new if (segment := self._load(self.folder / name)) is not None])
        return bool(new)

    def read(self, places: Places) -> Iterator[tuple[NDArray[np.int64], Vectors]]:
        """By segment: which of ``places`` are in it, and their vectors."""
        for segment, chosen, rows in self._index.group(places):
            yield chosen, segment.read(rows)

    def put(self, keys: Keys, vectors: Vectors) -> None:
        """Publish vectors as segments of at most ``MAX_SEGMENT_BYTES``."""
        step = max(1, MAX_SEGMENT_BYTES // (vectors.shape[1] * vectors.itemsize))
        for start in range(0, len(keys), step):
            part = slice(start, start + step)
            path = write_segment(self.folder, keys[part], vectors[part])
            self._listed.add(path.name)
            segment = self._load(path)
            self._index.add([segment] if segment is not None else [])
            if self._mirror is not None:
                self._mirror.send(path)
            if self._condemned:
                self._condemned.difference_update(list_keys(keys[part]))
        if self._may_merge:
            try:
                self.merge_small()
            except (CacheError, OSError) as error:
                # The vectors are stored already, and trying again at every put could fill the disk with merged copies.
                self._may_merge = False
                _log.info("%s: small segments are not merged (%s)", self.folder, error)

    def segments(self) -> list[Segment]:
        """Every readable segment now in the folder, oldest first."""
        self.refresh()
        return [segment for segment in self._index.segments if segment.path.exists()]

    def drop(self, segment: Segment, rows: NDArray[np.int64]) -> None:
        """Take damaged records out of the store: the sound rest is published anew, the old file is set aside."""
        self._report(Damage(segment.path, tuple(rows.tolist()), "the checksum differs"))
        rest = np.ones(len(segment.keys), dtype=np.bool_)
        rest[segment.find_damage()] = False
        rest[rows] = False
        try:
            if rest.any():
                write_segment(self.folder, segment.keys[rest], segment.vectors[rest])
            retire_file(segment.path, DAMAGED_SUFFIX)
        except (CacheError, OSError) as error:
            # A folder that may only be read, or a full disk: what cannot be removed is passed over.
            self._condemned.update(list_keys(segment.keys[rows]))
            _log.warning("%s: the damaged records stay in the file (%s)", segment.path, error)
            return
        self._index, self._listed = KeyIndex(), set()

    def merge_small(self) -> None:
        """Merge small segments into one where there are many, unless another process is at it.

        Raises:
            CacheError: There is no room for the merged segment; the small ones stay.
            OSError: The folder knows no locks, or may not be written to.
        """
        self.refresh()
        if sum(_is_small(segment) for segment in self._index.segments) < MANY_SEGMENTS:
            return
        try:
            with FileLock(self.folder / "merge.lock", blocking=False):
                self._merge(segment for segment in self.segments() if _is_small(segment))
        except Timeout:
            return

    def _merge(self, segments: Iterable[Segment]) -> None:
        small = list(segments)
        for segment in small:
            rows = segment.find_damage()
            if rows.size:
                self.drop(segment, rows)
                return
        if len(small) >= MANY_SEGMENTS:
            for group in _group_small(small):
                keys = np.concatenate([segment.keys for segment in group])
                vectors = np.concatenate([segment.vectors for segment in group])
                first, _ = find_distinct(keys)
                if len(first) < len(keys):
                    keys, vectors = keys[first], vectors[first]
                write_segment(self.folder, keys, vectors)
                for segment in group:
                    retire_file(segment.path)
        self._index, self._listed = KeyIndex(), set()

    def _load(self, path: Path) -> Segment | None:
        try:
            return load_segment(path)
        except FileNotFoundError:
            return None
        except UnreadableSegmentError as error:
            self._report(Damage(path, (), str(error)))
            try:
                retire_file(path, DAMAGED_SUFFIX)
            except OSError as problem:
                _log.warning("%s: the file stays where it is (%s)", path, problem)
            return None


def _group_small(segments: Iterable[Segment]) -> Iterator[list[Segment]]:
    """Segments to be merged into one; all at once would take as much memory as they hold."""
    group: list[Segment] = []
    for segment in segments:
        group.append(segment)
        if sum(one.vectors.nbytes for one in group) >= MERGED_BYTES:
            yield group
            group = []
    if group:
        yield group


def _is_small(segment: Segment) -> bool:
    return segment.vectors.nbytes < SMALL_SEGMENT_BYTES
