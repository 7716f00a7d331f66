"""From an interval to a word on a claim; decision 1201 gives the reasons.

1. Not run: nothing of what the claim speaks of was measured, or both conditions send the same.
2. Cannot tell: what was measured was not tested (too few independent units), or the interval leaves it open.
3. A direction is confirmed by an interval wholly on its side of zero, and else refuted by one that leaves no room for
   an effect of the margin on that side.
4. *No gain* is confirmed by an interval below the bound and refuted by one above it, *no loss* likewise; *no
   difference* is confirmed by one inside ±bound and refuted by one outside.
5. A size is refuted by an interval that shares nothing with what is claimed, and confirmed by one that shares
   something and lies wholly on the claimed side of zero.
6. What is said of every task needs every row, and one refuted row refutes it; what is said to happen needs one row,
   and only refuted rows refute it.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from prefixbench.analysis.rules import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.claims.claim import ClaimTest


class Outcome(StrEnum):
    """What a run says of a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    CANNOT_TELL = "cannot tell"
    NOT_RUN = "not run"


def judge_interval(
    test: ClaimTest, interval: tuple[float, float], margin: float, baseline_score: float | None = None
) -> Outcome:
    """Judge one interval, in points, of ``condition − baseline``.

    Args:
        test: What is claimed.
        interval: The interval that decides, at the level that its family leaves it.
        margin: The smallest difference that matters, points.
        baseline_score: The baseline's main score in hundredths, for a claim in per cent of it.
    """
    low, high = interval if not test.expects.endswith("loss") else (-interval[1], -interval[0])
    bound = margin if test.within is None else test.within
    if test.expects in {"no gain", "no loss"}:
        return _decide(confirmed=high < bound, refuted=low > bound)
    if test.expects == "no difference":
        return _decide(confirmed=-bound < low and high < bound, refuted=low > bound or high < -bound)
    if test.size is None:
        return _decide(confirmed=low > 0, refuted=high < margin)
    least, most = to_points(test, baseline_score)
    return _decide(confirmed=low > 0 and low <= most and high >= least, refuted=high < least or low > most)


def _decide(*, confirmed: bool, refuted: bool) -> Outcome:
    return Outcome.CONFIRMED if confirmed else Outcome.REFUTED if refuted else Outcome.CANNOT_TELL


def to_points(test: ClaimTest, baseline_score: float | None) -> tuple[float, float]:
    """Return the claimed size in points.

    Raises:
        ValueError: A claim without size, or one in per cent of a score that is not given.
    """
    if test.size is None:
        raise ValueError("the claim has no size")
    if test.unit == "points":
        return test.size
    if baseline_score is None:
        raise ValueError("a claim in per cent needs the baseline's score")
    return test.size[0] * baseline_score / 100, test.size[1] * baseline_score / 100


def judge_verdict(verdict: str) -> Outcome | None:
    """Return the word that a row's verdict fixes whatever its interval; nothing where the interval speaks."""
    if verdict in (Verdict.SAME_STRINGS, Verdict.INERT):
        return Outcome.NOT_RUN
    return Outcome.CANNOT_TELL if verdict == Verdict.DESCRIBED else None


def combine(outcomes: Sequence[Outcome], holds: str) -> Outcome:
    """Return the word on a claim from those on the rows that speak of it."""
    told = [one for one in outcomes if one is not Outcome.NOT_RUN]
    if not told:
        return Outcome.NOT_RUN
    of_one, of_all = (
        (Outcome.REFUTED, Outcome.CONFIRMED) if holds == "everywhere" else (Outcome.CONFIRMED, Outcome.REFUTED)
    )
    if of_one in told:
        return of_one
    return of_all if all(one is of_all for one in told) else Outcome.CANNOT_TELL


def count_items_needed(mde: float, margin: float, n_items: int, size: float) -> int | None:
    """Return how many items show an effect of this size with 80% power, at the level of the row's family.

    What is needed beyond the margin shrinks by ``√(n_items/n)``; the spread is that of the run's items.

    Args:
        mde: Points detectable with ``n_items`` items.
        margin: Points.
        n_items: Items of the run.
        size: The effect, points, without sign.

    Returns:
        The number; ``None`` where the effect is not beyond the margin, or the run says nothing of the spread.
    """
    if not math.isfinite(mde) or mde <= margin or size <= margin:
        return None
    return math.ceil(n_items * ((mde - margin) / (size - margin)) ** 2)
