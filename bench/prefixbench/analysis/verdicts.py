"""The verdict on a difference: one rule, used for single contrasts and for pooled ones."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from prefixbench.analysis.settings import CONFIDENCE, EQUIVALENCE_CONFIDENCE, POWER

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHA = 1 - CONFIDENCE
MOST_ITEMS = 10_000_000
"""A contrast that needs more than this is as good as never settled."""


class Verdict(StrEnum):
    """What a difference comes to."""

    HELPS = "helps"
    HURTS = "hurts"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"


def decide_verdict(
    interval: tuple[float, float], narrow_interval: tuple[float, float], p_value: float, smallest_effect: float
) -> Verdict:
    """The rule.

    ``helps`` and ``hurts``: the whole 95% interval lies beyond the smallest effect that matters, and the p-value,
    corrected for multiplicity where the contrast was planned, is at most 5%. ``equivalent``: the 90% interval lies
    inside ± the smallest effect, which is two one-sided tests at 5%. ``inconclusive``: neither.

    A difference that is surely there but surely too small to matter is ``equivalent``.

    Args:
        interval: 95%, points.
        narrow_interval: 90%, points.
        p_value: Two-sided, after Holm where there is a family.
        smallest_effect: Points, at least 0.
    """
    if p_value <= ALPHA and interval[0] > smallest_effect:
        return Verdict.HELPS
    if p_value <= ALPHA and interval[1] < -smallest_effect:
        return Verdict.HURTS
    if -smallest_effect < narrow_interval[0] and narrow_interval[1] < smallest_effect:
        return Verdict.EQUIVALENT
    return Verdict.INCONCLUSIVE


def correct_for_multiplicity(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction over one family (statsmodels)."""
    from statsmodels.stats.multitest import multipletests

    if not p_values:
        return []
    return [float(value) for value in multipletests(p_values, alpha=ALPHA, method="holm")[1]]


def count_items_to_settle(
    delta: float, errors: tuple[float, float], n_items: int, smallest_effect: float, correction: float
) -> int | None:
    """Items at which an inconclusive contrast would be settled with 80% power, were its delta the true one.

    The error of ``n`` items is ``e·√(n_items/n)`` beside what experiments add. A delta beyond the smallest effect
    needs ``(z₁₋ₐ⸝₂ + z₀.₈)·error ≤ |delta| − smallest``, one inside it ``(z₀.₉₅ + z₀.₉)·error ≤ smallest − |delta|``
    (Chow, Shao and Wang 2008, sections 3.2 and 3.3).

    Args:
        delta: Points.
        errors: Standard error in points, of all and of the items' part.
        n_items: Items now.
        smallest_effect: Points.
        correction: Factor that Holm put on the p-value; it makes the first requirement harder.

    Returns:
        The number, or ``None`` where no number of items settles it: experiments alone leave too much spread, or the
        delta sits on the edge.
    """
    gap = abs(delta) - smallest_effect
    if gap > 0:
        reach = norm.isf(ALPHA / 2 / max(correction, 1.0)) + norm.ppf(POWER)
    else:
        reach = norm.ppf((1 + EQUIVALENCE_CONFIDENCE) / 2) + norm.ppf((1 + POWER) / 2)
    error, item_error = errors
    room = (abs(gap) / float(reach)) ** 2 - max(0.0, error**2 - item_error**2)
    if room <= 0 or item_error**2 * n_items / room > MOST_ITEMS:
        return None
    return max(n_items + 1, int(np.ceil(n_items * item_error**2 / room)))
