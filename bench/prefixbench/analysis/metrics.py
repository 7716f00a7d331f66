"""Metrics other than the main score, where a cell's items hold what they need."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.counted import prepare_statistic
from prefixbench.errors import AnalysisError
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block

    Floats = NDArray[np.float64]

PRECISION = 2e-5
"""mteb rounds the scores of rankings to five digits."""

OF_SIMILARITIES = {
    "spearman": Statistic.SPEARMAN,
    "pearson": Statistic.PEARSON,
    "ap": Statistic.AVERAGE_PRECISION,
    "accuracy": Statistic.BEST_ACCURACY,
}
"""Ending of a metric's name to the statistic over the same similarities and gold values."""

ALIKE = ({"spearman", "pearson"}, {"ap", "accuracy"})
"""Which of them share their items: graded pairs, labelled pairs."""


def choose_metric(block: Block, metric: str | None) -> Block:
    """The block with another metric in place of the main score.

    From the rank of the first relevant document come ``mrr_at_k`` and ``hit_rate_at_k``, from similarities the other
    statistics over them, from labels the accuracy. What is rebuilt must be the score that mteb recorded.

    Args:
        block: Paired cells.
        metric: Its name in mteb; the main score where absent.

    Raises:
        AnalysisError: The items do not hold it; the sentence names what they hold.
    """
    if metric is None or metric == block.metric:
        return block
    recorded = sorted(set.intersection(*(set(cell.scores) for cell in block.cells)), key=_order)
    derived = {name: own for name in recorded if name != block.metric and (own := _derive(block, name)) is not None}
    if metric not in derived:
        others = f"; so can {', '.join(derived)}" if derived else ""
        raise AnalysisError(
            f"{metric} has no per-item scores here; {block.metric}, the main score, can be compared{others}."
        )
    return derived[metric]


def _order(name: str) -> tuple[str, int]:
    stem, _, cutoff = name.rpartition("_at_")
    return (stem, int(cutoff)) if cutoff.isdecimal() else (name, 0)


def _derive(block: Block, metric: str) -> Block | None:
    """The block of one metric, or ``None`` where the items do not hold it or give another number than mteb's."""
    ranked = re.fullmatch(r"(mrr|hit_rate)_at_(\d+)", metric)
    if ranked and block.rank is not None:
        found = block.rank <= int(ranked[2])
        value = np.where(found, 1 / block.rank if ranked[1] == "mrr" else 1.0, 0.0)
        own = replace(block, metric=metric, value=value[:, :, None])
    elif block.statistic is Statistic.WEIGHTED_F1 and metric == "accuracy":
        assert block.prediction is not None
        value = (block.prediction == block.target).astype(np.float64)
        own = replace(block, metric=metric, statistic=Statistic.MEAN, value=value, prediction=None, target=None)
    else:
        measure, _, ending = metric.rpartition("_")
        of_main, _, main_ending = block.metric.rpartition("_")
        if measure != of_main or not any({ending, main_ending} <= group for group in ALIKE):
            return None
        own = replace(block, metric=metric, statistic=OF_SIMILARITIES[ending])
    scores = _rebuild(own)
    is_mtebs = all(abs(score - cell.scores[metric]) < PRECISION for score, cell in zip(scores, own.cells, strict=True))
    return own if is_mtebs else None


def _rebuild(block: Block) -> Floats:
    """The score of every cell, ``(n_cells,)``."""
    if block.prediction is None or block.target is None:
        return np.asarray(block.value.mean(axis=(1, 2)), dtype=np.float64)
    once = np.ones((len(block.item_id), 1))
    return prepare_statistic(block.statistic, block.prediction[:, :, 0], block.target[:, 0])(once)[:, 0]
