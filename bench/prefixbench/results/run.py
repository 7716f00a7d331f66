"""A run folder: what was asked for, the ledger, the item tables, and the frames made of them."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from prefixbench.errors import ResultsError
from prefixbench.faults import list_faults
from prefixbench.items.hits import Hits
from prefixbench.items.table import ItemTable
from prefixbench.results.bulk import pause_collection
from prefixbench.results.guard import read_inside, write_inside
from prefixbench.results.hits import load_hits
from prefixbench.results.items import load_items
from prefixbench.results.ledger import Row, read_rows
from prefixbench.results.live import Attempt, LiveRows, PlannedCell, sort_rows
from prefixbench.results.records import SCHEMA_VERSION, CellFailure, CellResult, EndpointRecord, ProbeRecord
from prefixbench.results.texts import TextKey, read_document_texts, read_item_texts
from prefixbench.spec.sweep import SweepSpec

MANIFEST = "run.json"

MIXING_FIELDS = ("limit", "seed", "encoder.dtype", "encoder.max_seq_length", "custom", "smallest_effect")
"""Settings that every cell of one folder shares; models, tasks and conditions may be added later, and so may names of
tables (own prefixes, metrics)."""

FRAME_FIELDS = (
    *("model", "task", "task_type", "hf_subset", "hf_split", "main_score", "score", "n_items", "cell_id"),
    *("model_revision", "dataset_revision"),
)
"""Fields of a finished cell that its frame shows as they are."""

SHOWN_MISSING = 3
"""Missing cells that a sentence names."""


def _read_planned(value: object) -> object:
    return {"cell_id": value} if isinstance(value, str) else value


class Manifest(BaseModel):
    """``run.json``: what this folder is, and every cell it is meant to hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = "prefixbench"
    schema_version: int = SCHEMA_VERSION
    spec: SweepSpec
    planned: tuple[Annotated[PlannedCell, BeforeValidator(_read_planned)], ...] = ()
    command: str = ""


@dataclass(frozen=True, repr=False)
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
    def _sorted(self) -> LiveRows:
        return sort_rows(self.manifest.planned, [row for row in self.rows if isinstance(row, Attempt)])

    @cached_property
    def _by_id(self) -> dict[str, Attempt]:
        return {row.cell_id: row for row in reversed(self.live)}

    @property
    def live(self) -> tuple[Attempt, ...]:
        """The rows that count, scored or not: at most one a model, place and condition."""
        return self._sorted.live

    @cached_property
    def results(self) -> tuple[CellResult, ...]:
        """Finished cells that count."""
        return tuple(row for row in self.live if isinstance(row, CellResult))

    @cached_property
    def failures(self) -> tuple[CellFailure, ...]:
        """Cells that count and have no score."""
        return tuple(row for row in self.live if isinstance(row, CellFailure))

    @property
    def outdated(self) -> tuple[CellResult, ...]:
        """Scores that other weights, data or versions than the latest gave; they count no more."""
        return self._sorted.outdated

    @property
    def history(self) -> tuple[Attempt, ...]:
        """Rows that a later attempt or a later plan replaced."""
        return self._sorted.history

    @property
    def missing(self) -> tuple[PlannedCell, ...]:
        """Planned cells that have no row which counts: not computed yet, lost, or outdated."""
        return self._sorted.missing

    @property
    def complete(self) -> bool:
        """Whether every planned cell has a row that counts."""
        return not self.missing

    @cached_property
    def probes(self) -> tuple[ProbeRecord, ...]:
        """The worked examples, one a model, task type and condition."""
        latest = {(row.model, row.task_type, row.condition): row for row in self.rows if isinstance(row, ProbeRecord)}
        return tuple(latest.values())

    @cached_property
    def endpoints(self) -> tuple[EndpointRecord, ...]:
        """What the latest sweep found of each endpoint it called."""
        return tuple({row.model: row for row in self.rows if isinstance(row, EndpointRecord)}.values())

    def describe_missing(self) -> str:
        """Return one sentence on planned cells without a row that counts; empty where there are none."""
        if not self.missing:
            return ""
        named = "; ".join(cell.describe() for cell in self.missing[:SHOWN_MISSING])
        more = f"; and {len(self.missing) - SHOWN_MISSING} more" if len(self.missing) > SHOWN_MISSING else ""
        old = ""
        if self.outdated:
            old = f", {len(self.outdated)} of them scored with other weights, data or versions than the latest"
        return (
            f"{self.name}: {len(self.missing)} of {len(self.manifest.planned)} planned cells have no score that counts"
            f"{old} ({named}{more}); run the sweep again."
        )

    def describe_history(self) -> list[str]:
        """Return one line for each row that counts no more: replaced ones first, then outdated scores."""
        lines = []
        for row in (*self.history, *self.outdated):
            outcome = row.status if isinstance(row, CellFailure) else f"{row.main_score} {row.score:.4f}"
            lines.append(
                f"replaced: {row.model} · {row.task} ({row.hf_subset}) · {' = '.join(row.conditions)}: {outcome}, "
                f"{row.provenance.utc}, cell {row.cell_id}"
            )
        return lines

    def items(self, cell_id: str) -> ItemTable:
        """Return the per-item scores of one finished cell.

        Raises:
            ResultsError: The file is missing or damaged, or its values do not rebuild the cell's score.
        """
        return load_items(self.path, self._find_result(cell_id))

    def hits(self, cell_id: str) -> Hits | None:
        """Return the best documents of each query of one finished cell; ``None`` where none were kept.

        Raises:
            ResultsError: The file is missing or damaged.
        """
        return load_hits(self.path, self._find_result(cell_id))

    def _find_result(self, cell_id: str) -> CellResult:
        row = self._by_id.get(cell_id)
        if not isinstance(row, CellResult):
            reason = f": {row.reason}" if row is not None else "; it is not among those that count."
            raise ResultsError(f"{self.path}: cell {cell_id} has no scores{reason}")
        return row

    def item_texts(self) -> dict[TextKey, str]:
        """Texts of items by (task, hf_subset, item_id), where the data's licence lets results carry them."""
        return read_item_texts(self.path)

    def document_texts(self) -> dict[TextKey, str]:
        """How first hits begin by (task, hf_subset, document id), where the data's licence lets results carry them."""
        return read_document_texts(self.path)

    def frame(self) -> pd.DataFrame:
        """One row a finished cell and condition name: who, what, and the main score."""
        rows = [
            {
                "condition": condition,
                "query_prefix": row.pair.query.prefix,
                "document_prefix": row.pair.document.prefix,
                **{name: getattr(row, name) for name in FRAME_FIELDS},
            }
            for row in self.results
            for condition in row.conditions
        ]
        columns = ("model", "condition", *FRAME_FIELDS[1:], "query_prefix", "document_prefix")
        return pd.DataFrame(rows, columns=list(columns))

    def describe(self) -> str:
        """Return one line: what the folder holds, and what it lacks."""
        models = len({row.model for row in self.results})
        tasks = len({(row.task, row.hf_subset) for row in self.results})
        parts = [f"{models} models", f"{tasks} tasks", f"{len(self.results)} cells scored"]
        counts = {
            "skipped": sum(row.status == "skipped" for row in self.failures),
            "inert": sum(row.status == "inert" for row in self.failures),
            "failed": sum(row.status == "failed" for row in self.failures),
            "missing": len(self.missing),
            "replaced": len(self.history) + len(self.outdated),
        }
        return ", ".join(parts + [f"{n} {word}" for word, n in counts.items() if n])

    def __repr__(self) -> str:
        return f"<Run {str(self.path)!r}: {self.describe()}>"

    def _repr_html_(self) -> str:
        head = f"<p><b>{html.escape(self.name)}</b>: {html.escape(self.describe())}</p>"
        frame = self.frame()
        if frame.empty:
            return head
        table = frame.pivot_table(
            index=["task", "hf_subset", "hf_split"], columns=["model", "condition"], values="score", sort=False
        )
        return head + str(table.to_html(float_format="{:.4f}".format, na_rep="", max_cols=24, max_rows=60))


@pause_collection()
def load_run(path: Path | str) -> Run:
    """Read a results folder.

    Raises:
        ResultsError: The folder does not exist, is none of ours, is damaged, or is of a newer schema.
    """
    folder = Path(path)
    return Run(folder, load_manifest(folder), tuple(read_rows(folder)))


def load_manifest(folder: Path) -> Manifest:
    """Read ``run.json``.

    Raises:
        ResultsError: There is none, or none of ours.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise ResultsError(f"{folder}: no such results folder.")
    encoded = read_inside(folder, MANIFEST)
    if encoded is None:
        raise ResultsError(f"{folder}: not a results folder of prefixbench (it has no run.json).")
    try:
        content = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}).") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or content.get("tool") != "prefixbench":
        raise ResultsError(f"{path}: not a results folder of prefixbench.")
    if version > SCHEMA_VERSION:
        raise ResultsError(
            f"{path}: schema_version is {version}, this version reads up to {SCHEMA_VERSION}; upgrade prefixbench."
        )
    try:
        return Manifest.model_validate_json(encoded)
    except ValidationError as error:
        raise ResultsError(f"{path}: {list_faults(error, Manifest)[0].write()}") from None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish ``run.json``."""
    write_inside(folder, MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
