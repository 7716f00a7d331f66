"""Texts in an Arrow file mapped into memory: a million of them take none, and travel between processes as a path.

The file is written beside what uses it and deleted by it; a reader keeps what it has mapped.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefixbench.files import write_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

HELD_FOLDER, HELD_SUFFIX = "texts", ".texts"
"""Where in the cache folder large corpora are held while they are embedded, and how these files end."""

ROWS_AT_ONCE = 8192


class MappedTexts(Sequence[str]):
    """One column of such a file, or some of its rows.

    Args:
        path: The file.
        column: The column's name.
        rows: Which of its texts, shape ``(n,)``; all of them where ``None``.
    """

    def __init__(self, path: Path, column: str, rows: NDArray[np.int64] | None = None) -> None:
        self.path = path
        self._column = column
        self._rows = rows
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
            self._chunks = reader.read_all().column(column).chunks
        self._ends = np.cumsum([len(chunk) for chunk in self._chunks], dtype=np.int64)

    def __copy__(self) -> MappedTexts:
        """Another view of what is mapped; by way of ``__reduce__`` the file would be mapped once more."""
        twin = MappedTexts.__new__(MappedTexts)
        vars(twin).update(vars(self))
        return twin

    def __reduce__(self) -> tuple[type[MappedTexts], tuple[object, ...]]:
        return MappedTexts, (self.path, self._column, self._rows)

    def __len__(self) -> int:
        if self._rows is not None:
            return len(self._rows)
        return int(self._ends[-1]) if len(self._ends) else 0

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        places = np.arange(len(self))[index]
        return self.take(places) if isinstance(index, slice) else self.take(np.array([places]))[0]

    def __iter__(self) -> Iterator[str]:
        if self._rows is None:
            for chunk in self._chunks:
                yield from chunk.to_pylist()
            return
        for start in range(0, len(self._rows), ROWS_AT_ONCE):
            yield from self.take(np.arange(start, min(start + ROWS_AT_ONCE, len(self._rows))))

    def take(self, places: NDArray[np.int64]) -> list[str]:
        """The texts at these places, in their order."""
        texts = np.empty(len(places), dtype=object)
        for group, found in self._group(places):
            texts[group] = found.to_pylist()
        return texts.tolist()

    def count_characters(self, places: NDArray[np.int64]) -> NDArray[np.int32]:
        """Characters of the texts at these places, without taking them out of the file; shape ``(n,)``."""
        counts = np.empty(len(places), dtype=np.int32)
        for group, found in self._group(places):
            counts[group] = pc.utf8_length(found).to_numpy()
        return counts

    def _group(self, places: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], pa.StringArray]]:
        """Which of the places are in one piece of the file, and the texts there."""
        rows = places if self._rows is None else self._rows[places]
        order = np.argsort(rows, kind="stable")
        numbers = np.searchsorted(self._ends, rows[order], side="right")
        for group in np.split(order, np.flatnonzero(np.diff(numbers)) + 1) if len(rows) else []:
            number = int(np.searchsorted(self._ends, rows[group[0]], side="right"))
            chunk = self._chunks[number]
            yield group, chunk.take(pa.array(rows[group] - (self._ends[number] - len(chunk))))

    def select(self, places: NDArray[np.int64]) -> MappedTexts:
        """Some of the texts, still in the file."""
        some = copy.copy(self)
        some._rows = places if self._rows is None else self._rows[places]
        return some


def take_texts(texts: Sequence[str], places: NDArray[np.int64]) -> list[str]:
    """The texts at these places, in their order."""
    return texts.take(places) if isinstance(texts, MappedTexts) else [texts[place] for place in places.tolist()]


def count_characters(texts: Sequence[str], places: NDArray[np.int64]) -> NDArray[np.int32]:
    """Characters of the texts at these places, shape ``(n,)``."""
    if isinstance(texts, MappedTexts):
        return texts.count_characters(places)
    return np.fromiter((len(texts[place]) for place in places.tolist()), np.int32, len(places))


def select_texts(texts: Sequence[str], places: NDArray[np.int64]) -> Sequence[str]:
    """Some of the texts; those of a file stay there."""
    return texts.select(places) if isinstance(texts, MappedTexts) else tuple(take_texts(texts, places))


def write_texts(path: Path, columns: Sequence[str], blocks: Iterable[Sequence[Sequence[str]]]) -> None:
    """Write a file of texts.

    Args:
        path: Where it is to stand, whole or not at all.
        columns: Their names.
        blocks: Some rows at a time: a sequence for each column.

    Raises:
        OSError: The disk is full, or the folder may not be written to.
        UnicodeEncodeError: A text holds half of a surrogate pair, which such a file cannot.
    """
    schema = pa.schema([(name, pa.string()) for name in columns])

    def write(sink: object) -> None:
        with pa.ipc.new_stream(sink, schema) as writer:
            for block in blocks:
                for start in range(0, len(block[0]), ROWS_AT_ONCE):
                    part = [pa.array(texts[start : start + ROWS_AT_ONCE], pa.string()) for texts in block]
                    writer.write_batch(pa.record_batch(part, schema=schema))

    write_file(path, write)
