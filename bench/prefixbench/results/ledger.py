"""The append-only ledger: one JSON record a line, durable once written, readable after a crash."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from prefixbench.errors import ResultsError
from prefixbench.faults import list_faults
from prefixbench.files import open_ordinary
from prefixbench.results.guard import describe_os_error, locate_inside, read_inside
from prefixbench.results.records import CellFailure, CellResult, EndpointRecord, ProbeRecord

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = "ledger.jsonl"

Row: TypeAlias = CellResult | CellFailure | ProbeRecord | EndpointRecord
_ROW: TypeAdapter[Row] = TypeAdapter(Annotated[Row, Field(discriminator="kind")])


def encode_row(row: Row) -> bytes:
    """Return one record as the ledger's line."""
    return row.model_dump_json().encode() + b"\n"


def append_row(folder: Path, row: Row) -> None:
    """Add one record to the folder's ledger and return once it is on the disk.

    A line torn by a crash is cut off first, so that the new record starts on a line of its own.

    Raises:
        ResultsError: The ledger is a link or no file, the disk is full, or the folder cannot be written to.
    """
    path = locate_inside(folder, LEDGER)
    encoded = encode_row(row)
    try:
        with os.fdopen(open_ordinary(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            whole = _find_whole_length(file.fileno(), size)
            if whole != size:
                file.truncate(whole)
            try:
                _write_all(file.fileno(), encoded)
            except OSError:
                file.truncate(whole)
                raise
            os.fsync(file.fileno())
    except OSError as error:
        raise ResultsError(f"{path}: cannot be written ({describe_os_error(error)}).") from None


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _find_whole_length(handle: int, size: int) -> int:
    """Return the bytes up to and including the last newline."""
    step = 1 << 16
    for start in range(max(0, size - step), -step, -step):
        found = os.pread(handle, step, max(0, start)).rfind(b"\n")
        if found >= 0:
            return max(0, start) + found + 1
    return 0


def read_rows(folder: Path) -> list[Row]:
    """Return every record in the order written; a last line without its newline was never finished and is left out.

    Raises:
        ResultsError: The ledger is a link or no file, or a finished line is no record of ours; names the file, the
            line and the field.
    """
    rows: list[Row] = []
    for number, line in enumerate((read_inside(folder, LEDGER) or b"").split(b"\n")[:-1], 1):
        try:
            rows.append(_ROW.validate_json(line))
        except ValidationError as error:
            fault = list_faults(error)[0].write()
            raise ResultsError(f"{folder / LEDGER}, line {number}: {fault}") from None
    return rows
