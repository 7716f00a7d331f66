"""One family of intervals, for every verdict: Hall's transformation of the studentised delta."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class Estimate:
    """A delta and all that its interval needs, in points.

    An interval at any level and a p-value against any bound follow from these four numbers, so that the test and the
    interval can never disagree. The studentised delta ``T`` of skewed contributions is not Student's: Hall (1992,
    Journal of the Royal Statistical Society B 54, 221–228) transforms it by the monotone cubic
    ``g(T) = ((1 + 2aT)³ − 1)/(6a) + a``, which is normal but for terms of order ``1/n``; ``a`` is the acceleration, a
    sixth of the skewness of the delta. Student's t with the degrees of freedom that the tails leave stands in for the
    normal.

    Attributes:
        delta: Score minus baseline score.
        error: Standard error of the delta, items and experiments together.
        acceleration: A sixth of the skewness of the delta.
        degrees: Degrees of freedom of ``error`` for contributions with tails as heavy as those seen.
    """

    delta: float
    error: float
    acceleration: float = 0.0
    degrees: float = math.inf

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the two-sided interval at level ``1 − alpha``."""
        reach = _quantile(alpha, self.degrees)
        return self.delta - self.error * self._untransform(reach), self.delta - self.error * self._untransform(-reach)

    def p_against(self, bound: float) -> float:
        """Return the two-sided p-value of a true delta of ``bound``: it is ``alpha`` where the interval ends."""
        gap = self.delta - bound
        if self.error <= 0:
            return 1.0 if gap == 0 else 0.0
        score = self._transform(gap / self.error)
        return min(1.0, 2 * _tail(abs(score), self.degrees))

    def reversed(self) -> Estimate:
        """Return the estimate of baseline minus score."""
        return Estimate(-self.delta, self.error, -self.acceleration, self.degrees)

    def detectable(self, margin: float, alpha: float, power: float) -> float:
        """Return the size of an effect whose interval at ``1 − alpha`` lies beyond ``margin`` with this power.

        In the direction of the delta. A mean and its standard error move together under skew, by three times the
        acceleration (Johnson 1978, Journal of the American Statistical Association 73, 536–544), so what is needed
        beyond the critical value stretches by ``|1 − 3·a·t|``.
        """
        sign = 1.0 if self.delta >= 0 else -1.0
        critical = self._untransform(sign * _quantile(alpha, self.degrees)) * sign
        beyond = _quantile(2 * (1 - power), math.inf)
        stretch = abs(1 - 3 * self.acceleration * sign * critical)
        return margin + self.error * (critical + beyond * stretch)

    def _transform(self, t: float) -> float:
        a = self.acceleration
        return t if abs(a) < _STRAIGHT else (math.pow(1 + 2 * a * t, 3) - 1) / (6 * a) + a

    def _untransform(self, z: float) -> float:
        a = self.acceleration
        return z if abs(a) < _STRAIGHT else (math.cbrt(1 + 6 * a * (z - a)) - 1) / (2 * a)


_STRAIGHT = 1e-8
"""Below this acceleration the transformation is the identity to the last digit, and its formula divides by nearly 0."""


def _quantile(alpha: float, degrees: float) -> float:
    """Return the two-sided critical value."""
    return float(-stdtrit(_finite(degrees), alpha / 2))


def _tail(t: float, degrees: float) -> float:
    return float(stdtr(_finite(degrees), -t))


def _finite(degrees: float) -> float:
    return min(degrees, 1e9)
