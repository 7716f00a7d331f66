"""One contrast from contributions and replicas: delta, standard error, skewness and degrees of freedom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.spread import Spread, compute_spread, imagined_variance
from prefixbench.errors import AnalysisError
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block

    Floats = NDArray[np.float64]

SMOOTH = frozenset({Statistic.MEAN, Statistic.SPEARMAN, Statistic.PEARSON, Statistic.KENDALL})
"""Statistics whose jackknife has the right spread; of the others it is biased upward, see `_compare_spreads`."""

LABELLED = frozenset({Statistic.MACRO_F1, Statistic.WEIGHTED_F1, Statistic.LABEL_SET_MACRO_F1})
"""Statistics over labels. An item drawn twice is its label found or missed twice, which no further sample would show:
resamples are off where labels are rare, and the jackknife is taken as it is."""

RESAMPLED = frozenset(Statistic) - SMOOTH - LABELLED
"""Statistics whose standard error needs resamples."""

MOST_UNDEFINED = 0.01
"""Resamples without a single positive say nothing; up to this share of them is left out, more is refused."""


@dataclass(frozen=True, slots=True)
class PairedData:
    """Two cells, paired.

    Attributes:
        contribution: First minus second, ``(n_units, n_replicates)``.
        weight: Each unit's share of the items, mean 1.
        replica: First minus second under each resample of the items; empty where none is needed.
        statistic: How a score comes from items.
        one_corpus: Whether the units are draws of one corpus, whose scores are means already.
    """

    contribution: Floats
    weight: Floats
    replica: Floats
    statistic: Statistic = Statistic.MEAN
    one_corpus: bool = False


@dataclass(frozen=True, slots=True)
class Inference:
    """What the items say of one contrast.

    Attributes:
        estimate: Delta and interval, points.
        item_error: The part of the standard error as seen that more items would shrink, points.
        method: How the standard error came about, in words.
    """

    estimate: Estimate
    item_error: float
    method: str


def infer_contrast(data: PairedData) -> Inference:
    """Estimate one contrast.

    Raises:
        AnalysisError: The metric is undefined for a cell, or on too many resamples.
    """
    if not np.all(np.isfinite(data.contribution)):
        raise AnalysisError("the metric is undefined (constant scores, or items of one class only).")
    spread = compute_spread(data.contribution, data.weight)
    degrees, method = spread.tail_degrees, "jackknife" if data.statistic is not Statistic.MEAN else "items"
    if data.statistic in RESAMPLED:
        spread = spread.scale(_compare_spreads(data.replica, spread))
        # The tails of a step function's pseudo-values are the jackknife's own, no sign that the spread is ill known.
        degrees, method = spread.degrees, "jackknife scaled to the bootstrap"
    estimate = Estimate(
        delta=100 * float(data.contribution.mean()),
        error=100 * spread.error,
        acceleration=spread.acceleration,
        degrees=degrees,
        unseen=0.0 if data.one_corpus else 100 * math.sqrt(imagined_variance(len(data.contribution))),
    )
    crossed = " and experiments" if spread.replicate_variance > 0 else ""
    item_error = 100 * math.sqrt(spread.item_variance)
    return Inference(estimate, item_error, f"Hall's interval of the {method}{crossed}")


def infer_mean(block: Block, value: Floats) -> Inference:
    """Infer the mean of a number that every item has, shape ``(n_items,)``; clusters count as one."""
    even = len(block.unit) / block.n_units
    sums = np.bincount(block.unit, weights=value, minlength=block.n_units) / even
    return infer_contrast(PairedData(sums[:, None], block.unit_sizes / even, np.empty(0), Statistic.MEAN))


def _compare_spreads(replica: Floats, spread: Spread) -> float:
    """Return the bootstrap's standard error over the jackknife's, at most 1.

    The jackknife is biased upward (Efron and Stein 1981, The Annals of Statistics 9, 586–596), and for step functions
    of the ranking by a tenth and more.

    Raises:
        AnalysisError: The metric is undefined on too many resamples.
    """
    defined = replica[np.isfinite(replica)]
    undefined = len(replica) - len(defined)
    if undefined > MOST_UNDEFINED * len(replica):
        raise AnalysisError(
            f"the metric is undefined on {undefined} of {len(replica)} resamples "
            "(constant scores, or too few items of one class)."
        )
    if spread.item_variance <= 0:
        return 1.0
    drawn = float(defined.std(ddof=1)) * float(np.sqrt(spread.n_units / (spread.n_units - 1)))
    return min(1.0, drawn / float(np.sqrt(spread.item_variance)))
