"""Tables in Arrow files: written row by row, digested while they are written, and read as memory maps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

ROWS_AT_ONCE = 8192

KINDS = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "texts": pa.list_(pa.string())}


class TableWriter:
    """Writes one table, a few thousand rows at a time.

    Attributes:
        n_rows: Rows written so far.
    """

    def __init__(self, path: Path, **columns: str) -> None:
        """Open the file.

        Args:
            path: Where it is to stand.
            **columns: The kind of each column, one of ``KINDS``.
        """
        self.n_rows = 0
        self._schema = pa.schema([(name, KINDS[kind]) for name, kind in columns.items()])
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, self._schema)
        self._rows: list[Sequence[Any]] = []
        self._digest = hashlib.sha256(repr(sorted(columns.items())).encode())

    def add(self, *row: Any) -> None:  # noqa: ANN401 - a cell of any of KINDS
        """Write one row, its values in the order of the columns."""
        self._rows.append(row)
        self.n_rows += 1
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        self._digest.update(json.dumps(self._rows).encode())
        arrays = [
            pa.array(column, kind.type)
            for column, kind in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._rows.clear()

    def close(self) -> str:
        """Finish the file; returns the sha256 of its content, which no detail of the file format changes."""
        self._flush()
        self._writer.close()
        self._file.close()
        return self._digest.hexdigest()

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._file.closed:
            self._file.close()
