"""``prefixbench plan``: every cell, the exact strings, what is cached, and what a sweep would cost."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from prefixbench.files import default_cache_folder, read_memo
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.estimate import estimate_texts
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.results import load_run
from prefixbench.run.folder import find_pending
from prefixbench.run.known import recall_model
from prefixbench.run.margins import describe_doubts, doubt_margins, name_unused
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.texts import RoleTexts, recall_texts
from prefixbench.spec.conditions import Role, Side
from prefixbench.spec.sweep import ModelSpec, Overwrite, SweepSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.keys import Namespace, keys_from_digests

RATES_FILE = "rates.json"
"""Texts and cells a second of the last sweep on this machine, by model."""


@dataclass(frozen=True, slots=True)
class CellPreview:
    """One cell before it is run.

    Attributes:
        cell: What would be computed.
        done: Whether the results folder has its score.
        n_texts: Distinct texts it sends; ``None`` where its data were never read on this machine.
        n_cached: How many of their vectors are stored; ``None`` where that cannot be known yet.
        n_estimated: Texts by mteb's descriptive statistics, for data never read on this machine.
    """

    cell: Cell
    done: bool
    n_texts: int | None
    n_cached: int | None
    n_estimated: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A sweep before it is run.

    Attributes:
        cells: In the order they would be computed.
        unplanned: What cannot be run, with reasons.
        n_to_embed: Distinct (prefix, text) pairs without a stored vector, each counted once for all cells.
        n_unknown: Cells whose data were never read on this machine.
        seconds: Estimate from the last sweep's rates here; ``None`` where there was none.
        warnings: Sentences on margins that can hardly be shown, or that no task uses.
    """

    cells: tuple[CellPreview, ...]
    unplanned: tuple[UnplannedCell, ...]
    n_to_embed: int
    n_unknown: int
    seconds: float | None
    warnings: tuple[str, ...] = ()


def preview_sweep(spec: SweepSpec, folder: Path, cache: Path | None) -> Preview:
    """Look at a sweep without loading a model or data."""
    cache = cache or default_cache_folder()
    plan, _ = make_plan(spec, functools.partial(find_local_folder, cache=cache))
    done = _done_ids(plan, folder)
    counter = _VectorCounter(cache)
    cells = []
    for cell in plan.cells:
        n_texts, n_cached = counter.count(cell)
        estimated = estimate_texts(Place.of(cell)) if n_texts is None else None
        cells.append(CellPreview(cell, cell.cell_id in done, n_texts, n_cached, estimated))
    pending = [one for one in cells if not one.done]
    to_embed = counter.count_missing([one.cell for one in pending])
    unknown = sum(one.n_texts is None for one in pending)
    seconds = None if unknown else _estimate(cache, to_embed, len(pending))
    planned = [one.cell for one in cells]
    warnings = describe_doubts(doubt_margins(spec, planned, folder, cache)), name_unused(spec, planned)
    return Preview(tuple(cells), plan.unplanned, to_embed, unknown, seconds, tuple(filter(None, warnings)))


def _done_ids(plan: Plan, folder: Path) -> set[str]:
    if not (folder / "run.json").exists():
        return set()
    return set(plan.cell_ids) - find_pending(plan, load_run(folder), Overwrite.ONLY_MISSING)


def _estimate(cache: Path, n_texts: int, n_cells: int) -> float | None:
    rates = read_memo(cache / RATES_FILE)
    if not rates.get("texts_per_second"):
        return None
    return float(n_texts / rates["texts_per_second"] + n_cells * rates.get("seconds_per_cell", 0.0))


class _VectorCounter:
    """Counts texts and stored vectors of cells, by what former runs remembered."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._store = VectorStore.open(cache / STORE_FOLDER) if (cache / STORE_FOLDER).is_dir() else None
        self._found: dict[tuple[ModelSpec, Place, Role | None, Side], tuple[int, set[bytes] | None]] = {}

    def count(self, cell: Cell) -> tuple[int | None, int | None]:
        """Distinct texts of a cell, and how many of them have a stored vector."""
        asked = self._ask(cell)
        if asked is None:
            return None, None
        n_texts = sum(n for n, _ in asked)
        if any(missing is None for _, missing in asked):
            return n_texts, None
        return n_texts, n_texts - sum(len(missing or ()) for _, missing in asked)

    def count_missing(self, cells: list[Cell]) -> int:
        """Vectors that all these cells together lack, each counted once."""
        missing: dict[str, set[bytes]] = defaultdict(set)
        unnamed = 0
        for cell in cells:
            for n_texts, keys in self._ask(cell) or []:
                if keys is None:
                    unnamed += n_texts
                else:
                    missing[cell.model.name] |= keys
        return unnamed + sum(len(keys) for keys in missing.values())

    def _ask(self, cell: Cell) -> list[tuple[int, set[bytes] | None]] | None:
        place = Place.of(cell)
        remembered = recall_texts(self._cache, place)
        if remembered is None:
            return None
        return [
            self._ask_side(cell, place, role, texts, cell.pair.side_for(role))
            for role, texts in remembered.by_role.items()
        ]

    def _ask_side(
        self, cell: Cell, place: Place, role: Role | None, texts: RoleTexts, side: Side
    ) -> tuple[int, set[bytes] | None]:
        wanted = (cell.model, place, role, side)
        if wanted not in self._found:
            digests, titles = texts.request(side.title_slot)
            known = recall_model(cell.model, cell.settings, find_local_folder(cell.model, self._cache), self._cache)
            missing: set[bytes] | None = None
            if known is not None and self._store is not None:
                sent = known.sent_side(side, role)
                keys = keys_from_digests(Namespace.of(known.identity, sent), sent, digests, titles)
                missing = {key.tobytes() for key in keys[~self._store.contains_many(keys)]}
            self._found[wanted] = (len(digests), missing)
        return self._found[wanted]


def describe_preview(preview: Preview) -> dict[str, object]:
    """The preview as one JSON document."""
    return {
        "cells": [
            {
                "cell_id": one.cell.cell_id,
                "model": one.cell.model.name,
                "revision": one.cell.model.revision,
                "conditions": [str(condition) for condition in one.cell.conditions],
                "task": one.cell.task.name,
                "hf_subset": one.cell.hf_subset,
                "hf_split": one.cell.hf_split,
                "query": asdict(one.cell.pair.query),
                "document": asdict(one.cell.pair.document),
                "sources": [asdict(source) for source in one.cell.sources],
                "done": one.done,
                "texts": one.n_texts,
                "cached": one.n_cached,
                "texts_estimated": one.n_estimated,
            }
            for one in preview.cells
        ],
        "unplanned": [
            {
                "model": cell.model.name,
                "condition": str(cell.condition),
                "task": cell.task.name,
                "hf_subset": cell.hf_subset,
                "hf_split": cell.hf_split,
                "status": cell.status,
                "reason": cell.reason,
            }
            for cell in preview.unplanned
        ],
        "texts_to_embed": preview.n_to_embed,
        "cells_of_unread_data": preview.n_unknown,
        "seconds": preview.seconds,
        "warnings": list(preview.warnings),
    }
