"""The sweep: embed what is missing, score beside it, write each cell the moment it is finished."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from prefixbench.errors import PrefixbenchError, ScoreError
from prefixbench.plan.cell import Cell
from prefixbench.plan.expand import Plan, Resolver
from prefixbench.plan.place import Place
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.records import ProbeRecord
from prefixbench.results.texts import add_item_texts
from prefixbench.run.jobs import ScoredCell, list_place_texts, score_stored_cell
from prefixbench.run.lanes import Lanes
from prefixbench.run.mteb_results import write_model_meta, write_task_result
from prefixbench.run.probes import ProbeKey, compute_probes
from prefixbench.run.progress import Progress
from prefixbench.run.provenance import collect_provenance
from prefixbench.run.rows import describe_error, make_failure, make_result, make_unplanned
from prefixbench.run.session import EncodedCell, ModelSession, open_session
from prefixbench.run.texts import PlaceTexts, remember_texts
from prefixbench.spec.conditions import BASELINE, PrefixPair
from prefixbench.spec.sweep import ModelSpec
from prefixbench.vectors import STORE_FOLDER

RECOVERABLE = (PrefixbenchError, OSError, ValueError, RuntimeError, KeyError, TypeError, MemoryError, ArithmeticError)
"""What one cell may raise without stopping the rest; anything else is a fault of this program."""


@dataclass
class Sweep:
    """One run of a plan into an open folder.

    Attributes:
        plan: What is to be done.
        pending: Ids of the cells that have no row yet, or are to be computed again.
        folder: The results folder, open and held.
        cache: The folder of the embedding store.
        lanes: Where scoring runs.
        find_folder: The folder with a model's files, if they are on this machine.
        resolver: Names the strings of the worked example.
        probes: Worked examples that the ledger has.
        progress: Who is told.
        warnings: Deviations recorded with every cell.
    """

    plan: Plan
    pending: set[str]
    folder: Path
    cache: Path
    lanes: Lanes
    find_folder: Callable[[ModelSpec], Path | None]
    resolver: Resolver
    probes: Mapping[ProbeKey, ProbeRecord]
    progress: Progress
    warnings: tuple[str, ...] = ()
    n_failed: int = 0
    seconds_encode: float = 0.0
    _listed: dict[Place, Future[PlaceTexts]] = field(default_factory=dict)
    _scoring: dict[Future[ScoredCell], tuple[Cell, EncodedCell]] = field(default_factory=dict)
    _kept: set[tuple[str, str, str]] = field(default_factory=set)

    def run(self) -> None:
        """Do every pending cell; the ledger has a row for each when this returns."""
        self._write_unplanned()
        by_model: dict[ModelSpec, list[Cell]] = defaultdict(list)
        for cell in self.plan.cells:
            if cell.cell_id in self.pending:
                by_model[cell.model].append(cell)
        for cells in by_model.values():
            for place in dict.fromkeys(Place.of(cell) for cell in cells):
                self._list_texts(place)
        for model, cells in by_model.items():
            self._run_model(model, cells)
        while self._scoring:
            self._collect(wait=True)

    def _write_unplanned(self) -> None:
        provenance = collect_provenance("none", self.warnings)
        for cell in self.plan.unplanned:
            if cell.cell_id in self.pending:
                append_row(self.folder, make_unplanned(cell, provenance))
                self.n_failed += cell.status == "failed"
                self.progress.cell_finished(f"{cell.model.name} {cell.task.name} {cell.condition}", cell.status)

    def _list_texts(self, place: Place) -> Future[PlaceTexts]:
        if place not in self._listed:
            self._listed[place] = self.lanes.submit(place.facts.name, list_place_texts, place)
        return self._listed[place]

    def _run_model(self, model: ModelSpec, cells: list[Cell]) -> None:
        try:
            folder = self.find_folder(model)
            session = open_session(model, cells[0].settings, folder, self.cache, self.progress)
        except RECOVERABLE as error:
            for cell in cells:
                self._fail(cell, error, "none")
            return
        for place in dict.fromkeys(Place.of(cell) for cell in cells):
            for cell in (cell for cell in cells if Place.of(cell) == place):
                self._encode(session, place, cell)
                self._collect(wait=False)
        self._write_probes(model, session)

    def _write_probes(self, model: ModelSpec, session: ModelSession) -> None:
        try:
            for row in compute_probes(self.plan, model, session, self.resolver, self.probes):
                append_row(self.folder, row)
        except RECOVERABLE as error:
            self.progress.say(f"{model.name}: the worked example was left out: {describe_error(error)}")

    def _encode(self, session: ModelSession, place: Place, cell: Cell) -> None:
        try:
            texts = self._list_texts(place).result()
            self._keep_texts(place, texts)
            remember_texts(self.cache, place, texts.manifest)
            encoded = session.encode_cell(cell, texts)
            self.seconds_encode += encoded.cost.seconds_encode
        except (*RECOVERABLE, BrokenProcessPool) as error:
            self._fail(cell, error, session.known.device)
            return
        baseline = self._baseline_pair(cell)
        future = self.lanes.submit(
            place.facts.name,
            score_stored_cell,
            encoded.cell,
            place,
            (encoded.known.identity, encoded.known.dim),
            self.cache / STORE_FOLDER,
            None if baseline is None else session.known.sent_pair(baseline, symmetric=not cell.task.has_roles),
        )
        self._scoring[future] = (cell, encoded)

    def _baseline_pair(self, cell: Cell) -> PrefixPair | None:
        return next(
            (
                other.pair
                for other in self.plan.cells
                if BASELINE in other.conditions and other.model == cell.model and Place.of(other) == Place.of(cell)
            ),
            None,
        )

    def _keep_texts(self, place: Place, texts: PlaceTexts) -> None:
        key = (place.facts.name, place.hf_subset, place.hf_split)
        if key not in self._kept:
            self._kept.add(key)
            add_item_texts(self.folder, place.facts.name, place.hf_subset, texts.item_texts)

    def _collect(self, wait: bool) -> None:
        for future in self._finished(wait):
            cell, encoded = self._scoring.pop(future)
            try:
                scored = future.result()
                self._write(cell, encoded, scored)
            except BrokenProcessPool:
                died = ScoreError(
                    "the scoring process died, most likely for want of memory; run again with --workers 0."
                )
                self._fail(cell, died, encoded.known.device)
            except RECOVERABLE as error:
                self._fail(cell, error, encoded.known.device)

    def _finished(self, wait: bool) -> Iterator[Future[ScoredCell]]:
        if wait and self._scoring:
            next(iter(self._scoring)).exception()
        yield from [future for future in self._scoring if future.done()]

    def _write(self, cell: Cell, encoded: EncodedCell, scored: ScoredCell) -> None:
        """Publish the files of a cell, then its row: the row is what makes it done."""
        sha256 = write_items(self.folder, cell.cell_id, scored.items)
        write_task_result(self.folder, scored.result_path, scored.task_result)
        write_model_meta(self.folder, scored.result_path, scored.model_meta)
        provenance = collect_provenance(encoded.known.device, self.warnings)
        append_row(self.folder, make_result(cell, encoded, scored, sha256, provenance))
        self.progress.cell_finished(label_of(cell), f"score {scored.score:.4f}")

    def _fail(self, cell: Cell, error: BaseException, device: str) -> None:
        row = make_failure(cell, error, collect_provenance(device, self.warnings))
        append_row(self.folder, row)
        self.n_failed += row.status == "failed"
        self.progress.cell_finished(label_of(cell), f"{row.status}: {row.reason}")


def label_of(cell: Cell) -> str:
    """The cell as a person names it."""
    subset = "" if cell.hf_subset == "default" else f":{cell.hf_subset}"
    names = " = ".join(str(condition) for condition in cell.conditions)
    return f"{cell.model.name} · {cell.task.name}{subset} · {names}"
