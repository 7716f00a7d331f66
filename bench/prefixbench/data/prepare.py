"""Data as given to tables as tasks read them: checked once, kept in the cache by content, mapped into memory after."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefixbench.data.faults import Faults
from prefixbench.data.fill import Filled, fill_corpus, fill_query_pairs, fill_rows
from prefixbench.data.layout_files import Folder, list_files
from prefixbench.data.location import locate_data
from prefixbench.data.parts import Table, guess_table
from prefixbench.data.records import read_rows
from prefixbench.files import choose_cache_error, default_cache_folder
from prefixbench.spec.sweep import DataSpec

DATA_FOLDER, MADE = "data", "made.json"
"""In the cache folder; each data set has a folder there, with the file that says what was made."""

FORMAT = 2
"""Part of the key; raised whenever the same data would be read otherwise."""

FEWEST_ITEMS = 10
"""Fewer items than this cannot be compared."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Data that were read, checked and kept.

    Attributes:
        folder: Holds ``NAME.arrow`` for each of ``rows``.
        task_type: What mteb calls the task they make.
        columns: The column that was taken for each part.
        sha256: Digest of what was read, whatever format it came in.
        rows: Number of rows of each table.
        extra: What else the task must know: ``has_titles``, ``scores``.
    """

    folder: Path
    task_type: str
    columns: dict[str, str]
    sha256: str
    rows: dict[str, int]
    extra: dict[str, Any]


def prepare_data(spec: DataSpec, cache: Path | None = None) -> Prepared:
    """Read and check data, or find what was made of the same bytes before.

    Args:
        spec: Where they are and what was said of them.
        cache: The cache folder, in which tables are kept; the user's where absent.

    Raises:
        SpecError: They cannot be read, fit no layout, or are faulty; every fault at once.
        CacheError: The tables cannot be written.
    """
    folder = list_files(locate_data(spec.path), spec.path, spec.split)
    table = None if folder.corpus else _guess(spec, folder)
    place = (cache or default_cache_folder()).expanduser() / DATA_FOLDER / _key(table, folder, spec.split)
    with contextlib.suppress(OSError, ValueError, TypeError):
        found = Prepared(place, **json.loads((place / MADE).read_text(encoding="utf-8")))
        os.utime(place / MADE)  # what was used lately is not pruned
        return found
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=place.parent))
    except OSError as error:
        kind = choose_cache_error(error)
        raise kind(f"{place.parent}: no tables of {spec.path} can be kept here ({error.strerror}).") from error
    try:
        facts = _read(table, folder, made)
        (made / MADE).write_text(json.dumps(facts), encoding="utf-8")
        with contextlib.suppress(OSError):  # somebody else made the same in the meantime
            made.replace(place)
    except OSError as error:  # files of the user's that cannot be read are faults of the data
        kind = choose_cache_error(error)
        raise kind(f"{place.parent}: the tables of {spec.path} cannot be written ({error.strerror}).") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Prepared(place, **facts)


def _key(table: Table | None, folder: Folder, split: str | None) -> str:
    """Digest of the files' bytes and of what they are taken for; their place, and who said so, do not count."""
    told = None if table is None else [table.layout.task_type, dict(table.columns)]
    names = [split, *((one.path.name, one.split) for one in folder.sources)]
    digest = hashlib.sha256(json.dumps([FORMAT, told, names], sort_keys=True).encode())
    for source in folder.sources:
        with source.path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def _read(table: Table | None, folder: Folder, made: Path) -> dict[str, Any]:
    faults = Faults()
    filled = Filled(made)
    if table is None:
        task_type, columns = "Retrieval", {}
        fill_corpus(filled, folder, faults)
    else:
        task_type, columns = table.layout.task_type, dict(table.columns)
        fill = fill_query_pairs if "query" in columns else fill_rows
        fill(filled, folder, table, faults)
    faults.raise_any()
    _check(task_type, filled, folder.sources[0].name, faults)
    faults.raise_any()
    identity = json.dumps([task_type, sorted(filled.digests.items())])
    return {
        "task_type": task_type,
        "columns": columns,
        "sha256": hashlib.sha256(identity.encode()).hexdigest(),
        "rows": filled.rows,
        "extra": filled.extra,
    }


def _guess(spec: DataSpec, folder: Folder) -> Table:
    """Tell from the first row what the table is.

    Raises:
        SpecError: There is no row that can be read, or it fits no layout.
    """
    source, faults = folder.tables[0], Faults()
    first = next(read_rows(source.path, source.name, faults), None)
    if first is None:
        faults.add(source.name, 0, "holds no rows")
        faults.raise_any()
    assert first is not None
    row = first[1]
    table = guess_table(spec, list(row), source.name)
    if (
        spec.type is None
        and table.layout.task_type == "Classification"
        and isinstance(row[table.columns["label"]], list)
    ):
        table = guess_table(spec.model_copy(update={"type": "MultilabelClassification"}), list(row), source.name)
    return table


def _check(task_type: str, filled: Filled, source: str, faults: Faults) -> None:
    """Look at the tables as a whole; what is wrong with single rows was told before."""
    if task_type in ("Retrieval", "Reranking"):
        n_items = len(set(read_column(filled.folder, "qrels", "query")))
        kind = "queries with a judged document"
    else:
        n_items, kind = filled.rows.get("test", 0), "rows to evaluate"
    if n_items < FEWEST_ITEMS:
        faults.add(source, 0, f"has {n_items} {kind}; {FEWEST_ITEMS} are the fewest that can be compared")
    column = CLASSES.get(task_type)
    if column is None or not n_items:
        return
    tested = Counter(_flatten(read_column(filled.folder, "test", column)))
    if len(tested) < 2:
        faults.add(source, 0, f"has {next(iter(tested))!r} in every row to evaluate; there must be two to tell apart")
    if "Classification" in task_type and task_type != "PairClassification":
        trained = set(_flatten(read_column(filled.folder, "train", column))) if "train" in filled.rows else set()
        if untrained := sorted(str(one) for one in tested.keys() - trained):
            faults.add(
                source,
                0,
                f"has labels that no text trains: {', '.join(untrained[:5])}{' …' if untrained[5:] else ''}; "
                "every label needs a text to train on and another to evaluate",
                len(untrained),
            )


CLASSES = {
    "STS": "score",
    "PairClassification": "labels",
    "Clustering": "labels",
    "Classification": "label",
    "MultilabelClassification": "label",
}
"""The column that must hold more than one value."""


def _flatten(values: list[Any]) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


def read_column(folder: Path, table: str, column: str) -> list[Any]:
    """Return one column of a kept table."""
    with pa.memory_map(str(folder / f"{table}.arrow")) as file:
        return list(pa.ipc.open_stream(file).read_all()[column].to_pylist())
