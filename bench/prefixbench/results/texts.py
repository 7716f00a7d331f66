"""Texts of items and of their first hits, of data whose licence lets a copy be passed on: one file for all sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from prefixbench.errors import ResultsError
from prefixbench.results.guard import read_inside, write_inside
from prefixbench.results.items import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEXTS = "texts.parquet"
TextKey: TypeAlias = tuple[str, str, str]
"""(task, hf_subset, item_id); of a document its id."""

_COLUMNS = {name: pa.string() for name in ("task", "hf_subset", "item_id", "text")}
_OPTIONAL = {"is_document": pa.bool_()}
"""Whether the text is a document's; where the column is missing, none is."""


def read_item_texts(folder: Path) -> dict[TextKey, str]:
    """Return the texts of items that a results folder holds; none where it holds none.

    Raises:
        ResultsError: The file is damaged, foreign, or too large to be taken in.
    """
    return _read(folder)[False]


def read_document_texts(folder: Path) -> dict[TextKey, str]:
    """Return how the first hits begin that a results folder quotes; raises as `read_item_texts`."""
    return _read(folder)[True]


def _read(folder: Path) -> dict[bool, dict[TextKey, str]]:
    """Texts of items under ``False``, of documents under ``True``."""
    texts: dict[bool, dict[TextKey, str]] = {False: {}, True: {}}
    content = read_inside(folder, TEXTS)
    if content is None:
        return texts
    table = read_table(folder / TEXTS, content, _COLUMNS, _OPTIONAL)
    columns = [table.column(name).to_pylist() for name in _COLUMNS]
    of_documents = table.column("is_document").to_pylist() if "is_document" in table.column_names else None
    for row, (task, hf_subset, item_id, text) in enumerate(zip(*columns, strict=True)):
        texts[of_documents is not None and of_documents[row]][task, hf_subset, item_id] = text
    return texts


def add_item_texts(folder: Path, task: str, hf_subset: str, texts: Mapping[str, str]) -> None:
    """Add the texts of one task's subset; all others stay.

    Args:
        folder: The results folder, held for writing.
        task: mteb's task name.
        hf_subset: Its subset.
        texts: By item id, which is written as the item tables write it whatever its type.
    """
    _add(folder, task, hf_subset, texts, is_document=False)


def add_document_texts(folder: Path, task: str, hf_subset: str, texts: Mapping[str, str]) -> None:
    """Add how documents of one task's subset begin, by their ids; else as `add_item_texts`."""
    _add(folder, task, hf_subset, texts, is_document=True)


def _add(folder: Path, task: str, hf_subset: str, texts: Mapping[str, str], *, is_document: bool) -> None:
    try:
        known = _read(folder)
    except ResultsError:
        known = {False: {}, True: {}}  # damaged; every sweep brings its tasks' texts again
    new = {(task, hf_subset, str(item)): text.encode(errors="replace").decode() for item, text in texts.items()}
    if not new or new.items() <= known[is_document].items():
        return
    known[is_document] |= new
    rows = [(*key, text, kind) for kind, own in known.items() for key, text in sorted(own.items())]
    schema = pa.schema({**_COLUMNS, **_OPTIONAL})
    table = pa.table(dict(zip(schema.names, map(list, zip(*rows, strict=True)), strict=True)), schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    write_inside(folder, TEXTS, sink.getvalue().to_pybytes())
