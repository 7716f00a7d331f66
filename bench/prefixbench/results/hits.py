"""What each query found, on disk: one Parquet file a cell of retrieval, checked as the item tables are."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prefixbench.errors import ResultsError
from prefixbench.items.hits import MOST_HITS, Hits
from prefixbench.results.guard import write_inside
from prefixbench.results.items import MOST_EXPANDED, MOST_ROWS, read_checked, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.results.records import CellResult

_COLUMNS = {"item_id": pa.string(), "document": pa.string()}
LARGEST_DICTIONARY = 64 << 20
"""Bytes of names that are written once and referred to; beyond it they are written out."""


def name_hits(cell_id: str) -> str:
    """Return where a cell's hits stand in its results folder."""
    return f"hits/{cell_id}.parquet"


def write_hits(folder: Path, cell_id: str, hits: Hits | None) -> str | None:
    """Publish a cell's hits, a row each, and return the sha256 of the file; ``None`` where there is none to keep.

    So many hits that the file could not be read back are not kept.
    """
    if hits is None or not 0 < hits.document.size <= MOST_ROWS:
        return None
    row, column = np.nonzero(hits.document >= 0)
    columns = [
        pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(names, type=pa.string()))
        for codes, names in ((row, hits.item_id), (hits.document[row, column], hits.names))
    ]
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(dict(zip(_COLUMNS, columns, strict=True))),
        buffer,
        compression="zstd",
        write_statistics=False,
        store_schema=False,
        row_group_size=MOST_ROWS,
        dictionary_pagesize_limit=LARGEST_DICTIONARY,
    )
    content = buffer.getvalue()
    write_inside(folder, name_hits(cell_id), content)
    return hashlib.sha256(content).hexdigest()


def load_hits(folder: Path, row: CellResult) -> Hits | None:
    """Read a finished cell's hits back; ``None`` where its row says that none were kept.

    Raises:
        ResultsError: The file is missing, differs from the checksum in the ledger, or is no table of hits.
    """
    if row.hits_sha256 is None:
        return None
    name = name_hits(row.cell_id)
    path = folder / name
    content = read_checked(folder, name, row.hits_sha256, "hits")
    table = read_table(path, content, _COLUMNS, {}, expanded=False).unify_dictionaries().combine_chunks()
    (item, items), (document, names) = (
        (column.indices.to_numpy(), np.array(column.dictionary.to_pylist(), dtype=object))
        for column in (table.column(name).chunk(0) if table.num_rows else _NOTHING for name in _COLUMNS)
    )
    return _arrange(path, item, items, document, names)


_NOTHING = pa.DictionaryArray.from_arrays(pa.array([], pa.int32()), pa.array([], pa.string()))


def _arrange(path: Path, item: np.ndarray, items: np.ndarray, document: np.ndarray, names: np.ndarray) -> Hits:
    """Lay the rows of each query, which follow each other, into one row of codes."""
    starts = np.flatnonzero(np.diff(item, prepend=-1))
    lengths = np.diff(np.append(starts, len(item)))
    if len(np.unique(item[starts])) != len(starts) or (len(lengths) and lengths.max() > MOST_HITS):
        raise ResultsError(f"{path}: holds more than {MOST_HITS} hits of a query, or a query's in two places.")
    if 4 * len(starts) * max(map(len, items), default=0) > MOST_EXPANDED:
        raise ResultsError(f"{path}: column item_id would take too many bytes in memory.")
    codes = np.full((len(starts), int(lengths.max()) if len(lengths) else 0), -1, dtype=np.int32)
    codes[np.repeat(np.arange(len(starts)), lengths), np.arange(len(item)) - np.repeat(starts, lengths)] = document
    ordered = np.sort(codes, axis=1)
    if np.any((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)):
        raise ResultsError(f"{path}: holds a document twice among one query's hits.")
    return Hits(np.array(items[item[starts]], dtype=np.str_), codes, names)
