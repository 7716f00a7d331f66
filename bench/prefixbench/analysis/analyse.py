"""A run in, frames out."""

from __future__ import annotations

import functools
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits

from prefixbench.analysis.blocks import Place, RunLike
from prefixbench.analysis.columns import CONTRASTS, MODELS, MOVERS, REFUSALS, TASKS, TYPES, build_frame
from prefixbench.analysis.columns_explored import DRIFT
from prefixbench.analysis.contrasts import Findings, compare_block
from prefixbench.analysis.drift import describe_drift
from prefixbench.analysis.families import (
    decide_tasks,
    describe_contrasts,
    describe_tasks,
    describe_types,
    gather_tasks,
)
from prefixbench.analysis.lines import describe_models, find_training
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.names import PRIMARY, SIDES, format_contrast
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.redraw import MORE, find_close_places
from prefixbench.analysis.resampled import resample_block
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.errors import AnalysisError, ResultsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from prefixbench.analysis.blocks import Block
    from prefixbench.results.records import CellFailure

One = TypeVar("One")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Analysis:
    """What a run says; the columns of each frame stand in `prefixbench.analysis.columns`.

    Attributes:
        settings: What it was told.
        contrasts: One row a model × task × subset × split × contrast.
        tasks: One row a model × task × contrast, subsets and splits averaged: where the verdicts of headlines stand.
        types: One row a model × task type × contrast: the mean over the type's tasks.
        models: One line a model.
        movers: The items that moved most.
        refusals: Contrasts that were not made, and why; those of an inert lever are made, and say so.
        drift: What a threshold kept from ``none`` does to pairs; its columns stand in `columns_explored`.
    """

    settings: AnalysisSettings
    contrasts: pd.DataFrame
    tasks: pd.DataFrame
    types: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame
    drift: pd.DataFrame


def analyse(run: RunLike, settings: AnalysisSettings | None = None) -> Analysis:
    """Make every contrast of a run, decide it within its family, and say what it comes to.

    Nothing raises for bad data: what cannot be compared is a row of ``refusals``, and the rest stands.
    """
    settings = settings or AnalysisSettings()
    drift = functools.partial(describe_drift, settings=settings)
    findings = Findings()
    blocks = _pair_all(run, settings, findings)
    found = _compare_all(blocks, settings)
    tasks = gather_tasks(contrast for own in found.values() for contrast in own.contrasts)
    decided = decide_tasks(tasks)
    close = find_close_places(tasks, decided, blocks, settings.n_resamples)
    if close:
        more = replace(settings, n_resamples=MORE * settings.n_resamples)
        found |= _compare_all([block for block in blocks if block.place in close], more)
        tasks = gather_tasks(contrast for own in found.values() for contrast in own.contrasts)
        decided = decide_tasks(tasks)
    for own in found.values():
        findings.add(own)
    _note_missing(run, findings)
    of_tasks, of_types = describe_tasks(tasks, decided), describe_types(tasks)
    of_models = describe_models(tasks, of_tasks, of_types, find_training(run.results), settings)
    return Analysis(
        settings=settings,
        contrasts=build_frame(describe_contrasts(findings.contrasts, tasks, decided), CONTRASTS),
        tasks=build_frame(of_tasks, TASKS),
        types=build_frame(of_types, TYPES),
        models=build_frame(of_models, MODELS),
        movers=build_frame(findings.movers, MOVERS),
        refusals=build_frame(findings.refusals, REFUSALS),
        drift=build_frame([row for rows in _spread_out(drift, blocks) for row in rows], DRIFT),
    )


def _pair_all(run: RunLike, settings: AnalysisSettings, findings: Findings) -> list[Block]:
    def pair(place: Place) -> Block | str:
        try:
            block = choose_metric(pair_cells(run, place, places[place]), settings.metric)
            return replace(block, inert=inert.get(place, {}))
        except (AnalysisError, ResultsError) as error:
            return str(error)

    places, inert = group_by_place(run), _find_inert(run)
    paired = dict(zip(places, _spread_out(pair, places), strict=True))
    findings.refusals += [_refuse(place, "all", told) for place, told in paired.items() if isinstance(told, str)]
    return [block for block in paired.values() if not isinstance(block, str)]


def _find_inert(run: RunLike) -> dict[Place, dict[str, CellFailure]]:
    """By place and condition, the cells whose lever was shown to move nothing."""
    found: dict[Place, dict[str, CellFailure]] = defaultdict(dict)
    for row in run.failures:
        if row.status == "inert":
            found[Place.of(row)] |= dict.fromkeys(row.conditions, row)
    return found


def _compare_all(blocks: list[Block], settings: AnalysisSettings) -> dict[Place, Findings]:
    """Compare block by block."""

    def compare(block: Block) -> Findings:
        return compare_block(block, resample_block(block, settings.n_resamples, settings.seed), settings)

    return dict(zip((block.place for block in blocks), _spread_out(compare, blocks), strict=True))


def _spread_out(compute: Callable[[One], Result], over: Iterable[One]) -> list[Result]:
    """Compute on every core; numpy and Parquet leave the interpreter free, and no number hangs on the order."""
    # One thread of linear algebra for each thread of ours; more only get in each other's way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_count_cores()) as threads:
        return list(threads.map(compute, over))


def _count_cores() -> int:
    """Cores this process may use, which not every system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _note_missing(run: RunLike, findings: Findings) -> None:
    """A contrast fixed before the run, one of whose conditions has no score, is named with the reason."""
    present = {(Place.of(cell), name) for cell in run.results for name in cell.conditions}
    scored = {place for place, _ in present}
    missing = {(Place.of(row), name): row for row in run.failures for name in row.conditions}
    for (place, name), row in missing.items():
        if row.status == "inert":
            if place not in scored:  # elsewhere its contrasts are rows of their own
                findings.refusals.append(_refuse(place, "all", f"{name} is inert: {row.reason}"))
            continue
        for pair in (PRIMARY, *SIDES):
            other = pair[1] if pair[0] == name else pair[0]
            if name in pair and (place, other) in present and (place, name) not in present:
                reason = f"{name} was {row.status}: {row.reason}"
                findings.refusals.append(_refuse(place, format_contrast(pair), reason))


def _refuse(place: Place, contrast: str, reason: str) -> dict[str, Any]:
    return {
        "model": place.model,
        "task": place.task,
        "hf_subset": place.hf_subset,
        "hf_split": place.hf_split,
        "contrast": contrast,
        "reason": reason,
    }
