"""A run in, frames out."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

from prefixbench.analysis.advice import advise_models
from prefixbench.analysis.blocks import Place, RunLike
from prefixbench.analysis.columns import CONTRASTS, MODELS, MOVERS, POOLED, REFUSALS, build_frame
from prefixbench.analysis.contrasts import Findings, compare_block, decide_all
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.names import PLANNED, SIDES, format_contrast
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import batch_blocks, resample_batch
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.subjects import find_families, pool_findings
from prefixbench.errors import AnalysisError, ResultsError

if TYPE_CHECKING:
    import pandas as pd

    from prefixbench.analysis.blocks import Block


@dataclass(frozen=True)
class Analysis:
    """What a run says; the columns of each frame stand in `prefixbench.analysis.columns`.

    Attributes:
        settings: What it was told.
        contrasts: One row a model × task × subset × split × contrast.
        pooled: One row a model or family × scope × contrast.
        models: One line a model.
        movers: The items that moved most.
        refusals: Contrasts that were not made, and why.
    """

    settings: AnalysisSettings
    contrasts: pd.DataFrame
    pooled: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame


def analyse(run: RunLike, settings: AnalysisSettings | None = None) -> Analysis:
    """Make every contrast of a run, pool them and say what they come to.

    Nothing raises for bad data: what cannot be compared is a row of ``refusals``, and the rest stands.
    """
    settings = settings or AnalysisSettings()
    findings = Findings()
    blocks = _pair_all(run, settings, findings)
    _compare_all(blocks, settings, findings)
    _note_missing(run, findings)
    decide_all(findings.contrasts, settings)
    families = find_families(run.results)
    return Analysis(
        settings=settings,
        contrasts=build_frame(findings.contrasts, CONTRASTS),
        pooled=build_frame(pool_findings(findings, families, settings), POOLED),
        models=build_frame(advise_models(findings.contrasts, families, settings), MODELS),
        movers=build_frame(findings.movers, MOVERS),
        refusals=build_frame(findings.refusals, REFUSALS),
    )


def _pair_all(run: RunLike, settings: AnalysisSettings, findings: Findings) -> list[Block]:
    blocks = []
    for place, cells in group_by_place(run).items():
        try:
            blocks.append(choose_metric(pair_cells(run, place, cells), settings.metric))
        except (AnalysisError, ResultsError) as error:
            findings.refusals.append(_refuse(place, "all", str(error)))
    return blocks


def _compare_all(blocks: list[Block], settings: AnalysisSettings, findings: Findings) -> None:
    """Compare batch by batch, on every core; numpy leaves the interpreter free, and no number hangs on the order."""

    def compare(batch: list[Block]) -> Findings:
        own = Findings()
        for block, resampled in resample_batch(batch, settings.n_resamples, settings.seed):
            compare_block(block, resampled, settings, own)
        return own

    # One thread of linear algebra for each thread of ours; more only get in each other's way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_count_cores()) as threads:
        for own in threads.map(compare, batch_blocks(blocks)):
            findings.extend(own)


def _count_cores() -> int:
    """Cores this process may use, which not every system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _note_missing(run: RunLike, findings: Findings) -> None:
    """A contrast fixed before the run, one of whose conditions has no score, is named with the reason."""
    present = {(Place.of(cell), name) for cell in run.results for name in cell.conditions}
    missing = {(Place.of(row), name): row for row in run.failures for name in row.conditions}
    for (place, name), row in missing.items():
        for pair in (*PLANNED, *SIDES):
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
