"""Further questions to a run, all exploratory: drift of a threshold, who gains, interactions, doses."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.analysis.columns import build_frame
from prefixbench.analysis.columns_explored import DOSES, DRIFT, GAINS, INTERACTIONS, TYPE_DIFFERENCES
from prefixbench.analysis.contrasts import compare_block
from prefixbench.analysis.doses import describe_dose
from prefixbench.analysis.drift import describe_drift
from prefixbench.analysis.exploring import Measured, decide_rows
from prefixbench.analysis.families import gather_tasks
from prefixbench.analysis.gains import describe_gains
from prefixbench.analysis.interactions import compare_models, compare_types
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import resample_block
from prefixbench.errors import AnalysisError, ResultsError

if TYPE_CHECKING:
    from prefixbench.analysis.settings import AnalysisSettings
    from prefixbench.results import Run


@dataclass(frozen=True)
class Further:
    """Frames beside the contrasts; their columns stand in `prefixbench.analysis.columns_explored`.

    Attributes:
        drift: Pairs: accuracy and share called alike at the threshold kept from ``none``, and the shift of the cosine.
        gains: Whether items with longer texts, or texts that share more words, gain more.
        interactions: One model's ``correct-none`` less another's, on the same items.
        type_differences: The mean over one type's tasks less that over another's.
        doses: The slope over ``placebo:N``.
    """

    drift: pd.DataFrame
    gains: pd.DataFrame
    interactions: pd.DataFrame
    type_differences: pd.DataFrame
    doses: pd.DataFrame


def explore(run: Run, settings: AnalysisSettings) -> Further:
    """Ask the further questions; what a run cannot answer is an empty frame."""
    measured = []
    for place, cells in group_by_place(run).items():
        with suppress(AnalysisError, ResultsError):  # the analysis of the same run says why
            block = choose_metric(pair_cells(run, place, cells), settings.metric)
            measured.append(Measured(block, resample_block(block, settings.n_resamples, settings.seed)))
    texts = run.item_texts()
    contrasts = [
        contrast for one in measured for contrast in compare_block(one.block, one.resampled, settings).contrasts
    ]
    gains = [row for one in measured for row in describe_gains(one, texts, settings)]
    doses = [row for one in measured for row in describe_dose(one, settings)]
    return Further(
        drift=build_frame([row for one in measured for row in describe_drift(one.block, settings)], DRIFT),
        gains=build_frame(decide_rows(gains), GAINS),
        interactions=build_frame(decide_rows(compare_models(measured, settings)), INTERACTIONS),
        type_differences=build_frame(decide_rows(compare_types(gather_tasks(contrasts))), TYPE_DIFFERENCES),
        doses=build_frame(decide_rows(doses), DOSES),
    )
