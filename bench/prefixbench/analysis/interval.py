"""One family of intervals, for every verdict: Hall's transformation of the studentised delta."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

from scipy.special import stdtr, stdtrit


@dataclass(frozen=True)
class Estimate:
    """A delta and all that its intervals need, in points.

    An interval at any level and a p-value against any bound follow from these numbers, so that the test and the
    interval can never disagree. ``interval`` is what the items show. ``cautious_interval`` allows for what none of them
    showed besides, and decides: to either side it is never the narrower of the two, so that a word which it supports is
    supported by ``interval`` too. The studentised delta ``T`` of skewed contributions is not Student's: Hall (1992,
    Journal of the Royal Statistical Society B 54, 221–228) transforms it by the monotone cubic
    ``g(T) = ((1 + 2aT)³ − 1)/(6a) + a``, which is normal but for terms of order ``1/n``; ``a`` is the acceleration, a
    sixth of the skewness of the delta. Student's t with the degrees of freedom that the tails leave stands in for the
    normal.

    Attributes:
        delta: Score minus baseline score.
        error: Standard error of the delta as seen, items and experiments together.
        acceleration: A sixth of the skewness of the delta.
        degrees: Degrees of freedom of ``error`` for contributions with tails as heavy as those seen.
        unseen: Standard error that imagined items add (`prefixbench.analysis.spread.imagined_variance`).
    """

    delta: float
    error: float
    acceleration: float = 0.0
    degrees: float = math.inf
    unseen: float = 0.0

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the two-sided interval at level ``1 − alpha``."""
        reach = _quantile(alpha, self.degrees)
        return self._reach(reach)

    def _reach(self, reach: float) -> tuple[float, float]:
        """Where the interval ends for a critical value."""
        return self.delta - self.error * self._untransform(reach), self.delta - self.error * self._untransform(-reach)

    def p_against(self, bound: float) -> float:
        """Return the two-sided p-value of a true delta of ``bound``: it is ``alpha`` where the interval ends."""
        gap = self.delta - bound
        if self.error <= 0:
            return 1.0 if gap == 0 else 0.0
        score = self._transform(gap / self.error)
        return min(1.0, 2 * _tail(abs(score), self.degrees))

    @cached_property
    def cautious_error(self) -> float:
        """Standard error with the imagined items in it."""
        return math.hypot(self.error, self.unseen)

    def cautious_interval(self, alpha: float) -> tuple[float, float]:
        """Return the two-sided interval at level ``1 − alpha`` that allows for items which nobody saw."""
        reach = _quantile(alpha, self.degrees)
        (low, high), (wide_low, wide_high) = self._reach(reach), self._wide._reach(reach)
        return min(low, wide_low), max(high, wide_high)

    def cautious_p_against(self, bound: float) -> float:
        """Return the p-value that belongs to `cautious_interval`."""
        return max(self.p_against(bound), self._wide.p_against(bound))

    @cached_property
    def _wide(self) -> Estimate:
        """The estimate whose error holds the imagined items, which lean to neither side."""
        wide = self.cautious_error
        acceleration = self.acceleration * (self.error / wide) ** 3 if wide > 0 else 0.0
        return Estimate(self.delta, wide, acceleration, self.degrees)

    def detectable(self, margin: float, alpha: float, power: float) -> float:
        """Return the size of an effect whose cautious interval lies beyond ``margin`` with this power.

        In the direction of the delta. The interval's end must pass the margin, and samples scatter about the effect by
        the error as seen alone: imagined items widen every interval by the same and scatter nothing. The end scatters
        as the delta less ``t`` errors: by the delta method its variance is ``1 − 6·a·t + t²/(2·degrees)`` squared
        errors, since under skew a mean and its error move together, and tails leave the error itself uncertain.
        """
        low, high = self.cautious_interval(alpha)
        reach = self.delta - low if self.delta >= 0 else high - self.delta
        beyond = _quantile(2 * (1 - power), math.inf)
        moved = reach * self.error / self.cautious_error**2 if self.error > 0 else 0.0
        together = 3 * self.acceleration * math.copysign(moved, self.delta)
        apart = max(moved**2 / (2 * self.degrees), together**2)
        return margin + reach + self.error * beyond * math.sqrt(1 - 2 * together + apart)

    def _transform(self, t: float) -> float:
        a = self.acceleration
        return t if abs(a) < _STRAIGHT else (math.pow(1 + 2 * a * t, 3) - 1) / (6 * a) + a

    def _untransform(self, z: float) -> float:
        a = self.acceleration
        return z if abs(a) < _STRAIGHT else (math.cbrt(1 + 6 * a * (z - a)) - 1) / (2 * a)


_STRAIGHT = 1e-8
"""Below this acceleration the transformation is the identity to the last digit, and its formula divides by nearly 0."""


@lru_cache(maxsize=100_000)
def _quantile(alpha: float, degrees: float) -> float:
    """Return the two-sided critical value."""
    return float(-stdtrit(_finite(degrees), alpha / 2))


def _tail(t: float, degrees: float) -> float:
    return float(stdtr(_finite(degrees), -t))


def _finite(degrees: float) -> float:
    return min(degrees, 1e9)
