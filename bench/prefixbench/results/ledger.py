"""The append-only ledger: one JSON record a line, durable once written, readable after a crash."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from prefixbench.errors import ResultsError
from prefixbench.results.records import CellFailure, CellResult, ProbeRecord

if TYPE_CHECKING:
    from pathlib import Path

Row: TypeAlias = CellResult | CellFailure | ProbeRecord
_ROW: TypeAdapter[Row] = TypeAdapter(Annotated[Row, Field(discriminator="kind")])


def encode_row(row: Row) -> bytes:
    """One record as the ledger's line."""
    return row.model_dump_json().encode() + b"\n"


def append_row(path: Path, row: Row) -> None:
    """Add one record and return once it is on the disk.

    A line torn by a crash is cut off first, so that the new record starts on a line of its own.
    """
    encoded = encode_row(row)
    with path.open("ab") as file:
        whole = _whole_length(path)
        if whole != file.tell():
            file.truncate(whole)
        file.write(encoded)
        file.flush()
        os.fsync(file.fileno())


def _whole_length(path: Path) -> int:
    """Bytes up to and including the last newline."""
    size = path.stat().st_size
    step = 1 << 16
    with path.open("rb") as file:
        for start in range(max(0, size - step), -step, -step):
            file.seek(max(0, start))
            found = file.read(step).rfind(b"\n")
            if found >= 0:
                return max(0, start) + found + 1
    return 0


def read_rows(path: Path) -> list[Row]:
    """Every record in the order written; a last line without its newline was never finished and is left out.

    Raises:
        ResultsError: A finished line is no record of ours; names the file, the line and the field.
    """
    if not path.exists():
        return []
    rows: list[Row] = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            rows.append(_ROW.validate_json(line))
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(str(part) for part in fault["loc"]) or "record"
            raise ResultsError(f"{path}, line {number}: {place}: {fault['msg']}.") from None
    return rows
