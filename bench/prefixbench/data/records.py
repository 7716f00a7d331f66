"""Rows of a file, one at a time and with their line, so that a file of any length needs no memory."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from prefixbench.data.faults import Faults

Row = dict[str, Any]
Rows = Iterator[tuple[int, Row]]

WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""How files of two-byte letters begin."""


def read_rows(path: Path, name: str, faults: Faults) -> Rows:
    """Yield each row with its line; what cannot be read is noted and left out.

    Args:
        path: A file whose ending tells its format; text formats may be gzipped.
        name: What the user calls it.
        faults: Where faults go.
    """
    read = FORMATS.get(file_format(path))
    if read is None:
        faults.add(name, 0, f"is of no known format; valid choices: {', '.join(FORMATS)}")
        return
    try:
        yield from read(path, name, faults)
    except (OSError, EOFError) as error:
        faults.add(name, 0, f"cannot be read ({getattr(error, 'strerror', None) or error})")


def file_format(path: Path) -> str:
    """Return the ending that tells a file's format, such as ``.csv``."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _open(path: Path) -> BinaryIO:
    return gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _decode_lines(path: Path, name: str, faults: Faults) -> Iterator[tuple[int, str]]:
    with _open(path) as file:
        for line, content in enumerate(file, start=1):
            if line == 1 and content.startswith(WIDE_MARKS):
                faults.add(name, 1, "is written in UTF-16; save it as UTF-8")
                return
            try:
                yield line, content.decode("utf-8-sig" if line == 1 else "utf-8")
            except UnicodeDecodeError as error:
                faults.add(name, line, f"holds bytes that are not UTF-8, the first at column {error.start + 1}")


def _read_jsonl(path: Path, name: str, faults: Faults) -> Rows:
    for line, text in _decode_lines(path, name, faults):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            faults.add(name, line, f"is not JSON ({str(error).split(':')[0].lower()})")
            continue
        if isinstance(row, dict):
            yield line, row
        else:
            faults.add(name, line, "holds no JSON object")


def _read_separated(separators: str) -> Callable[[Path, str, Faults], Rows]:
    def read(path: Path, name: str, faults: Faults) -> Rows:
        csv.field_size_limit(2**31 - 1)  # texts may be long; the library's own limit guards against broken quotes
        lines = _decode_lines(path, name, faults)
        first = next(lines, None)
        if first is None:
            return
        separator = max(separators, key=first[1].count)
        (header,) = csv.reader([first[1]], delimiter=separator)
        counted = _CountedLines(lines)
        rows = csv.reader(counted, delimiter=separator)
        began = counted.line + 1
        for values in rows:
            line, began = began, counted.line + 1
            if not values:
                continue
            if len(values) == len(header):
                yield line, dict(zip(header, values, strict=True))
            else:
                faults.add(name, line, f"has another number of columns than the {len(header)} of the header")

    return read


class _CountedLines:
    """Hands out lines and tells which was the last: a quoted field may span several."""

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self.line = 1

    def __iter__(self) -> Iterator[str]:
        for self.line, text in self._lines:  # noqa: B020 - the attribute is meant to follow
            yield text


def _read_parquet(path: Path, name: str, faults: Faults) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            row = 0
            for batch in file.iter_batches(batch_size=4096):
                for values in batch.to_pylist():
                    row += 1
                    yield row, values
    except pa.ArrowException as error:
        faults.add(name, 0, f"is no Parquet file ({str(error).splitlines()[0].rstrip('.')})")


FORMATS: dict[str, Callable[[Path, str, Faults], Rows]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".csv": _read_separated(",;\t"),
    ".tsv": _read_separated("\t"),
    ".parquet": _read_parquet,
}
