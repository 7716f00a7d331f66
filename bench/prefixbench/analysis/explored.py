"""Further questions to a run, all exploratory: drift of a threshold, who gains, interactions, doses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.analysis.columns import build_frame
from prefixbench.analysis.columns_explored import DOSES, DRIFT, GAINS, INTERACTIONS, RANKINGS, TYPE_DIFFERENCES
from prefixbench.analysis.doses import describe_dose
from prefixbench.analysis.exploring import decide_rows
from prefixbench.analysis.families import gather_tasks
from prefixbench.analysis.interactions import compare_models, compare_types
from prefixbench.analysis.measured import measure_run
from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from prefixbench.analysis.blocks import RunLike
    from prefixbench.analysis.measured import Measurements
    from prefixbench.analysis.settings import AnalysisSettings
    from prefixbench.results import Run


@dataclass(frozen=True)
class Further:
    """Frames beside the contrasts; their columns stand in `prefixbench.analysis.columns_explored`.

    Attributes:
        drift: Pairs: accuracy and share called alike at the threshold kept from ``none``, and the shift of the cosine.
        rankings: How far each condition finds the same documents as ``none``.
        gains: Who gains more: longer texts, texts that share more words, or those of which the prefix is a larger part.
        interactions: One model's ``correct-none`` less another's, on the same items.
        type_differences: The mean over one type's tasks less that over another's.
        doses: The slope over ``placebo:N``.
        notes: What could not be asked since the run did not keep it, or it cannot be read, a sentence each.
    """

    drift: pd.DataFrame
    rankings: pd.DataFrame
    gains: pd.DataFrame
    interactions: pd.DataFrame
    type_differences: pd.DataFrame
    doses: pd.DataFrame
    notes: tuple[str, ...] = ()


def explore(run: Run, settings: AnalysisSettings, measurements: Measurements | None = None) -> Further:
    """Ask the further questions; what a run cannot answer is an empty frame.

    Args:
        run: The run.
        settings: What the analysis is told.
        measurements: Of this run under these settings, with their resamples, where they were made already.
    """
    measurements = measurements or measure_run(run, settings, keep_resamples=True)
    measured = measurements.measured
    contrasts = [contrast for found in measurements.found.values() for contrast in found.contrasts]
    doses = [row for one in measured for row in describe_dose(one, settings)]
    return Further(
        drift=build_frame(measurements.drift, DRIFT),
        rankings=build_frame(measurements.rankings, RANKINGS),
        gains=build_frame(measurements.gains, GAINS),
        interactions=build_frame(decide_rows(compare_models(measured, settings)), INTERACTIONS),
        type_differences=build_frame(decide_rows(compare_types(gather_tasks(contrasts))), TYPE_DIFFERENCES),
        doses=build_frame(decide_rows(doses), DOSES),
        notes=(*_note_not_kept(run), *measurements.unread),
    )


def _note_not_kept(run: RunLike) -> tuple[str, ...]:
    """Name what sweeps of earlier versions left out."""
    of_rankings = [row for row in run.results if row.task_type in ROLE_TASK_TYPES]
    without = sum(row.hits_sha256 is None for row in of_rankings)
    if not without:
        return ()
    if without == len(of_rankings):
        return ("ranking overlap: this run kept no hits; a sweep with --overwrite always does",)
    return (f"ranking overlap: {without} of the {len(of_rankings)} cells that rank documents kept no hits",)
