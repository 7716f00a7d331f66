"""The stages of a cell as plain functions of frozen values; any process that has this package can run them.

    list_place_texts   a place's data      -> its texts, and what they are
    encode_cell        texts of one model  -> vectors in the store, and proof of what was sent
    score_stored_cell  stored vectors      -> scores, by mteb's own evaluation
    record_cell        what came of it     -> one row (``prefixbench.run.record``, where the results folder is held)

What is dear to load (a task's data, a model) stays in the process for the next call, until ``forget`` is called.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.encode.cached import StoredEmbedder
from prefixbench.endpoints.meter import Meter
from prefixbench.errors import PrefixbenchError
from prefixbench.items.hits import Hits
from prefixbench.items.table import ItemTable
from prefixbench.plan.cell import Cell
from prefixbench.plan.place import Place
from prefixbench.results.records import EndpointRecord, GeometrySummary, ProbeRecord
from prefixbench.run.executor import Kept
from prefixbench.run.loading import load_task
from prefixbench.run.planning import find_local_folder
from prefixbench.run.probes import ProbedCondition, compute_probes
from prefixbench.run.progress import Progress
from prefixbench.run.served import describe_served
from prefixbench.run.session import EncodedCell, ModelSession, open_session
from prefixbench.run.space import compare_with_baseline, sample_distinct
from prefixbench.run.texts import PlaceTexts
from prefixbench.score import (
    MtebEncoder,
    TextManifest,
    TextPart,
    add_facts,
    dataset_digest,
    describe_items,
    embed_part,
    item_texts,
    limit_task,
    list_texts,
    quote_documents,
    score_cell,
)
from prefixbench.score.facts import Facts
from prefixbench.spec.conditions import PrefixPair
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.embedder import KnownModel
from prefixbench.vectors.mapped_texts import HELD_FOLDER

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask
    from mteb.models.model_meta import ModelMeta

MOST_TASKS = 2
"""Tasks whose data one process keeps: the one whose cells are scored, and the one that is read for the encoder."""

FREE_LICENSES = ("cc0", "cc-by-4.0", "cc-by-3.0", "cc-by-2.0", "mit", "apache", "bsd")


@dataclass
class _TaskData:
    """A task with its data, cut to the sweep's limit, and the texts of the place last asked for."""

    task: AbsTask
    listed: dict[Place, TextManifest] = field(default_factory=dict)
    described: dict[Place, Facts] = field(default_factory=dict)

    def list_texts(self, place: Place, folder: Path | None) -> TextManifest:
        if place in self.listed:
            return self.listed[place]
        manifest = list_texts(self.task, place.hf_split, place.hf_subset, folder)
        # Who asked deletes the file of a large corpus.
        self.listed = {} if manifest.is_held else {place: manifest}
        return manifest

    def describe_items(self, place: Place) -> Facts:
        if place not in self.described:
            self.described = {place: describe_items(self.task, place.hf_split, place.hf_subset)}
        return self.described[place]


_tasks: Kept[_TaskData] = Kept(MOST_TASKS)
_models: Kept[ModelSession] = Kept(1, ModelSession.close)
_refusals: dict[str, PrefixbenchError] = {}
_reporter = [Progress()]
_meter = [Meter()]
_before_loading: list[Callable[[], None]] = []


def report_to(progress: Progress) -> None:
    """Tell this reporter, from now on, of the texts that this process embeds."""
    _reporter[0] = progress


def spend_from(meter: Meter) -> None:
    """Book on this meter, from now on, what this process spends at endpoints."""
    _meter[0] = meter


def before_loading(call: Callable[[], None]) -> None:
    """Call this once, as soon as this process is about to load a model."""
    _before_loading[:] = [call]


def _make_room() -> None:
    while _before_loading:
        _before_loading.pop()()


def forget(name: str) -> None:
    """Give back what is kept under this name: the data of a task, or a model."""
    if name in _tasks or name in _models:
        _tasks.drop(name)
        _models.drop(name)
        gc.collect()
    _refusals.pop(name, None)


def name_task(place: Place) -> str:
    """The name under which a place's task is kept."""
    return f"task {place.facts.name}"


def name_model(model: ModelSpec, settings: EncoderSettings) -> str:
    """The name under which a model is kept."""
    return f"model {model.model_dump_json()} {settings.model_dump_json()}"


def list_place_texts(place: Place, cache: Path | None = None) -> PlaceTexts:
    """Load the place's data and find out what it asks for, without any model.

    Args:
        place: What is scored.
        cache: The cache folder, where tables of own data are kept, and a large corpus may be held in a file until its
            manifest is discarded.

    Raises:
        HubUnreachableError: The data are not at hand and the hub does not answer.
        ScoreError: The data are not what the task expects.
    """
    data = _load(place, cache)
    manifest = data.list_texts(place, None if cache is None else cache / HELD_FOLDER)
    return PlaceTexts(
        manifest=manifest,
        dataset_sha256=digest_data(place, cache),
        item_texts=item_texts(data.task, place.hf_split, place.hf_subset) if _may_be_copied(place) else {},
        samples=tuple(
            sample_distinct([part for part in manifest.parts if part.role == role], np.random.default_rng(place.seed))
            for role in dict.fromkeys(part.role for part in manifest.parts)
        ),
    )


def _may_be_copied(place: Place) -> bool:
    """Whether the licence of a place's data lets results carry texts."""
    return (place.facts.license or "").startswith(FREE_LICENSES)


def digest_data(place: Place, cache: Path | None = None) -> str:
    """Content hash of a place's data; raises as ``list_place_texts``."""
    return dataset_digest(_load(place, cache).task, place.hf_split, place.hf_subset)


@functools.lru_cache(maxsize=1)
def _open_store(folder: Path) -> VectorStore:
    return VectorStore.open(folder)


def _load(place: Place, cache: Path | None) -> _TaskData:
    def load() -> _TaskData:
        task = load_task(place.facts, cache)
        return _TaskData(task if place.limit is None else limit_task(task, place.limit, place.seed))

    return _tasks.get(name_task(place), load)


def encode_cell(cell: Cell, texts: PlaceTexts, cache: Path) -> EncodedCell:
    """Embed what the store does not hold of a cell's texts, and prove what was sent.

    Raises:
        AuditError: What reached the model is not what was planned.
        PrefixbenchError: The model cannot be loaded, or cannot embed a text.
    """
    return _open_model(cell.model, cell.settings, cache).encode_cell(cell, texts)


def probe_model(
    model: ModelSpec, settings: EncoderSettings, conditions: tuple[ProbedCondition, ...], cache: Path
) -> tuple[ProbeRecord, ...]:
    """Embed the worked example under each of these conditions."""
    return compute_probes(_open_model(model, settings, cache), conditions)


def describe_endpoint(model: ModelSpec, settings: EncoderSettings, cache: Path) -> EndpointRecord | None:
    """What the probes found of a model that is called; ``None`` for one that is loaded."""
    remote = _open_model(model, settings, cache).remote
    return None if remote is None else describe_served(model.name, remote)


def _open_model(model: ModelSpec, settings: EncoderSettings, cache: Path) -> ModelSession:
    """The model as a session; one that could not be loaded is not tried again for every cell."""
    name = name_model(model, settings)
    if name in _refusals:
        raise _refusals[name]
    try:
        return _models.get(
            name,
            lambda: open_session(
                model, settings, find_local_folder(model, cache), cache, _reporter[0], _meter[0], _make_room
            ),
        )
    except PrefixbenchError as error:
        _refusals[name] = error.with_traceback(None)
        raise


@dataclass(frozen=True, slots=True)
class ScoredCell:
    """What comes back from a worker.

    Attributes:
        score: mteb's main score.
        scores: Every scalar mteb reports.
        items: The per-item scores.
        hits: The best documents of each query, where items are queries.
        quoted: How the first of them begin, by id; empty where the data's licence forbids a copy.
        task_result: mteb's own result, as the JSON it saves.
        result_path: Where ``mteb.ResultCache`` looks for it, below its folder.
        model_meta: The model as mteb describes it, the condition among its ``experiment_kwargs``.
        geometry: What the prefix does to the space, for each role.
        seconds: Wall-clock time.
    """

    score: float
    scores: dict[str, float]
    items: ItemTable
    hits: Hits | None
    quoted: dict[str, str]
    task_result: dict[str, Any]
    result_path: str
    model_meta: dict[str, Any]
    geometry: tuple[GeometrySummary, ...]
    seconds: float


def score_stored_cell(
    cell: Cell,
    place: Place,
    known: KnownModel,
    cache: Path,
    baseline: PrefixPair | None,
    samples: tuple[TextPart, ...] = (),
) -> ScoredCell:
    """Score one cell from vectors that are all in the store, with mteb's own evaluation.

    Args:
        cell: What is scored.
        place: Its data.
        known: Whose vectors.
        cache: The cache folder, with the embedding store in it.
        baseline: What ``none`` sends, for the geometry; ``None`` where ``none`` was not run.
        samples: Texts of each role that the geometry is computed on.

    Raises:
        ScoreError: mteb's score cannot be rebuilt from the items.
    """
    began = time.monotonic()
    stored = StoredEmbedder(known.identity, known.dim, _open_store(cache / STORE_FOLDER))

    prefixes = hashlib.blake2b(repr(cell.pair).encode(), digest_size=4).hexdigest()
    encoder = MtebEncoder(
        functools.partial(embed_part, stored.embed, cell.pair),
        cell.model.name,
        known.identity.revision,
        {"condition": str(cell.conditions[0]), "prefixes": prefixes},
        similarity_fn_name=known.similarity,
    )
    data = _load(place, cache)
    scored = score_cell(data.task, encoder, cell.hf_split, cell.hf_subset)
    return ScoredCell(
        score=scored.score,
        scores=scored.scores,
        items=add_facts(scored.items, data.describe_items(place)),
        hits=scored.hits,
        quoted=_quote_hits(data.task, place, scored.hits),
        task_result=scored.result.model_dump(mode="json"),
        result_path=_result_path(encoder.mteb_model_meta, cell.task.name),
        model_meta=encoder.mteb_model_meta.to_dict(),
        geometry=compare_with_baseline(cell, samples, stored, baseline),
        seconds=time.monotonic() - began,
    )


def _quote_hits(task: AbsTask, place: Place, hits: Hits | None) -> dict[str, str]:
    if hits is None or not _may_be_copied(place):
        return {}
    return quote_documents(task, place.hf_split, place.hf_subset, set(hits.name_first().values()))


def _result_path(meta: ModelMeta, task_name: str) -> str:
    """Where ``mteb.ResultCache`` looks for a result, below its own folder."""
    from mteb.cache import ResultCache

    return ResultCache(Path("/")).get_task_result_path(task_name, meta).relative_to("/").as_posix()
