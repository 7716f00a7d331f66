"""A run folder: what was asked for, the ledger, the item tables, and the frames made of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from prefixbench.errors import ResultsError
from prefixbench.files import write_bytes
from prefixbench.items.table import ItemTable
from prefixbench.results.items import load_items
from prefixbench.results.ledger import Row, append_row, read_rows
from prefixbench.results.records import SCHEMA_VERSION, CellFailure, CellResult, ProbeRecord
from prefixbench.spec.sweep import SweepSpec

TextKey = tuple[str, str, str]
"""(task, hf_subset, item_id)."""

LEDGER, TEXTS = "ledger.jsonl", "texts.parquet"

MIXING_FIELDS = ("limit", "seed", "encoder.dtype", "encoder.max_seq_length", "custom")
"""Settings that every cell of one folder shares; models, tasks and conditions may be added later."""


class Manifest(BaseModel):
    """``run.json``: what this folder is, and every cell it is meant to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = "prefixbench"
    schema_version: int = SCHEMA_VERSION
    spec: SweepSpec
    planned: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class Run:
    """A results folder, read once.

    Attributes:
        path: The folder.
        manifest: What was asked for.
        rows: Every record of the ledger, in the order written.
    """

    path: Path
    manifest: Manifest
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def spec(self) -> SweepSpec:
        """The sweep this folder holds."""
        return self.manifest.spec

    @cached_property
    def _latest(self) -> dict[str, CellResult | CellFailure]:
        return {row.cell_id: row for row in self.rows if not isinstance(row, ProbeRecord)}

    @cached_property
    def results(self) -> tuple[CellResult, ...]:
        """Finished cells; a cell computed again counts once, as last computed."""
        return tuple(row for row in self._latest.values() if isinstance(row, CellResult))

    @cached_property
    def failures(self) -> tuple[CellFailure, ...]:
        """Cells whose last attempt gave no score."""
        return tuple(row for row in self._latest.values() if isinstance(row, CellFailure))

    @cached_property
    def probes(self) -> tuple[ProbeRecord, ...]:
        """The worked examples, one a model, task type and condition."""
        latest = {(row.model, row.task_type, row.condition): row for row in self.rows if isinstance(row, ProbeRecord)}
        return tuple(latest.values())

    @property
    def complete(self) -> bool:
        """Whether every planned cell has a row."""
        return set(self.manifest.planned) <= self._latest.keys()

    def items(self, cell_id: str) -> ItemTable:
        """Per-item scores of one finished cell."""
        row = self._latest[cell_id]
        if not isinstance(row, CellResult):
            raise ResultsError(f"{self.path}: cell {cell_id} has no scores: {row.reason}")
        return load_items(items_path(self.path, cell_id), row.items_sha256)

    def item_texts(self) -> dict[TextKey, str]:
        """Texts of items by (task, hf_subset, item_id), where the data's licence lets results carry them."""
        path = self.path / TEXTS
        if not path.exists():
            return {}
        table = pq.read_table(path).to_pydict()
        keys = zip(table["task"], table["hf_subset"], table["item_id"], strict=True)
        return dict(zip(keys, table["text"], strict=True))

    def frame(self) -> pd.DataFrame:
        """One row a finished cell and condition name: who, what, and the main score."""
        return pd.DataFrame(
            [
                {
                    "model": row.model,
                    "condition": condition,
                    "task": row.task,
                    "task_type": row.task_type,
                    "hf_subset": row.hf_subset,
                    "hf_split": row.hf_split,
                    "main_score": row.main_score,
                    "score": row.score,
                    "n_items": row.n_items,
                    "cell_id": row.cell_id,
                    "model_revision": row.model_revision,
                    "dataset_revision": row.dataset_revision,
                    "query_prefix": row.pair.query.prefix,
                    "document_prefix": row.pair.document.prefix,
                }
                for row in self.results
                for condition in row.conditions
            ]
        )


def items_path(folder: Path, cell_id: str) -> Path:
    """Where a cell's per-item scores stand."""
    return folder / "items" / f"{cell_id}.parquet"


def load_run(path: Path | str) -> Run:
    """Read a results folder.

    Raises:
        ResultsError: The folder does not exist, is none of ours, or is of a newer schema.
    """
    folder = Path(path)
    return Run(folder, load_manifest(folder), tuple(read_rows(folder / LEDGER)))


def load_manifest(folder: Path) -> Manifest:
    """Read ``run.json``."""
    path = folder / "run.json"
    if not folder.is_dir():
        raise ResultsError(f"{folder}: no such results folder.")
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ResultsError(f"{folder}: not a results folder of prefixbench (it has no run.json).") from None
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}).") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int) or content.get("tool") != "prefixbench":
        raise ResultsError(f"{path}: not a results folder of prefixbench.")
    if version > SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: schema_version is {version}, this version reads up to {SCHEMA_VERSION}; upgrade prefixbench."
        )
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        fault = error.errors()[0]
        raise ResultsError(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}.") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish ``run.json``."""
    write_bytes(folder / "run.json", manifest.model_dump_json(indent=1).encode() + b"\n")


def write_row(folder: Path, row: Row) -> None:
    """Append one record to the folder's ledger."""
    append_row(folder / LEDGER, row)


def write_item_texts(folder: Path, texts: dict[TextKey, str]) -> None:
    """Publish the texts of items."""
    keys = sorted(texts)
    columns = {name: [key[index] for key in keys] for index, name in enumerate(("task", "hf_subset", "item_id"))}
    columns["text"] = [texts[key] for key in keys]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    write_bytes(folder / TEXTS, sink.getvalue().to_pybytes())
