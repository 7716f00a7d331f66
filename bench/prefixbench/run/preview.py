"""``prefixbench plan``: every cell, the exact strings, what is cached, and what a sweep would cost."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from prefixbench.data import describe_data
from prefixbench.files import default_cache_folder, read_memo
from prefixbench.results import load_run
from prefixbench.run.folder import find_pending
from prefixbench.run.hub_names import check_names
from prefixbench.run.margins import describe_doubts, doubt_margins, name_unused
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.preview_counts import Counts, Missing, TextCounter
from prefixbench.spec.sweep import Overwrite

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.plan.cell import Cell, UnplannedCell
    from prefixbench.plan.expand import Plan
    from prefixbench.spec.sweep import ModelSpec, SweepSpec

RATES_FILE = "rates.json"
"""Texts and cells a second of the last sweep on this machine, by model."""

CHARACTERS_A_TOKEN = 4
"""A rule of thumb for English; what a text really takes, only its tokenizer tells."""


@dataclass(frozen=True, slots=True)
class CellPreview:
    """One cell before it is run.

    Attributes:
        cell: What would be computed.
        done: Whether the results folder has its score.
        counts: Its texts.
    """

    cell: Cell
    done: bool
    counts: Counts


@dataclass(frozen=True, slots=True)
class ModelPreview:
    """What one model still has to do.

    Attributes:
        model: The model.
        n_cells: Its cells.
        n_done: Those whose score is there.
        missing: What the others lack.
    """

    model: ModelSpec
    n_cells: int
    n_done: int
    missing: Missing

    @property
    def n_to_embed(self) -> int:
        """Distinct (prefix, text) pairs without a stored vector, those of unread data by estimate."""
        return self.missing.read.n_texts + self.missing.unread.n_texts

    @property
    def is_known(self) -> bool:
        """Whether there is a number for every cell: read here, or described by mteb."""
        return not self.missing.n_uncounted

    @property
    def n_tokens(self) -> int:
        """Tokens of those pairs, at ``CHARACTERS_A_TOKEN``."""
        return round((self.missing.read.n_characters + self.missing.unread.n_characters) / CHARACTERS_A_TOKEN)

    @property
    def cost(self) -> float | None:
        """Money for these tokens; ``None`` where the model has no price."""
        price = self.model.price_per_million_tokens
        return None if price is None else price * self.n_tokens / 1e6


@dataclass(frozen=True, slots=True)
class Preview:
    """A sweep before it is run.

    Attributes:
        spec: What was asked for.
        folder: Where its results would go.
        cells: In the order they would be computed.
        unplanned: What cannot be run, with reasons.
        models: What each model has to do, in the spec's order.
        unchecked: Models nobody here knows, of which no hub could be asked whether they exist.
        seconds: Estimate from the last sweep's rates here; ``None`` where there was none.
        warnings: Sentences on margins that can hardly be shown, or that no task uses.
        data: What own data were taken for.
    """

    spec: SweepSpec
    folder: Path
    cells: tuple[CellPreview, ...]
    unplanned: tuple[UnplannedCell, ...]
    models: tuple[ModelPreview, ...]
    unchecked: tuple[str, ...]
    seconds: float | None
    warnings: tuple[str, ...] = ()
    data: tuple[str, ...] = ()

    @property
    def n_to_embed(self) -> int:
        """Distinct (prefix, text) pairs of read data without a stored vector, each counted once for all cells."""
        return sum(one.missing.read.n_texts for one in self.models)

    @property
    def n_unread(self) -> int:
        """Cells to compute whose data were never read on this machine."""
        return sum(one.missing.n_unread for one in self.models)


def preview_sweep(spec: SweepSpec, folder: Path, cache: Path | None) -> Preview:
    """Look at a sweep without loading a model or data, and without calling an endpoint.

    Raises:
        SpecError: Anything that cannot be run, such as a model that the hub does not have; all at once.
    """
    cache = cache or default_cache_folder()
    plan, _ = make_plan(spec, functools.partial(find_local_folder, cache=cache), cache)
    unchecked = check_names(spec.models, cache)
    done = _done_ids(plan, folder)
    counter = TextCounter(cache)
    cells = tuple(CellPreview(cell, cell.cell_id in done, counter.count(cell)) for cell in plan.cells)
    models = tuple(_look_at_model(own, counter) for own in _group_by_model(cells))
    n_pending = sum(not one.done for one in cells)
    is_known = all(one.is_known for one in models)
    seconds = _estimate(cache, sum(one.n_to_embed for one in models), n_pending) if is_known else None
    planned = [one.cell for one in cells]
    warnings = describe_doubts(doubt_margins(spec, planned, folder, cache)), name_unused(spec, planned)
    own = tuple(describe_data(task, cache) for task in plan.tasks if task.origin.data is not None)
    return Preview(spec, folder, cells, plan.unplanned, models, unchecked, seconds, tuple(filter(None, warnings)), own)


def _group_by_model(cells: tuple[CellPreview, ...]) -> list[list[CellPreview]]:
    groups: dict[str, list[CellPreview]] = defaultdict(list)
    for one in cells:
        groups[one.cell.model.name].append(one)
    return list(groups.values())


def _look_at_model(cells: list[CellPreview], counter: TextCounter) -> ModelPreview:
    missing = counter.count_missing(one.cell for one in cells if not one.done)
    return ModelPreview(cells[0].cell.model, len(cells), sum(one.done for one in cells), missing)


def _done_ids(plan: Plan, folder: Path) -> set[str]:
    if not (folder / "run.json").exists():
        return set()
    return set(plan.cell_ids) - find_pending(plan, load_run(folder), Overwrite.ONLY_MISSING)


def _estimate(cache: Path, n_texts: int, n_cells: int) -> float | None:
    rates = read_memo(cache / RATES_FILE)
    if not rates.get("texts_per_second"):
        return None
    return float(n_texts / rates["texts_per_second"] + n_cells * rates.get("seconds_per_cell", 0.0))


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
                "texts": one.counts.n_texts,
                "cached": one.counts.n_cached,
                "texts_estimated": one.counts.n_estimated,
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
        "models": [
            {
                "model": one.model.name,
                "cells": one.n_cells,
                "done": one.n_done,
                "texts_to_embed": one.n_to_embed if one.is_known else None,
                "tokens_estimated": one.n_tokens if one.is_known else None,
                "cost_estimated": one.cost if one.is_known else None,
            }
            for one in preview.models
        ],
        "unchecked_models": list(preview.unchecked),
        "texts_to_embed": preview.n_to_embed,
        "cells_of_unread_data": preview.n_unread,
        "seconds": preview.seconds,
        "warnings": list(preview.warnings),
    }
