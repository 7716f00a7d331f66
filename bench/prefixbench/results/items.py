"""Item tables on disk: one Parquet file a cell, published whole or not at all."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prefixbench.errors import ResultsError
from prefixbench.files import write_bytes
from prefixbench.items.table import ItemTable, Statistic

if TYPE_CHECKING:
    from pathlib import Path

_REQUIRED = {"item_id": pa.string(), "group_id": pa.string(), "replicate": pa.int32(), "value": pa.float64()}
_OPTIONAL = ("prediction", "target", "rank")


def write_items(path: Path, items: ItemTable) -> str:
    """Publish an item table and return the sha256 of its file."""
    columns = {name: pa.array(getattr(items, name), type=kind) for name, kind in _REQUIRED.items()}
    for name in _OPTIONAL:
        values = getattr(items, name)
        if values is not None:
            columns[name] = pa.array(values, type=pa.float64())
    table = pa.table(columns).replace_schema_metadata({"statistic": items.statistic.value})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_statistics=False)
    content = buffer.getvalue()
    write_bytes(path, content)
    return hashlib.sha256(content).hexdigest()


def load_items(path: Path, sha256: str | None = None) -> ItemTable:
    """Read an item table back.

    Raises:
        ResultsError: The file is missing, differs from the checksum in the ledger, or is no item table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot read the per-item scores ({error.strerror}).") from None
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise ResultsError(f"{path}: the per-item scores differ from the checksum in the ledger; run the cell again.")
    try:
        table = pq.read_table(io.BytesIO(content))
        statistic = Statistic((table.schema.metadata or {})[b"statistic"].decode())
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        return ItemTable(
            statistic=statistic,
            item_id=np.asarray(columns["item_id"], dtype=np.str_),
            group_id=np.asarray(columns["group_id"], dtype=np.str_),
            replicate=columns["replicate"],
            value=columns["value"],
            **{name: columns.get(name) for name in _OPTIONAL},
        )
    except (KeyError, ValueError, pa.ArrowInvalid) as error:
        raise ResultsError(f"{path}: not a table of per-item scores ({error}).") from None
