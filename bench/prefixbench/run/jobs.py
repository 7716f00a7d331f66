"""What a scoring worker does: tell which texts a task needs, and score one cell from stored vectors."""

from __future__ import annotations

import functools
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.encode.cached import StoredEmbedder
from prefixbench.errors import AuditError
from prefixbench.items.table import ItemTable
from prefixbench.plan.cell import Cell
from prefixbench.plan.place import Place
from prefixbench.results.records import GeometrySummary
from prefixbench.run.loading import load_task
from prefixbench.run.texts import PlaceTexts
from prefixbench.score import MtebEncoder, TextManifest, dataset_digest, item_texts, limit_task, list_texts, score_cell
from prefixbench.score.geometry import compute_geometry
from prefixbench.spec.conditions import PrefixPair, Role, Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors

if TYPE_CHECKING:
    from mteb.models.model_meta import ModelMeta


@dataclass(frozen=True, slots=True)
class ScoredCell:
    """What comes back from a worker.

    Attributes:
        score: mteb's main score.
        scores: Every scalar mteb reports.
        items: The per-item scores.
        task_result: mteb's own result, as the JSON it saves.
        result_path: Where ``mteb.ResultCache`` looks for it, below its folder.
        model_meta: The model as mteb describes it, the condition among its ``experiment_kwargs``.
        geometry: What the prefix does to the space, for each role.
        seconds: Wall-clock time.
    """

    score: float
    scores: dict[str, float]
    items: ItemTable
    task_result: dict[str, Any]
    result_path: str
    model_meta: dict[str, Any]
    geometry: tuple[GeometrySummary, ...]
    seconds: float


GEOMETRY_SAMPLE = 1000
"""Texts of each role that geometry is computed on; neighbours cost the square of it."""

FREE_LICENSES = ("cc0", "cc-by-4.0", "cc-by-3.0", "cc-by-2.0", "mit", "apache", "bsd")


@functools.cache
def _limited_task(place: Place) -> Any:  # noqa: ANN401 - mteb.AbsTask, imported late
    task = load_task(place.facts)
    return task if place.limit is None else limit_task(task, place.limit, place.seed)


@functools.lru_cache(maxsize=4)
def _manifest(place: Place) -> TextManifest:
    return list_texts(_limited_task(place), place.hf_split, place.hf_subset)


@functools.cache
def _open_store(folder: Path) -> VectorStore:
    return VectorStore.open(folder)


def list_place_texts(place: Place) -> PlaceTexts:
    """Load the place's data and find out what it asks for, without any model."""
    task = _limited_task(place)
    free = (place.facts.license or "").startswith(FREE_LICENSES)
    return PlaceTexts(
        manifest=_manifest(place),
        dataset_sha256=dataset_digest(task, place.hf_split, place.hf_subset),
        item_texts=item_texts(task, place.hf_split, place.hf_subset) if free else {},
    )


def score_stored_cell(
    cell: Cell, place: Place, model: tuple[EmbedderIdentity, int], store_folder: Path, baseline: PrefixPair | None
) -> ScoredCell:
    """Score one cell from vectors that are all in the store.

    Args:
        cell: What is scored.
        place: Its data.
        model: Whose vectors, and their length.
        store_folder: The embedding store.
        baseline: What ``none`` sends, for the geometry; ``None`` where ``none`` was not run.

    Raises:
        AuditError: The prefix changed no vector at all.
        ScoreError: mteb's score cannot be rebuilt from the items.
    """
    began = time.monotonic()
    identity, dim = model
    stored = StoredEmbedder(identity, dim, _open_store(store_folder))

    def embed(texts: Sequence[str], role: Role | None, titles: Sequence[str] | None) -> Vectors:
        return stored.embed(texts, cell.pair.side_for(role), titles)

    prefixes = hashlib.blake2b(repr(cell.pair).encode(), digest_size=4).hexdigest()
    encoder = MtebEncoder(
        embed,
        cell.model.name,
        identity.revision,
        {"condition": str(cell.conditions[0]), "prefixes": prefixes},
        title_slot=cell.pair.document.title_slot,
    )
    scored = score_cell(_limited_task(place), encoder, cell.hf_split, cell.hf_subset)
    return ScoredCell(
        score=scored.score,
        scores=scored.scores,
        items=scored.items,
        task_result=scored.result.model_dump(mode="json"),
        result_path=_result_path(encoder.mteb_model_meta, cell.task.name),
        model_meta=encoder.mteb_model_meta.to_dict(),
        geometry=_compare_with_baseline(cell, place, stored, baseline),
        seconds=time.monotonic() - began,
    )


def _result_path(meta: ModelMeta, task_name: str) -> str:
    """Where ``mteb.ResultCache`` looks for a result, below its own folder."""
    from mteb.cache import ResultCache

    return ResultCache(Path("/")).get_task_result_path(task_name, meta).relative_to("/").as_posix()


def _compare_with_baseline(
    cell: Cell, place: Place, stored: StoredEmbedder, baseline: PrefixPair | None
) -> tuple[GeometrySummary, ...]:
    """Geometry of each role that the condition changes, against the same texts under ``none``."""
    if baseline is None or baseline == cell.pair:
        return ()
    manifest = _manifest(place)
    rows: list[GeometrySummary] = []
    moved = False
    for role in dict.fromkeys(part.role for part in manifest.parts):
        side, bare = cell.pair.side_for(role), baseline.side_for(role)
        if side == bare:
            continue
        after, before = (
            _embed_sample(manifest, role, each, stored, np.random.default_rng(cell.seed)) for each in (side, bare)
        )
        moved = moved or not np.array_equal(after, before)
        summary = compute_geometry(after, before, role.value if role else "text", np.random.default_rng(cell.seed))
        if summary is not None:
            rows.append(summary)
    if not moved:
        raise AuditError(
            f"{cell.conditions[0]} sends other prefixes than none, but every vector is the same; "
            f"{cell.model.name} ignores what it is sent."
        )
    return tuple(rows)


def _embed_sample(
    manifest: TextManifest, role: Role | None, side: Side, stored: StoredEmbedder, rng: np.random.Generator
) -> Vectors:
    """Vectors of a seeded sample of the role's distinct texts; the same rows whatever the side."""
    asked: dict[str, tuple[str, str]] = {}
    for part in manifest.parts:
        if part.role == role:
            texts, titles = part.request(side.title_slot)
            asked |= dict(zip(part.texts, zip(texts, titles or [""] * len(texts), strict=True), strict=True))
    distinct = list(asked.values())
    picked = [distinct[index] for index in rng.permutation(len(distinct))[:GEOMETRY_SAMPLE]]
    titles_of_picked = [title for _, title in picked] if side.title_slot else None
    return stored.embed([text for text, _ in picked], side, titles_of_picked)
