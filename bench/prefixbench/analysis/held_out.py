"""Conditions judged by items that had no part in picking them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.resampled import Resampled, resample_block
from prefixbench.analysis.rules import Claim, Decision, Family, decide_family
from prefixbench.errors import AnalysisError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.interval import Estimate
    from prefixbench.analysis.names import Pair
    from prefixbench.analysis.settings import AnalysisSettings


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One difference on items that had no part in the choice.

    Attributes:
        pair: Condition and baseline.
        picked_on: The difference on the items of the choice, points: what choosing alone would have claimed.
        estimate: The difference on the others.
        decision: The verdict on it, Holm over the pairs judged together.
        n_units: Independent units among the others.
    """

    pair: Pair
    picked_on: float
    estimate: Estimate
    decision: Decision
    n_units: int

    @property
    def curse(self) -> float:
        """How much of the claim the choice itself made, points."""
        return self.picked_on - self.estimate.delta


def judge_held_out(
    block: Block, chosen_by: Collection[str], pairs: Sequence[Pair], settings: AnalysisSettings
) -> tuple[HeldOut, ...]:
    """Judge pairs of conditions by the items of a block that had no part in choosing them.

    Args:
        block: The paired cells of one place.
        chosen_by: Ids of the items that were looked at when choosing.
        pairs: What is judged, as one family.
        settings: Margin, seed and resamples.

    Raises:
        AnalysisError: A condition has no score here, or too few items are left.
    """
    for name in dict.fromkeys(name for pair in pairs for name in pair):
        if name not in block.row_of:
            raise AnalysisError(block.faults.get(name, f"{name} has no score here."))
    inside, outside = split_block(block, chosen_by)
    seen, unseen = (resample_block(one, settings.n_resamples, settings.seed) for one in (inside, outside))
    estimates = [_infer(outside, unseen, pair) for pair in pairs]
    margin = settings.margin_of(block.metric)
    claims = [Claim(estimate, margin, outside.n_units) for estimate in estimates]
    decisions = decide_family(claims, Family.PRIMARY)
    return tuple(
        HeldOut(pair, _subtract(inside, seen, pair), estimate, decision, outside.n_units)
        for pair, estimate, decision in zip(pairs, estimates, decisions, strict=True)
    )


def split_block(block: Block, chosen_by: Collection[str]) -> tuple[Block, Block]:
    """The items of a choice, and those that share no unit with any of them.

    Raises:
        AnalysisError: None are left on one side.
    """
    looked_at = np.isin(block.item_id, list(chosen_by))
    beside = ~np.isin(block.unit, np.unique(block.unit[looked_at]))
    if not looked_at.any() or not beside.any():
        raise AnalysisError(
            "no item is left that had no part in the choice; every one shares a document with one that had."
        )
    return _keep(block, looked_at), _keep(block, beside)


def _keep(block: Block, kept: NDArray[np.bool_]) -> Block:
    return replace(
        block,
        item_id=block.item_id[kept],
        unit=np.unique(block.unit[kept], return_inverse=True)[1].astype(np.int64),
        value=block.value[:, kept],
        prediction=None if block.prediction is None else block.prediction[:, kept],
        target=None if block.target is None else block.target[kept],
        rank=None if block.rank is None else block.rank[:, kept],
    )


def _infer(block: Block, resampled: Resampled, pair: Pair) -> Estimate:
    first, second = (block.row_of[name] for name in pair)
    data = PairedData(
        resampled.contribution[first] - resampled.contribution[second],
        resampled.weight,
        resampled.replica[first] - resampled.replica[second],
        block.statistic,
    )
    return infer_contrast(data).estimate


def _subtract(block: Block, resampled: Resampled, pair: Pair) -> float:
    first, second = (block.row_of[name] for name in pair)
    return 100 * float(resampled.score[first] - resampled.score[second])
