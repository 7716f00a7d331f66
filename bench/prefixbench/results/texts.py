"""Texts of items, of data sets whose licence lets a copy be passed on: one file, to which every sweep adds."""

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
"""(task, hf_subset, item_id)."""

_COLUMNS = {name: pa.string() for name in ("task", "hf_subset", "item_id", "text")}


def read_item_texts(folder: Path) -> dict[TextKey, str]:
    """Return the texts a results folder holds; none where it holds none.

    Raises:
        ResultsError: The file is damaged, foreign, or too large to be taken in.
    """
    content = read_inside(folder, TEXTS)
    if content is None:
        return {}
    table = read_table(folder / TEXTS, content, _COLUMNS, {})
    task, hf_subset, item_id, text = (table.column(name).to_pylist() for name in _COLUMNS)
    return dict(zip(zip(task, hf_subset, item_id, strict=True), text, strict=True))


def add_item_texts(folder: Path, task: str, hf_subset: str, texts: Mapping[str, str]) -> None:
    """Add the texts of one task's subset; all others stay.

    Args:
        folder: The results folder, held for writing.
        task: mteb's task name.
        hf_subset: Its subset.
        texts: By item id, which is written as the item tables write it whatever its type.
    """
    try:
        known = read_item_texts(folder)
    except ResultsError:
        known = {}  # damaged; every sweep brings its tasks' texts again
    new = {(task, hf_subset, str(item)): text.encode(errors="replace").decode() for item, text in texts.items()}
    if not new or new.items() <= known.items():
        return
    rows = sorted({**known, **new}.items())
    columns = {name: [key[index] for key, _ in rows] for index, name in enumerate(("task", "hf_subset", "item_id"))}
    columns["text"] = [text for _, text in rows]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns, schema=pa.schema(_COLUMNS)), sink, compression="zstd")
    write_inside(folder, TEXTS, sink.getvalue().to_pybytes())
