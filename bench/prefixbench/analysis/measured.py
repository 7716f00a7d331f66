"""The places of a run, paired, resampled and compared: what the analysis and the further questions start from."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits

from prefixbench.analysis.blocks import Place, RunLike
from prefixbench.analysis.contrasts import Findings, compare_block
from prefixbench.analysis.drift import describe_drift
from prefixbench.analysis.exploring import Explored, Measured, decide_rows
from prefixbench.analysis.gains import average_gains, describe_gains
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.names import PRIMARY
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.rank_overlap import describe_overlap
from prefixbench.analysis.resampled import resample_block
from prefixbench.errors import AnalysisError, ResultsError
from prefixbench.results.bulk import pause_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.settings import AnalysisSettings
    from prefixbench.results.records import CellFailure

One = TypeVar("One")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Measurements:
    """What is computed of the items of a run, once for everything that is asked of it.

    Attributes:
        settings: What the analysis is told.
        blocks: The places that could be paired.
        found: Their contrasts, by place, in the blocks' order.
        drift: Rows of what a threshold kept from ``none`` does to pairs.
        rankings: Rows of how far two conditions find the same documents: ``correct`` and ``none``, pairs on request,
            and every condition against ``none`` where further questions will be asked.
        unread: A sentence for each cell whose hits cannot be read.
        gains: Rows of who gains more from ``correct``.
        refusals: Places that could not be paired, and why.
        measured: The blocks with their resamples; empty where nobody asked to keep them.
    """

    settings: AnalysisSettings
    blocks: tuple[Block, ...]
    found: dict[Place, Findings]
    drift: tuple[dict[str, Any], ...]
    rankings: tuple[dict[str, Any], ...]
    unread: tuple[str, ...]
    gains: tuple[dict[str, Any], ...]
    refusals: tuple[dict[str, Any], ...]
    measured: tuple[Measured, ...]


@pause_collection()
def measure_run(run: RunLike, settings: AnalysisSettings, *, keep_resamples: bool = False) -> Measurements:
    """Pair, resample and compare every place of a run.

    Args:
        run: The run.
        settings: What the analysis is told.
        keep_resamples: Whether further questions will be asked of the resamples.
    """
    places, inert = group_by_place(run), _find_inert(run)

    def pair(place: Place) -> Block | str:
        try:
            block = choose_metric(pair_cells(run, place, places[place]), settings.metric)
            return replace(block, inert=inert.get(place, {}))
        except (AnalysisError, ResultsError) as error:
            return str(error)

    def compare(block: Block) -> _Compared:
        measured = Measured(block, resample_block(block, settings.n_resamples, settings.seed))
        others = [(name, "none") for name in block.row_of] if keep_resamples else []
        return _Compared(
            compare_block(block, measured.resampled, settings),
            describe_drift(block, settings),
            describe_overlap(run, block, dict.fromkeys((PRIMARY, *settings.contrasts, *others))),
            describe_gains(measured, texts, settings),
            measured if keep_resamples else None,
        )

    paired = dict(zip(places, _spread_out(pair, places), strict=True))
    blocks = tuple(block for block in paired.values() if not isinstance(block, str))
    texts = {} if all(block.facts for block in blocks) else _read_texts(run)
    compared = _spread_out(compare, blocks)
    gains = [one for own in compared for one in own.gains]
    return Measurements(
        settings=settings,
        blocks=blocks,
        found={block.place: own.findings for block, own in zip(blocks, compared, strict=True)},
        drift=tuple(row for own in compared for row in own.drift),
        rankings=tuple(row for own in compared for row in own.rankings[0]),
        unread=tuple(fault for own in compared for fault in own.rankings[1]),
        gains=tuple(decide_rows([*average_gains(gains), *gains])),
        refusals=tuple(refuse(place, "all", told) for place, told in paired.items() if isinstance(told, str)),
        measured=tuple(own.measured for own in compared if own.measured is not None),
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """What is made of one place."""

    findings: Findings
    drift: list[dict[str, Any]]
    rankings: tuple[list[dict[str, Any]], list[str]]
    gains: list[Explored]
    measured: Measured | None


def _read_texts(run: RunLike) -> Mapping[tuple[str, str, str], str]:
    """Texts of items, for places whose items have no numbers of their own."""
    try:
        return run.item_texts()
    except ResultsError:
        return {}


def _find_inert(run: RunLike) -> dict[Place, dict[str, CellFailure]]:
    """By place and condition, the cells whose lever was shown to move nothing."""
    found: dict[Place, dict[str, CellFailure]] = defaultdict(dict)
    for row in run.failures:
        if row.status == "inert":
            found[Place.of(row)] |= dict.fromkeys(row.conditions, row)
    return found


def compare_again(measurements: Measurements, places: set[Place], n_resamples: int) -> dict[Place, Findings]:
    """Return the contrasts of all places, those of some from so many resamples."""
    settings = replace(measurements.settings, n_resamples=n_resamples)

    def compare(block: Block) -> Findings:
        return compare_block(block, resample_block(block, settings.n_resamples, settings.seed), settings)

    chosen = [block for block in measurements.blocks if block.place in places]
    again = zip((block.place for block in chosen), _spread_out(compare, chosen), strict=True)
    return measurements.found | dict(again)


def refuse(place: Place, contrast: str, reason: str) -> dict[str, Any]:
    """Return a row of the refusals."""
    return {
        "model": place.model,
        "task": place.task,
        "hf_subset": place.hf_subset,
        "hf_split": place.hf_split,
        "contrast": contrast,
        "reason": reason,
    }


def _spread_out(compute: Callable[[One], Result], over: Iterable[One]) -> list[Result]:
    """Compute on every core; numpy and Parquet leave the interpreter free, and no number hangs on the order."""
    # One thread of linear algebra for each thread of ours; more only get in each other's way.
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_count_cores()) as threads:
        return list(threads.map(compute, over))


def _count_cores() -> int:
    """Cores this process may use, which not every system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
