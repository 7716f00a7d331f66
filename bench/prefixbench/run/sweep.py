"""The sweep: which stage of which cell comes next, and one row for each cell the moment it is finished."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import BudgetError, LostVectorsError
from prefixbench.plan.cell import Cell
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.plan.resolver import Resolver
from prefixbench.results.ledger import append_row
from prefixbench.results.records import EndpointRecord, ProbeRecord
from prefixbench.results.texts import add_document_texts, add_item_texts
from prefixbench.run.executor import Executor, Failure, Job, Worker
from prefixbench.run.probes import ProbeKey, list_probed
from prefixbench.run.progress import Progress
from prefixbench.run.provenance import collect_provenance
from prefixbench.run.record import record_cell, record_failure
from prefixbench.run.rows import make_unplanned
from prefixbench.run.session import EncodedCell
from prefixbench.run.stages import (
    ScoredCell,
    describe_endpoint,
    encode_cell,
    list_place_texts,
    name_model,
    name_task,
    probe_model,
    score_stored_cell,
)
from prefixbench.run.texts import PlaceTexts, remember_texts
from prefixbench.run.work import Work, label_of, list_work, name_vectors
from prefixbench.spec.sweep import EncoderSettings, ModelSpec

MOST_BEGINNINGS = 3
"""How often a cell is encoded whose vectors are lost before it is scored, until that counts as its failure."""


@dataclass
class Sweep:
    """One run of a plan into an open folder.

    Only so many places are at work at a time as keep the executor's workers busy, in the order of the plan. The next
    model begins when all texts of the one before are at the encoder, so that none is loaded twice.

    Attributes:
        plan: What is to be done.
        pending: Ids of the cells that have no row yet, or are to be computed again.
        folder: The results folder, open and held.
        cache: The folder of the embedding store.
        executor: Where the stages run.
        resolver: Names the strings of the worked example.
        probes: Worked examples that the ledger has.
        progress: Who is told.
        warnings: Deviations recorded with every cell.
        n_failed: Cells without a score for another reason than a rule.
        stopped: Why cells were left for another time, if any were.
    """

    plan: Plan
    pending: set[str]
    folder: Path
    cache: Path
    executor: Executor
    resolver: Resolver
    probes: Collection[ProbeKey]
    progress: Progress
    warnings: tuple[str, ...] = ()
    n_failed: int = 0
    stopped: str | None = None
    seconds_encode: float = 0.0
    _ahead: deque[Work] = field(default_factory=deque)
    _open: set[Work] = field(default_factory=set)
    _listing: set[Work] = field(default_factory=set)
    _places_of_model: Counter[ModelSpec] = field(default_factory=Counter)
    _places_of_task: Counter[str] = field(default_factory=Counter)
    _beginnings: Counter[str] = field(default_factory=Counter)
    _device: dict[ModelSpec, str] = field(default_factory=dict)
    _kept: set[tuple[str, str, str]] = field(default_factory=set)
    _quoted: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def run(self) -> None:
        """Do every pending cell; the ledger has a row for each when this returns, but for those out of budget.

        Raises:
            ResultsError: The results folder cannot be written to.
        """
        self._record_unplanned()
        self._ahead = deque(list_work(self.plan, self.pending))
        self._places_of_model = Counter(work.model for work in self._ahead)
        self._places_of_task = Counter(name_task(work.place) for work in self._ahead)
        self._begin_places()
        try:
            self.executor.run()
        finally:
            for work in self._open:
                work.discard_texts()

    def _record_unplanned(self) -> None:
        provenance = collect_provenance("none", self.warnings)
        for cell in self.plan.unplanned:
            if cell.cell_id in self.pending:
                append_row(self.folder, make_unplanned(cell, provenance))
                self.n_failed += cell.status == "failed"
                self.progress.cell_finished(f"{cell.model.name} {cell.task.name} {cell.condition}", cell.status)

    def _begin_places(self) -> None:
        while self._ahead and len(self._open) <= self.executor.n_scorers:
            work = self._ahead[0]
            if any(other.model != work.model for other in self._listing):
                return
            self._begin(self._ahead.popleft())

    def _begin(self, work: Work) -> None:
        self._open.add(work)
        self._listing.add(work)
        job = Job(list_place_texts, (work.place, self.cache), Worker.SCORER, name_task(work.place))
        self.executor.submit(job, partial(self._encode, work))

    def _encode(self, work: Work, texts: PlaceTexts | Failure) -> None:
        self._listing.remove(work)
        work.n_to_record = len(work.cells)
        if isinstance(texts, Failure):
            for cell in work.cells:
                self._fail(work, cell, texts)
            self._finish_encoding(work)
            return
        work.texts, work.samples = texts, texts.samples
        self._keep_texts(work.place, texts)
        remember_texts(self.cache, work.place, texts.manifest)
        keeps = name_model(work.model, work.cells[0].settings)
        cells = list(work.cells)
        if work.baseline is not None and work.baseline not in cells:
            cells.insert(0, work.baseline)  # its vectors may have been pruned since it was scored
        work.held = None if work.baseline is None else []
        work.n_to_encode = len(cells)
        for cell in cells:
            job = Job(encode_cell, (cell, texts, self.cache), Worker.ENCODER, keeps, makes=name_vectors(cell))
            self.executor.submit(job, partial(self._score, work, cell))
        self._begin_places()

    def _keep_texts(self, place: Place, texts: PlaceTexts) -> None:
        key = (place.facts.name, place.hf_subset, place.hf_split)
        if key not in self._kept:
            self._kept.add(key)
            add_item_texts(self.folder, place.facts.name, place.hf_subset, texts.item_texts)

    def _quote(self, place: Place, quoted: Mapping[str, str]) -> None:
        """Keep how first hits begin; most conditions find what others found."""
        known = self._quoted.setdefault((place.facts.name, place.hf_subset), set())
        if quoted.keys() - known:
            known |= quoted.keys()
            add_document_texts(self.folder, place.facts.name, place.hf_subset, quoted)

    def _score(self, work: Work, cell: Cell, encoded: EncodedCell | Failure) -> None:
        if isinstance(encoded, EncodedCell):
            self._device[work.model] = encoded.known.device
            self.seconds_encode += encoded.cost.seconds_encode
            work.has_baseline |= cell is work.baseline
        if cell.cell_id not in self.pending:
            pass  # a baseline scored before
        elif isinstance(encoded, Failure) and encoded.error == BudgetError.__name__:
            self._leave(work, cell, encoded)
        elif isinstance(encoded, Failure):
            self._fail(work, cell, encoded)
        else:
            known, baseline = encoded.known, work.baseline
            arguments = (
                encoded.cell,
                work.place,
                known,
                self.cache,
                None if baseline is None else known.sent_pair(baseline.pair, symmetric=not cell.task.has_roles),
                work.samples,
            )
            # What is needed is known once the baseline's vectors are there, or known not to come.
            submit = partial(self._submit_scoring, work, cell, encoded, arguments)
            if work.held is None or cell is work.baseline:
                submit()
            else:
                work.held.append(submit)
        if cell is work.baseline and work.held is not None:
            held, work.held = work.held, None
            for release in held:
                release()
        work.n_to_encode -= 1
        if not work.n_to_encode:
            self._finish_encoding(work)

    def _submit_scoring(self, work: Work, cell: Cell, encoded: EncodedCell, arguments: tuple[object, ...]) -> None:
        needs = work.list_needed(cell)
        job = Job(score_stored_cell, arguments, Worker.SCORER, name_task(work.place), needs=needs)
        self.executor.submit(job, partial(self._record, work, cell, encoded))

    def _finish_encoding(self, work: Work) -> None:
        """After a model's last place comes its worked example; then it is no longer needed."""
        work.discard_texts()
        self._places_of_model[work.model] -= 1
        if self._places_of_model[work.model]:
            return
        settings = work.cells[0].settings
        keeps = name_model(work.model, settings)
        probed = list_probed(self.plan.spec, work.model, self.resolver, self.probes)
        if not probed or work.model not in self._device:
            self._describe_endpoint(work.model, settings)
            return
        job = Job(probe_model, (work.model, settings, probed, self.cache), Worker.ENCODER, keeps)
        self.executor.submit(job, partial(self._record_probes, work.model, settings))

    def _record_probes(
        self, model: ModelSpec, settings: EncoderSettings, rows: tuple[ProbeRecord, ...] | Failure
    ) -> None:
        if isinstance(rows, Failure):
            self.progress.say(f"{model.name}: the worked example was left out: {rows.reason}")
        else:
            for row in rows:
                append_row(self.folder, row)
        self._describe_endpoint(model, settings)

    def _describe_endpoint(self, model: ModelSpec, settings: EncoderSettings) -> None:
        """What the probes found of a model that is called is kept; then the model is no longer needed."""
        keeps = name_model(model, settings)
        if EndpointSettings.of(model) is None:
            self.executor.release(keeps)
            return
        job = Job(describe_endpoint, (model, settings, self.cache), Worker.ENCODER, keeps)
        self.executor.submit(job, partial(self._record_endpoint, keeps))

    def _record_endpoint(self, keeps: str, row: EndpointRecord | Failure | None) -> None:
        self.executor.release(keeps)
        if isinstance(row, EndpointRecord):  # one that cannot be called is told of by every cell
            append_row(self.folder, row)

    def _record(self, work: Work, cell: Cell, encoded: EncodedCell, scored: ScoredCell | Failure) -> None:
        if not isinstance(scored, Failure):
            self._quote(work.place, scored.quoted)
            failure = record_cell(self.folder, cell, encoded, scored, self.warnings)
            if failure is None:
                self.progress.cell_finished(label_of(cell), f"score {scored.score:.4f}")
                self._finish_cell(work)
                return
            scored = failure
        if scored.error == LostVectorsError.__name__ and self._begin_again(work, cell):
            return
        self._fail(work, cell, scored)

    def _begin_again(self, work: Work, cell: Cell) -> bool:
        """Encode a cell once more whose vectors were lost; says whether it is worth another try."""
        self._beginnings[cell.cell_id] += 1
        if self._beginnings[cell.cell_id] >= MOST_BEGINNINGS:
            return False
        self._places_of_model[work.model] += 1
        self._places_of_task[name_task(work.place)] += 1
        self._begin(Work(work.model, work.place, [cell], work.baseline))
        self._finish_cell(work)
        return True

    def _fail(self, work: Work, cell: Cell, failure: Failure) -> None:
        status = record_failure(self.folder, cell, failure, self._device.get(work.model, "none"), self.warnings)
        self.n_failed += status == "failed"
        self.progress.cell_finished(label_of(cell), f"{status}: {failure.reason}")
        self._finish_cell(work)

    def _leave(self, work: Work, cell: Cell, failure: Failure) -> None:
        """Without a row the cell is still to be done when the sweep goes on."""
        self.stopped = failure.reason
        self.progress.cell_finished(label_of(cell), failure.reason)
        self._finish_cell(work)

    def _finish_cell(self, work: Work) -> None:
        work.n_to_record -= 1
        if work.n_to_record:
            return
        self._open.remove(work)
        for name in work.list_made() - {name for other in self._open for name in other.list_made()}:
            self.executor.release(name)
        task = name_task(work.place)
        self._places_of_task[task] -= 1
        if not self._places_of_task[task]:
            self.executor.release(task)
        self._begin_places()
