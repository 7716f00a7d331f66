"""Item tables on disk: one Parquet file a cell, published whole or not at all, and taken in only as it was written."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefixbench.errors import ResultsError
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results.guard import read_inside, write_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from prefixbench.results.records import CellResult

_REQUIRED = {"item_id": pa.string(), "group_id": pa.string(), "replicate": pa.int32(), "value": pa.float64()}
_STRINGS = tuple(name for name, kind in _REQUIRED.items() if kind == pa.string())
_OPTIONAL = {name: pa.float64() for name in ("prediction", "target", "rank", "words", "letters", "overlap")}

MOST_ROWS = 20_000_000
MOST_EXPANDED = 2 << 30
"""Bytes that a Parquet file of ours may take in memory; a small file can be made to expand without end."""
MOST_REPLICATES = 10_000
LARGEST_VALUE = 2.0**53
"""Beyond it label codes are no longer exact and sums of squares overflow; no score comes near."""
TOLERANCE = 1e-6 + 0.5e-5
"""How far a main score rebuilt from items may lie from its row's: mteb rounds some to five digits."""


def name_items(cell_id: str) -> str:
    """Return where a cell's per-item scores stand in its results folder."""
    return f"items/{cell_id}.parquet"


def write_items(folder: Path, cell_id: str, items: ItemTable) -> str:
    """Publish a cell's item table and return the sha256 of its file."""
    columns = {name: pa.array(getattr(items, name), type=kind) for name, kind in _REQUIRED.items()}
    for name, kind in _OPTIONAL.items():
        values = getattr(items, name)
        if values is not None:
            columns[name] = pa.array(values, type=kind)
    table = pa.table(columns).replace_schema_metadata({"statistic": items.statistic.value})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_statistics=False)
    content = buffer.getvalue()
    write_inside(folder, name_items(cell_id), content)
    return hashlib.sha256(content).hexdigest()


def load_items(folder: Path, row: CellResult) -> ItemTable:
    """Read a finished cell's item table back.

    Raises:
        ResultsError: The file is missing, differs from the checksum in the ledger, is no item table, or its values do
            not rebuild the score in the ledger.
    """
    name = name_items(row.cell_id)
    path = folder / name
    content = read_checked(folder, name, row.items_sha256, "per-item scores")
    table = read_table(path, content, _REQUIRED, _OPTIONAL)
    items, n_items = _take_in(path, table)
    _check_against(path, items, n_items, row)
    return items


def read_checked(folder: Path, name: str, sha256: str, what: str) -> bytes:
    """Read a file of a finished cell, whose row holds its checksum.

    Args:
        folder: The results folder.
        name: The file's name below it.
        sha256: The checksum in the ledger.
        what: What the file holds, for messages.

    Raises:
        ResultsError: The file is missing, differs from the checksum, or cannot be read.
    """
    content = read_inside(folder, name)
    if content is None:
        raise ResultsError(f"{folder / name}: cannot read the {what} (No such file or directory).")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ResultsError(f"{folder / name}: the {what} differ from the checksum in the ledger; run the cell again.")
    return content


def read_table(
    path: Path,
    content: bytes,
    required: Mapping[str, pa.DataType],
    optional: Mapping[str, pa.DataType],
    *,
    expanded: bool = True,
) -> pa.Table:
    """Read a Parquet file of ours; its strings stay dictionaries, so that repeats take no room.

    Args:
        path: For messages.
        content: The file.
        required: Columns it has, with their types.
        optional: Columns it may have.
        expanded: Whether strings will be written out, row by row; room for them is then a condition.

    Raises:
        ResultsError: It is no such file, or would take more than ``MOST_EXPANDED`` bytes.
    """
    try:
        # One look at the file; `pq.read_table` takes several times as long.
        file = _open(content, [name for name, kind in required.items() if kind == pa.string()])
        metadata = file.metadata
        n_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
        if metadata.num_rows > MOST_ROWS or n_bytes > MOST_EXPANDED:
            raise ResultsError(f"{path}: {metadata.num_rows:,} rows of {n_bytes:,} bytes are more than is read.")
        _check_columns(metadata.schema.to_arrow_schema(), required, optional)
        table = file.read(use_threads=False)
        table.validate(full=True)
        for name in table.column_names:
            if table.column(name).null_count:
                raise ValueError(f"column {name} has empty values")
        if expanded:
            _check_expanded(path, table)
    except (pa.ArrowException, ValueError, TypeError, KeyError, OSError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ResultsError(f"{path}: not a table of ours ({reason}).") from None
    return table


def _open(content: bytes, strings: list[str]) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(content), read_dictionary=strings, pre_buffer=False)
    except KeyError as error:
        raise ValueError(f"column {error.args[0].decode()} is missing") from None


def _check_columns(schema: pa.Schema, required: Mapping[str, pa.DataType], optional: Mapping[str, pa.DataType]) -> None:
    if missing := required.keys() - set(schema.names):
        raise ValueError(f"column {min(missing)} is missing")
    for field in schema:
        wanted = {**required, **optional}.get(field.name)
        if field.type != wanted:
            raise ValueError(f"column {field.name} is {field.type}, not {wanted or 'among its columns'}")
    if len(set(schema.names)) != len(schema.names):
        raise ValueError("a column stands there twice")


def _check_expanded(path: Path, table: pa.Table) -> None:
    """Refuse columns whose longest string times their rows, as an array holds them, is too much."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if not pa.types.is_dictionary(column.type):
            continue
        if sum(chunk.dictionary.nbytes for chunk in column.chunks) * table.num_rows * 4 <= MOST_EXPANDED:
            continue  # all its strings together are not too long
        longest = max((pc.max(pc.utf8_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks), default=0)
        if longest * table.num_rows * 4 > MOST_EXPANDED:
            raise ResultsError(f"{path}: column {name} would take {longest * table.num_rows * 4:,} bytes in memory.")


def _take_in(path: Path, table: pa.Table) -> tuple[ItemTable, int]:
    """Return the item table, and how many items it has."""
    try:
        statistic = Statistic((table.schema.metadata or {})[b"statistic"].decode())
    except (KeyError, ValueError):
        raise ResultsError(f"{path}: names no statistic of ours.") from None
    columns = {name: table.column(name).to_numpy() for name in table.column_names if name not in _STRINGS}
    for name in ("value", "prediction", "target"):
        if name in columns and not np.all(np.abs(columns[name]) <= LARGEST_VALUE):
            raise ResultsError(f"{path}: column {name} holds values that are no numbers or beyond {LARGEST_VALUE:.0e}.")
    if table.num_rows == 0 or len(np.unique(columns["replicate"])) > MOST_REPLICATES:
        raise ResultsError(f"{path}: holds no items, or more than {MOST_REPLICATES:,} experiments.")
    names = {name: _read_strings(table.column(name)) for name in _STRINGS}
    items = ItemTable(
        statistic=statistic,
        item_id=names["item_id"].strings,
        group_id=names["group_id"].strings,
        replicate=columns["replicate"],
        value=columns["value"],
        **{name: columns.get(name) for name in _OPTIONAL},
    )
    return items, names["item_id"].n_distinct


@dataclass(frozen=True, slots=True)
class _Strings:
    """A column of strings, as it was read and as an array."""

    column: pa.ChunkedArray
    strings: NDArray[np.str_]
    n_distinct: int


class _LastRead(threading.local):
    """The strings that this thread read last: the cells of a place name the same items, and are read one by one."""

    def __init__(self) -> None:
        self.columns: deque[_Strings] = deque(maxlen=len(_STRINGS))


_LAST_READ = _LastRead()


def _read_strings(column: pa.ChunkedArray) -> _Strings:
    """Read a column of strings; tables with equal columns share the array, which cannot be written to."""
    for known in _LAST_READ.columns:
        if column.equals(known.column):
            return known
    strings = np.asarray(column.to_numpy(), dtype=np.str_)
    strings.flags.writeable = False
    own = _Strings(column, strings, len(np.unique(strings)))
    _LAST_READ.columns.append(own)
    return own


def _check_against(path: Path, items: ItemTable, n_items: int, row: CellResult) -> None:
    if items.statistic is not row.statistic or n_items != row.n_items:
        raise ResultsError(
            f"{path}: {n_items} items by {items.statistic.value}, where the ledger says {row.n_items} by "
            f"{row.statistic.value}; run the cell again."
        )
    try:
        rebuilt = compute_statistic(items)
    except (ValueError, IndexError, OverflowError) as error:
        raise ResultsError(f"{path}: {row.main_score} cannot be rebuilt from its items ({error}).") from None
    if not abs(rebuilt - row.score) <= TOLERANCE:
        raise ResultsError(
            f"{path}: {row.main_score} rebuilt from the items is {rebuilt:.7f}, but the ledger says {row.score:.7f}; "
            "run the cell again."
        )
