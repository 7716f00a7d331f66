"""From intervals to words: the rules of every verdict, in the order in which they apply.

1. Units. Fewer than `FEWEST_UNITS` independent units are described, not tested; ten draws of one corpus are none.
2. Same strings. Two names of one cell, or strings that the tokenizer reads alike, measured nothing: never counted.
   Inert. What one of the two sends was shown to move no vector: nothing was measured either.
3. One hypothesis. A difference matters beyond ±m. One interval decides: beyond m it *helps* or *hurts*, inside ±m it
   is *equivalent*, beyond zero alone *positive* or *negative, size open*, else *inconclusive*. Its p-value is that of
   the bound nearest to a verdict (`Claim.p_value`), so that test and interval are one.
4. Families. Primary: ``correct-none``, Holm (1979) within a model over its distinct tasks. Sides: what each side's
   prefix is worth, Holm within the model over the tasks whose primary contrast has a verdict. Exploratory: all else,
   Benjamini and Hochberg (1995) within a model. Another model, its tasks, or a duplicate change nothing.
5. The adjusted interval is the one at the level its family leaves it; its p-value there is the adjusted one. It allows
   for items that nobody saw and never lies within the plain interval, which is as seen; the gate's does the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.settings import CONFIDENCE, FEWEST_UNITS, POWER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prefixbench.analysis.interval import Estimate

ALPHA = 1 - CONFIDENCE

ONE_CORPUS = 0
"""Units of a clustering task: its draws are draws of one corpus, not units of it."""


class Verdict(StrEnum):
    """What a difference comes to; the words are the same on every surface."""

    HELPS = "helps"
    HURTS = "hurts"
    EQUIVALENT = "equivalent"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    INCONCLUSIVE = "inconclusive"
    DESCRIBED = "described"
    SAME_STRINGS = "same strings"
    INERT = "inert"

    @property
    def is_declared(self) -> bool:
        """Whether something was shown about the margin."""
        return self in (Verdict.HELPS, Verdict.HURTS, Verdict.EQUIVALENT)

    @property
    def is_measured(self) -> bool:
        """Whether anything was measured and tested."""
        return self not in (Verdict.SAME_STRINGS, Verdict.INERT, Verdict.DESCRIBED)

    @property
    def words(self) -> str:
        """The verdict as it stands in a sentence."""
        return _WORDS.get(self, self.value)


_WORDS = {
    Verdict.POSITIVE: "positive, size open",
    Verdict.NEGATIVE: "negative, size open",
    Verdict.DESCRIBED: "described, not tested",
}


class Family(StrEnum):
    """The claims whose errors are counted together, within one model."""

    PRIMARY = "primary"
    SIDES = "sides"
    EXPLORATORY = "exploratory"


@dataclass(frozen=True)
class Claim:
    """One difference and what is asked of it.

    Attributes:
        estimate: Points.
        margin: The smallest difference that matters, points.
        n_units: Independent units.
        same_strings: Whether nothing was measured: both conditions sent the same, or one of them is inert.
        inert: Why, where one of them is inert.
    """

    estimate: Estimate
    margin: float
    n_units: int
    same_strings: bool = False
    inert: str = ""

    @property
    def is_tested(self) -> bool:
        """Whether it takes part in its family."""
        return not self.same_strings and self.n_units >= FEWEST_UNITS

    @cached_property
    def p_value(self) -> float:
        """The p-value of the verdict: what stands between the data and a word.

        ``helps`` must exclude m, ``hurts`` −m, ``equivalent`` both; the p-value is that of the bound, or the larger of
        two. A false word needs the exclusion of a bound that is true, so its chance is at most the level.
        """
        beyond = self.estimate.cautious_p_against(self.margin), self.estimate.cautious_p_against(-self.margin)
        if self.estimate.delta > self.margin:
            return beyond[0]
        return beyond[1] if self.estimate.delta < -self.margin else max(beyond)


@dataclass(frozen=True, slots=True)
class Decision:
    """A claim decided within its family.

    Attributes:
        verdict: The word.
        p_adjusted: The family's p-value; NaN where the claim is not tested.
        alpha: The level that the family leaves this claim.
        interval: The adjusted interval, points.
        mde: The effect whose verdict would be reached with 80% power at the family's strictest level, points; NaN where
            not tested.
    """

    verdict: Verdict
    p_adjusted: float
    alpha: float
    interval: tuple[float, float]
    mde: float


OPPOSITE = {
    Verdict.HELPS: Verdict.HURTS,
    Verdict.HURTS: Verdict.HELPS,
    Verdict.POSITIVE: Verdict.NEGATIVE,
    Verdict.NEGATIVE: Verdict.POSITIVE,
}


def reverse_decision(decision: Decision) -> Decision:
    """Return the decision on the same claim with condition and baseline exchanged."""
    low, high = decision.interval
    return replace(decision, verdict=OPPOSITE.get(decision.verdict, decision.verdict), interval=(-high, -low))


def decide_family(claims: Sequence[Claim], family: Family) -> list[Decision]:
    """Decide all claims of one family; what is not tested takes no part and costs the others nothing."""
    tested = [number for number, claim in enumerate(claims) if claim.is_tested]
    p_values = [claims[number].p_value for number in tested]
    adjusted = adjust_p_values(p_values, family)
    n_declared = sum(value <= ALPHA for value in adjusted)
    decisions = [_leave_untested(claim) for claim in claims]
    strictest = ALPHA / max(1, len(tested))
    for number, p_value, corrected in zip(tested, p_values, adjusted, strict=True):
        # The level at which the interval says what the corrected test says; what is not declared gets the strictest,
        # for exploratory claims times the number declared (Benjamini and Yekutieli 2005).
        alpha = strictest * max(1, n_declared if family is Family.EXPLORATORY else 1)
        if corrected <= ALPHA:
            alpha = max(alpha, ALPHA * p_value / corrected if corrected > 0 else strictest)
        claim = claims[number]
        interval = claim.estimate.cautious_interval(alpha)
        verdict = read_interval(interval, claim.margin)
        mde = claim.estimate.detectable(claim.margin, strictest, POWER)
        decisions[number] = Decision(verdict, min(1.0, corrected), alpha, interval, mde)
    return decisions


def read_interval(interval: tuple[float, float], margin: float) -> Verdict:
    """Return the word that an interval supports; no word is ever given without one."""
    low, high = interval
    if low > margin:
        return Verdict.HELPS
    if high < -margin:
        return Verdict.HURTS
    if -margin < low and high < margin:
        return Verdict.EQUIVALENT
    if low > 0:
        return Verdict.POSITIVE
    return Verdict.NEGATIVE if high < 0 else Verdict.INCONCLUSIVE


def _leave_untested(claim: Claim) -> Decision:
    nothing = Verdict.INERT if claim.inert else Verdict.SAME_STRINGS
    verdict = nothing if claim.same_strings else Verdict.DESCRIBED
    interval = (0.0, 0.0) if claim.same_strings else claim.estimate.cautious_interval(ALPHA)
    return Decision(verdict, math.nan, ALPHA, interval, math.nan)


def adjust_p_values(p_values: Sequence[float], family: Family) -> list[float]:
    """Correct within one family: Holm (1979), or Benjamini and Hochberg (1995) where it is exploratory."""
    if not p_values:
        return []
    raw = np.array(p_values)
    order = np.argsort(raw, kind="stable")
    if family is Family.EXPLORATORY:
        # As `scipy.stats.false_discovery_control`; all of scipy.stats would be half a second at every command's start.
        over = raw[order] * (len(raw) / np.arange(1, len(raw) + 1))
        stepped = np.minimum.accumulate(over[::-1])[::-1]
    else:
        stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in corrected]


def count_items_for_margin(decision: Decision, claim: Claim, item_error: float, n_items: int) -> int | None:
    """Return how many items would make the adjusted interval reach m to either side.

    With ``n`` items the variance seen shrinks by ``n_items/n``, that of imagined items by its square, and what
    experiments add stays. No observed delta is plugged in: what the data then say is open.

    Returns:
        The number; ``None`` where experiments alone leave it wider than that, or where it is that narrow already.
    """
    half = (decision.interval[1] - decision.interval[0]) / 2
    error, unseen = claim.estimate.cautious_error, claim.estimate.unseen**2
    if not claim.is_tested or half <= claim.margin or error <= 0 or claim.margin <= 0:
        return None
    seen = item_error**2
    stays = max(0.0, claim.estimate.error**2 - seen)
    room = (claim.margin * error / half) ** 2 - stays
    # share² · unseen + share · seen = room, for share = n_items/n
    return math.ceil(n_items * (seen + math.sqrt(seen**2 + 4 * unseen * room)) / (2 * room)) if room > 0 else None


def explain(decision: Decision, claim: Claim, plain: tuple[float, float]) -> str:
    """Return why an interval that looks decisive is not, or nothing where the word speaks for itself."""
    if decision.verdict is Verdict.DESCRIBED:
        if claim.n_units == ONE_CORPUS:
            return "draws of one corpus, which speak of that corpus only"
        return f"{claim.n_units} independent units, fewer than {FEWEST_UNITS}"
    if decision.verdict is Verdict.SAME_STRINGS:
        return "both send the same"
    if decision.verdict is Verdict.INERT:
        return claim.inert
    alone = read_interval(claim.estimate.cautious_interval(ALPHA), claim.margin)
    if alone is not decision.verdict:
        return f"{alone.words} alone, not within its family (p {format_p(decision.p_adjusted)})"
    seen = read_interval(plain, claim.margin)
    if seen is not decision.verdict:
        return f"{seen.words} by the items seen, not once rare ones that nobody saw are allowed for"
    if decision.verdict in (Verdict.POSITIVE, Verdict.NEGATIVE):
        return f"beyond zero, perhaps within ±{claim.margin:g}"
    if decision.verdict is Verdict.INCONCLUSIVE:
        low, high = decision.interval
        said = f"the data allow {low:+.1f} to {high:+.1f}; this run could have found ±{decision.mde:.1f}"
        return said.replace("-", "−")
    return ""


def format_p(value: float) -> str:
    """Return two significant digits, or the bound that smaller values lie below."""
    if math.isnan(value):
        return ""
    return f"{value:.2g}" if value >= 0.0001 else "<0.0001"
