"""A run in, frames out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.analysis.blocks import Place, RunLike
from prefixbench.analysis.columns import CONTRASTS, MODELS, MOVERS, REFUSALS, TASKS, TYPES, build_frame
from prefixbench.analysis.columns_explored import DRIFT, GAINS, RANKINGS
from prefixbench.analysis.contrasts import Findings
from prefixbench.analysis.families import (
    decide_tasks,
    describe_contrasts,
    describe_tasks,
    describe_types,
    gather_tasks,
)
from prefixbench.analysis.lines import describe_models, find_training
from prefixbench.analysis.measured import compare_again, measure_run, refuse
from prefixbench.analysis.names import PRIMARY, SIDES, format_contrast
from prefixbench.analysis.redraw import MORE, find_close_places
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.results.bulk import pause_collection

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from prefixbench.analysis.families import TaskContrast
    from prefixbench.analysis.measured import Measurements


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
        gains: Who gains more from ``correct``; likewise.
        rankings: How far two conditions find the same documents; likewise.
    """

    settings: AnalysisSettings
    contrasts: pd.DataFrame
    tasks: pd.DataFrame
    types: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame
    drift: pd.DataFrame
    gains: pd.DataFrame
    rankings: pd.DataFrame


@pause_collection()
def analyse(
    run: RunLike, settings: AnalysisSettings | None = None, measurements: Measurements | None = None
) -> Analysis:
    """Make every contrast of a run, decide it within its family, and say what it comes to.

    Nothing raises for bad data: what cannot be compared is a row of ``refusals``, and the rest stands.

    Args:
        run: The run.
        settings: What it is told.
        measurements: Of this run under these settings, where they were made already.
    """
    settings = settings or AnalysisSettings()
    measurements = measurements or measure_run(run, settings)
    found = measurements.found
    tasks = _gather(found)
    decided = decide_tasks(tasks)
    close = find_close_places(tasks, decided, measurements.blocks, settings.n_resamples)
    if close:
        found = compare_again(measurements, close, MORE * settings.n_resamples)
        tasks = _gather(found)
        decided = decide_tasks(tasks)
    findings = Findings(refusals=list(measurements.refusals))
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
        drift=build_frame(measurements.drift, DRIFT),
        gains=build_frame(measurements.gains, GAINS),
        rankings=build_frame(measurements.rankings, RANKINGS),
    )


def _gather(found: Mapping[Place, Findings]) -> list[TaskContrast]:
    return gather_tasks(contrast for own in found.values() for contrast in own.contrasts)


def _note_missing(run: RunLike, findings: Findings) -> None:
    """A contrast fixed before the run, one of whose conditions has no score, is named with the reason."""
    present = {(Place.of(cell), name) for cell in run.results for name in cell.conditions}
    scored = {place for place, _ in present}
    missing = {(Place.of(row), name): row for row in run.failures for name in row.conditions}
    for (place, name), row in missing.items():
        if row.status == "inert":
            if place not in scored:  # elsewhere its contrasts are rows of their own
                findings.refusals.append(refuse(place, "all", f"{name} is inert: {row.reason}"))
            continue
        for pair in (PRIMARY, *SIDES):
            other = pair[1] if pair[0] == name else pair[0]
            if name in pair and (place, other) in present and (place, name) not in present:
                reason = f"{name} was {row.status}: {row.reason}"
                findings.refusals.append(refuse(place, format_contrast(pair), reason))
