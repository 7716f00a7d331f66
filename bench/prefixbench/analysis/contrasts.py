"""Every contrast of a run, as rows; the words come later, family by family."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.inference import Inference, PairedData, infer_contrast
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.names import CLUSTERING, Pair, format_contrast, list_contrasts
from prefixbench.errors import AnalysisError

if TYPE_CHECKING:
    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.resampled import Resampled
    from prefixbench.analysis.settings import AnalysisSettings

UNCHANGED = 1e-9
"""Changes of an item's value below this are rounding."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two conditions compared at one place.

    Attributes:
        row: Its fields; see `prefixbench.analysis.columns.CONTRASTS`.
        inference: What the items say.
        margin: The smallest difference that matters, points.
        cells: Ids of the two cells; contrasts of the same two are one claim under two names.
        inert: Why nothing was measured, where one of the two was shown to move no vector.
    """

    row: dict[str, Any]
    inference: Inference
    margin: float
    cells: tuple[str, str]
    inert: str = ""


@dataclass
class Findings:
    """What was found block by block."""

    contrasts: list[Contrast] = field(default_factory=list)
    movers: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Take in what was found elsewhere."""
        self.contrasts += other.contrasts
        self.movers += other.movers
        self.refusals += other.refusals


def compare_block(block: Block, resampled: Resampled, settings: AnalysisSettings) -> Findings:
    """Make every contrast of one block, or give the sentence that says why it cannot be made."""
    findings = Findings()
    for pair in list_contrasts({*block.row_of, *block.faults, *block.inert}, settings.contrasts):
        if any(name in block.inert for name in pair):
            findings.contrasts.append(_tell_inert(block, resampled, pair, settings))
            continue
        faults = [block.faults[name] for name in pair if name in block.faults]
        try:
            if faults:
                raise AnalysisError(faults[0])
            contrast = _compare_pair(block, resampled, pair, settings)
        except AnalysisError as error:
            findings.refusals.append({**_place_fields(block), "contrast": format_contrast(pair), "reason": str(error)})
            continue
        findings.contrasts.append(contrast)
        if not contrast.row["same_strings"]:
            findings.movers.extend(_list_movers(block, pair, settings.n_movers))
    return findings


def _place_fields(block: Block) -> dict[str, str]:
    place = block.place
    return {"model": place.model, "task": place.task, "hf_subset": place.hf_subset, "hf_split": place.hf_split}


NOTHING = Inference(Estimate(0.0, 0.0), 0.0, "same strings")


def _compare_pair(block: Block, resampled: Resampled, pair: Pair, settings: AnalysisSettings) -> Contrast:
    first, second = (block.row_of[name] for name in pair)
    same_strings = first == second or _read_alike(block, first, second)
    inference = NOTHING
    if not same_strings:
        data = PairedData(
            resampled.contribution[first] - resampled.contribution[second],
            resampled.weight,
            resampled.replica[first] - resampled.replica[second],
            block.statistic,
            block.place.task_type == CLUSTERING,
        )
        inference = infer_contrast(data)
    change = (block.value[first] - block.value[second]).mean(axis=1)
    better, worse = (np.count_nonzero(own > UNCHANGED) / len(change) for own in (change, -change))
    row: dict[str, Any] = {
        **_describe_pair(block, resampled, pair),
        "share_better": better,
        "share_worse": worse,
        "share_same": 1.0 - better - worse,
        "same_strings": same_strings,
        "seed": settings.seed,
        "method": inference.method,
    }
    cells = block.cells[first].cell_id, block.cells[second].cell_id
    return Contrast(row, inference, settings.margin_of(block.metric), cells)


def _describe_pair(block: Block, resampled: Resampled, pair: Pair) -> dict[str, Any]:
    """The fields of any contrast; a condition that was not scored has no score."""
    scores = [float(resampled.score[block.row_of[name]]) if name in block.row_of else math.nan for name in pair]
    return {
        **_place_fields(block),
        "task_type": block.place.task_type,
        "metric": block.metric,
        "contrast": format_contrast(pair),
        "condition": pair[0],
        "baseline": pair[1],
        "n_items": len(block.item_id),
        "n_units": block.n_units,
        "score": scores[0],
        "baseline_score": scores[1],
    }


def _tell_inert(block: Block, resampled: Resampled, pair: Pair, settings: AnalysisSettings) -> Contrast:
    """A contrast in which nothing was measured, since what one of the two sends moves no vector."""
    reason = next(block.inert[name].reason for name in pair if name in block.inert)
    row: dict[str, Any] = {
        **_describe_pair(block, resampled, pair),
        "share_better": 0.0,
        "share_worse": 0.0,
        "share_same": 1.0,
        "same_strings": True,
        "seed": settings.seed,
        "method": "inert",
    }
    found = (block.inert[name] if name in block.inert else block.cells[block.row_of[name]] for name in pair)
    first, second = (cell.cell_id for cell in found)
    return Contrast(row, replace(NOTHING, method="inert"), settings.margin_of(block.metric), (first, second), reason)


def _read_alike(block: Block, first: int, second: int) -> bool:
    """Whether the tokenizer reads both conditions alike on every side, as the audits of both cells recorded."""
    one, other = (
        {audit.role: getattr(audit, "tokens_sha256", None) for audit in block.cells[row].audit}
        for row in (first, second)
    )
    return bool(one) and one == other and None not in one.values()


def _list_movers(block: Block, pair: Pair, n_movers: int) -> list[dict[str, Any]]:
    """The items whose value changed most, at most ``n_movers``; an item that did not change is none."""
    first, second = (block.row_of[name] for name in pair)
    after, before = block.item_value[first], block.item_value[second]
    change = after - before
    top = np.argsort(-np.abs(change), kind="stable")[:n_movers]
    top = top[np.abs(change[top]) > UNCHANGED]
    unranked = np.full(len(top), np.nan)
    columns = {
        "item_id": block.item_id[top],
        "delta_points": 100 * change[top],
        "before": before[top],
        "after": after[top],
        "rank_before": unranked if block.rank is None else block.rank[second, top],
        "rank_after": unranked if block.rank is None else block.rank[first, top],
    }
    shared = {**_place_fields(block), "contrast": format_contrast(pair)}
    items = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [shared | dict(zip(columns, values, strict=True)) for values in items]
