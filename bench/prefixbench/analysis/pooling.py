"""Several estimates to one: over a task's subsets, over the tasks of a type, over unlike tasks by partial pooling."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.settings import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

NAN = math.nan

FEWEST_POOLED = 3
"""Tasks from which a mean of tasks in general, beyond those measured, is estimated."""

FEWEST_PREDICTED = 5
"""Tasks from which an interval for one more task is given."""

SPREAD_OF_TASKS = 5.0
"""Scale in points of the half-normal prior on how much true deltas differ between tasks. Deltas of documented prefixes
range over a few points within a model; the prior matters where tasks are few."""


WEIGHTLESS = 1e-20
"""Of the largest weight of a mixture; what lies below is lost in the rounding of any sum."""


def average_correlated(estimates: Sequence[Estimate]) -> Estimate:
    """Average the subsets and splits of one task.

    They share texts (translations) or items, so their errors are taken as fully correlated: the error of their mean is
    the mean of their errors, which is never too small. A task with twelve subsets counts once.
    """
    if len(estimates) == 1:
        return estimates[0]
    return Estimate(
        delta=float(np.mean([one.delta for one in estimates])),
        error=float(np.mean([one.error for one in estimates])),
        acceleration=float(np.mean([one.acceleration for one in estimates])),
        degrees=min(one.degrees for one in estimates),
        unseen=float(np.mean([one.unseen for one in estimates])),
    )


def average_tasks(estimates: Sequence[Estimate]) -> Estimate:
    """Average these very tasks, which share no items; says nothing of other tasks.

    Variances add, third moments too, and the degrees of freedom are Satterthwaite's (1946).
    """
    if len(estimates) == 1:
        return estimates[0]
    errors = np.array([one.error for one in estimates])
    total = float(np.sum(errors**2))
    delta = float(np.mean([one.delta for one in estimates]))
    unseen = math.hypot(*(one.unseen for one in estimates)) / len(estimates)
    if total <= 0:
        return Estimate(delta, 0.0, unseen=unseen)
    third = sum(one.acceleration * one.error**3 for one in estimates)
    spent = sum(one.error**4 / one.degrees for one in estimates)
    degrees = total**2 / spent if spent > 0 else math.inf
    return Estimate(delta, math.sqrt(total) / len(estimates), third / total**1.5, degrees, unseen)


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """What tasks of a kind say of such tasks in general, points; NaN where they are too few."""

    mean: float = NAN
    interval: tuple[float, float] = (NAN, NAN)
    tau2: float = NAN
    prediction: tuple[float, float] = (NAN, NAN)


def pool_tasks(estimates: Sequence[Estimate]) -> RandomEffects:
    """Random-effects mean over three tasks or more, with a prediction interval from five.

    Between-task variance by Paule and Mandel's iteration (1982); the interval by Hartung, Knapp, Sidik and Jonkman
    with ``k − 1`` degrees of freedom, never narrower than the plain random-effects one (IntHout, Ioannidis and Borm
    2014, BMC Medical Research Methodology 14, 25); the prediction interval by Higgins, Thompson and Spiegelhalter
    (2009, Journal of the Royal Statistical Society A 172, 137–159).
    """
    n_tasks = len(estimates)
    if n_tasks < FEWEST_POOLED:
        return RandomEffects()
    from statsmodels.stats.meta_analysis import combine_effects

    deltas = np.array([one.delta for one in estimates])
    variances = np.array([one.cautious_error**2 for one in estimates])
    with np.errstate(divide="ignore", invalid="ignore"):  # deltas that are all the same: no heterogeneity
        result = combine_effects(deltas, variances, method_re="iterated", use_t=True)
    tau2 = max(0.0, float(result.tau2))
    mean = float(result.mean_effect_re)
    error = max(float(result.sd_eff_w_re_hksj), float(result.sd_eff_w_re))
    reach = float(stdtrit(n_tasks - 1, (1 + CONFIDENCE) / 2)) * error
    prediction = (NAN, NAN)
    if n_tasks >= FEWEST_PREDICTED:
        far = float(stdtrit(n_tasks - 2, (1 + CONFIDENCE) / 2) * math.sqrt(tau2 + error**2))
        prediction = (mean - far, mean + far)
    return RandomEffects(mean, (mean - reach, mean + reach), tau2, prediction)


@dataclass(frozen=True, slots=True)
class Belief:
    """Where a true delta lies, points: the mean, the central 95%, and the probability that it is above zero."""

    mean: float = NAN
    low: float = NAN
    high: float = NAN
    pr_positive: float = NAN


def share_tasks(estimates: Sequence[Estimate]) -> tuple[list[Belief], Belief]:
    """Partial pooling over unlike tasks: each task's true delta with the others in view, and a new task's.

    The normal hierarchical model (Gelman et al. 2013, Bayesian Data Analysis, section 5.4): deltas are normal about
    true deltas, which are normal about a mean with a flat prior, with a spread under a half-normal prior. The spread
    is integrated over a grid; no mean over unlike metrics is reported.

    Returns:
        One belief a task, and that of a new task; all NaN below two tasks.
    """
    if len(estimates) < 2:
        return [Belief() for _ in estimates], Belief()
    deltas = np.array([one.delta for one in estimates])
    variances = np.maximum(np.array([one.cautious_error**2 for one in estimates]), 1e-12)
    spreads = np.linspace(0.0, 4 * SPREAD_OF_TASKS, 121)[:, None]
    precisions = 1 / (variances + spreads**2)
    weight = precisions.sum(axis=1)
    mean = (precisions @ deltas) / weight
    logs = 0.5 * np.log(precisions).sum(axis=1) - 0.5 * np.log(weight)
    logs -= 0.5 * (precisions * (deltas - mean[:, None]) ** 2).sum(axis=1)
    logs -= 0.5 * (spreads[:, 0] / SPREAD_OF_TASKS) ** 2
    mixture = np.exp(logs - logs.max())
    mixture /= mixture.sum()
    own = spreads**2 / (spreads**2 + variances)
    centres = own * deltas + (1 - own) * mean[:, None]
    widths = np.sqrt(own * variances + (1 - own) ** 2 / weight[:, None])
    new_width = np.sqrt(spreads[:, 0] ** 2 + 1 / weight)
    *tasks, new = _summarise(mixture, np.column_stack([centres, mean]), np.column_stack([widths, new_width]))
    return tasks, new


def _summarise(mixture: Floats, centres: Floats, widths: Floats) -> list[Belief]:
    """Return the belief that each column's mixture of normals stands for.

    Args:
        mixture: Weights, shape ``(n_spreads,)``.
        centres: Shape ``(n_spreads, n_columns)``.
        widths: Same shape.
    """
    means = mixture @ centres
    reach = 8 * np.sqrt(mixture @ (widths**2 + (centres - means) ** 2))
    shares = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    lows, highs = (_find_quantile(share, mixture, centres, widths, means, reach) for share in shares)
    positive = np.minimum(1.0, mixture @ ndtr(centres / widths))
    return [Belief(*map(float, own)) for own in zip(means, lows, highs, positive, strict=True)]


def _find_quantile(
    share: float, mixture: Floats, centres: Floats, widths: Floats, means: Floats, reach: Floats
) -> Floats:
    """Bisect for the point below which a share of each column's mixture lies, to a millionth of its reach."""
    # Spreads that carry no weight change no share.
    carries = mixture > WEIGHTLESS * mixture.max()
    mixture, centres, widths = mixture[carries], centres[carries], widths[carries]
    low, high = means - reach, means + reach
    for _ in range(20):
        middle = (low + high) / 2
        is_below = mixture @ ndtr((middle - centres) / widths) < share
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.asarray((low + high) / 2)
