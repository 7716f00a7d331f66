"""One contrast from contributions and replicas: delta, interval, p-value, minimum detectable effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from prefixbench.analysis.draws import Draws
from prefixbench.analysis.interval import compute_percentile_interval, widen_quantile
from prefixbench.analysis.settings import CONFIDENCE, EQUIVALENCE_CONFIDENCE
from prefixbench.analysis.spread import (
    FEWEST_FLIPPED,
    Spread,
    compute_bias,
    compute_detectable,
    compute_noncentrality,
    compute_spread,
)
from prefixbench.errors import AnalysisError
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TINY = 1e-12
"""Changes below this are rounding."""

FEWEST_EXTREME = 10
"""With fewer sign patterns beyond the data the permutation has no resolution; Student's tail takes over."""


FEWEST_CHANGED = 10
"""Where fewer units changed, resamples miss too many of them for their percentiles to mean anything."""

SMOOTH = frozenset({Statistic.MEAN, Statistic.SPEARMAN, Statistic.PEARSON, Statistic.KENDALL})
"""Statistics whose jackknife has the right spread; of the others it is biased upward, see `_compare_spreads`."""

LABELLED = frozenset({Statistic.MACRO_F1, Statistic.WEIGHTED_F1, Statistic.LABEL_SET_MACRO_F1})
"""Statistics over labels. An item drawn twice is its label found or missed twice, which no further sample would show:
the percentiles of resamples are off where labels are rare."""

MOST_UNDEFINED = 0.01
"""Resamples without a single positive say nothing; up to this share of them is left out, more is refused."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the items say of one contrast, in the metric's units (not points).

    Attributes:
        delta: Score minus baseline score.
        interval: 95%.
        narrow_interval: 90%: inside ±the smallest effect, two one-sided tests at 5% reject.
        p_value: Two-sided, paired.
        error: Standard error of the delta, items and experiments together.
        item_error: The part of it that more items would shrink.
        degrees: Degrees of freedom of ``error``.
        detectable: Effect that would be detected with 80% power.
        method: How interval and p-value came about, in words.
    """

    delta: float
    interval: tuple[float, float]
    narrow_interval: tuple[float, float]
    p_value: float
    error: float
    item_error: float
    degrees: float
    detectable: float
    method: str


@dataclass(frozen=True, slots=True)
class PairedData:
    """Two cells, paired.

    Attributes:
        contribution: First minus second, ``(n_units, n_replicates)``.
        weight: Each unit's share of the items, mean 1.
        replica: First minus second under each resample of the items.
        flipped: Mean contribution under each sign flip of the units.
        statistic: How a score comes from items.
    """

    contribution: Floats
    weight: Floats
    replica: Floats
    flipped: Floats
    statistic: Statistic = Statistic.MEAN

    @property
    def is_sparse(self) -> bool:
        """Whether so few items of a mean changed that the bootstrap is no guide."""
        return self.statistic is Statistic.MEAN and self.contribution.shape[1] == 1 and self.n_changed < FEWEST_CHANGED

    @property
    def n_changed(self) -> int:
        """Units whose contribution is not nought."""
        return int(np.count_nonzero(np.any(np.abs(self.contribution) > TINY, axis=1)))


def estimate_contrast(data: PairedData, seed: int) -> Estimate:
    """Delta, intervals, p-value and minimum detectable effect of one contrast.

    Raises:
        AnalysisError: The metric is undefined on some resamples, or every unit changed by the same amount.
    """
    defined = np.isfinite(data.replica)
    undefined = len(defined) - int(np.count_nonzero(defined))
    if undefined > MOST_UNDEFINED * len(defined) or not np.all(np.isfinite(data.contribution)):
        raise AnalysisError(
            f"the metric is undefined on {undefined} of {len(data.replica)} resamples "
            "(constant scores, or too few items of one class)."
        )
    delta = float(data.contribution.mean())
    if not np.any(np.abs(data.contribution) > TINY):
        return _estimate_unchanged(len(data.contribution))
    spread = compute_spread(data.contribution, data.weight)
    if spread.error <= TINY:
        raise AnalysisError(f"every item changed by exactly {100 * delta:+.2f} points; there is no spread to resample.")
    replica, flipped = data.replica[defined], data.flipped
    if spread.replicate_variance > 0:
        replica = replica + _draw_replicates(spread, data.flipped.size, seed, flip=False)[defined]
        flipped = flipped + _draw_replicates(spread, data.flipped.size, seed, flip=True)
    if data.statistic not in SMOOTH:
        ratio = _compare_spreads(replica, spread)
        spread, flipped = spread.scale(ratio), flipped * ratio
    keeps_flips = data.is_sparse and 2 * data.n_changed <= len(data.contribution)
    p_value, tail = compute_p_value(flipped, delta, spread, is_sparse=keeps_flips)
    wide, narrow, name = _compute_intervals(replica, delta, spread, data)
    return Estimate(
        delta=delta,
        interval=wide,
        narrow_interval=narrow,
        p_value=p_value,
        error=spread.error,
        item_error=float(np.sqrt(spread.item_variance)),
        degrees=spread.degrees,
        detectable=compute_detectable(spread, delta, is_mean=data.statistic is Statistic.MEAN),
        method=f"{name}; {tail}",
    )


def _compute_intervals(
    replica: Floats, delta: float, spread: Spread, data: PairedData
) -> tuple[tuple[float, float], tuple[float, float], str]:
    """The 95% and the 90% interval, and how they came about."""
    if data.is_sparse or data.statistic in LABELLED:
        why = "few items changed: " if data.is_sparse else ""
        reaches = [
            float(stdtrit(spread.tail_degrees, (1 + level) / 2)) * spread.error
            for level in (CONFIDENCE, EQUIVALENCE_CONFIDENCE)
        ]
        wide, narrow = ((delta - reach, delta + reach) for reach in reaches)
        return wide, narrow, f"{why}Student's interval of the jackknife"
    inflation = _compute_inflation(spread, len(data.contribution))
    ordered = np.sort(replica)
    # The tails of a step function's pseudo-values are the jackknife's own, and no sign that the spread is ill known.
    degrees = spread.tail_degrees if data.statistic in SMOOTH else spread.degrees
    wide, narrow = (
        compute_percentile_interval(ordered, widen_quantile(level, degrees, inflation))
        for level in (CONFIDENCE, EQUIVALENCE_CONFIDENCE)
    )
    crossed = " over items and experiments" if spread.replicate_variance > 0 else ""
    return wide, narrow, f"percentile bootstrap{crossed}"


def _compare_spreads(replica: Floats, spread: Spread) -> float:
    """The bootstrap's standard error over the jackknife's, at most 1.

    The jackknife is biased upward (Efron and Stein 1981), and for step functions of the ranking by a tenth and more.
    """
    drawn = float(replica.std(ddof=1)) * float(np.sqrt(spread.n_units / (spread.n_units - 1)))
    return min(1.0, drawn / spread.error)


def _compute_inflation(spread: Spread, n_units: int) -> float:
    drawn = spread.item_variance * (n_units - 1) / n_units + spread.replicate_variance / spread.n_replicates
    return spread.error / float(np.sqrt(drawn))


def _draw_replicates(spread: Spread, n_resamples: int, seed: int, *, flip: bool) -> Floats:
    """The experiments' part of each resample: drawn with replacement, or with their signs flipped."""
    drawn = np.empty(n_resamples)
    draws = Draws(spread.n_replicates, n_resamples, seed)
    for rows, weights in draws.signs() if flip else draws.counts():
        drawn[rows] = weights @ spread.effects / spread.n_replicates
    return drawn


def compute_p_value(flipped: Floats, delta: float, spread: Spread, *, is_sparse: bool = False) -> tuple[float, str]:
    """The sign-flip test, two-sided, ``(1 + extreme)/(1 + flips)`` (Fisher 1935; Smucker et al. 2007).

    Where experiments vary beyond their items, the spread rests on few of them: the p-value's normal score is read
    against Student's t, as the interval is. Where hardly any flip lies beyond the data, or there are hardly any units
    to flip, the flips cannot resolve the p-value, and Student's paired test takes their place, for few units with the
    degrees of freedom that their tails leave; not where few items changed, of which the flips are exact and Student's
    tail is not.

    Returns:
        The p-value and the words that name the method.
    """
    size = np.abs(flipped)
    tolerance = 1e-9 * max(abs(delta), spread.error)
    beyond = int(np.count_nonzero(size > abs(delta) + tolerance))
    if not is_sparse and (beyond < FEWEST_EXTREME or spread.n_units < FEWEST_FLIPPED):
        p_value = 2 * float(stdtr(spread.test_degrees, -abs(delta) / spread.error))
        return p_value, "Student's t beyond the flips' resolution"
    p_value = (1 + int(np.count_nonzero(size >= abs(delta) - tolerance))) / (1 + len(flipped))
    if spread.replicate_variance > 0:
        p_value = 2 * float(stdtr(spread.degrees, float(ndtri(p_value / 2))))
        return min(p_value, 1.0), "sign-flip test of items and experiments"
    return p_value, "sign-flip test"


def _estimate_unchanged(n_units: int) -> Estimate:
    """No unit changed: the exact binomial bound on the share that would (Clopper and Pearson 1934), times one."""
    bound, narrow = (1 - ((1 - level) / 2) ** (1 / n_units) for level in (CONFIDENCE, EQUIVALENCE_CONFIDENCE))
    error = bound / float(ndtri((1 + CONFIDENCE) / 2))
    return Estimate(
        delta=0.0,
        interval=(-bound, bound),
        narrow_interval=(-narrow, narrow),
        p_value=1.0,
        error=error,
        item_error=error,
        degrees=n_units - 1.0,
        detectable=compute_noncentrality(n_units - 1) / compute_bias(n_units - 1) * error,
        method="no item changed: exact binomial bound on the share that would",
    )
