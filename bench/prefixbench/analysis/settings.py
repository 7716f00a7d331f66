"""What an analysis may be told; everything else follows from the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prefixbench.spec.margins import DEFAULT_EFFECT


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """Choices of one analysis. Points are hundredths of the metric's unit.

    Attributes:
        smallest_effect: The smallest difference that matters, in points; verdicts are about it.
        smallest_effects: The same for single metrics by name, ``(metric, points)``, in place of it.
        required_loss: A prefix whose removal surely loses more than this many points is required.
        n_resamples: Bootstrap resamples behind the standard error of statistics whose jackknife is biased.
        seed: Seeds every draw; with the number of resampled units it fixes them, whatever else is in the run.
        contrasts: Pairs on request, ``(condition, baseline)``, besides those always made.
        metric: The metric asked for; each task's main score where absent.
        n_movers: Items listed for each contrast, those that moved most.
    """

    smallest_effect: float = DEFAULT_EFFECT
    smallest_effects: tuple[tuple[str, float], ...] = ()
    required_loss: float = 2.0
    n_resamples: int = 1_999
    seed: int = 42
    contrasts: tuple[tuple[str, str], ...] = ()
    metric: str | None = None
    n_movers: int = 10

    def margin_of(self, metric: str) -> float:
        """Return the smallest effect that matters for a metric, points."""
        return dict(self.smallest_effects).get(metric, self.smallest_effect)

    def describe_margins(self) -> str:
        """Return ``±0.5``, with the metrics that have another margin."""
        named = [f"{metric} ±{points:g}" for metric, points in self.smallest_effects if points != self.smallest_effect]
        return ", ".join([f"±{self.smallest_effect:g}", *named])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of an analysis in place of what was declared with the run.

    Attributes:
        smallest_effects: Points by metric, `prefixbench.spec.margins.OTHERS` for those not named.
        seed: Of the analysis.
        metric: In place of the main scores.
    """

    smallest_effects: Mapping[str, float] = field(default_factory=dict)
    seed: int | None = None
    metric: str | None = None


CONFIDENCE = 0.95
"""Of every interval shown before correction; a family of verdicts is wrong with at most its complement."""

POWER = 0.80
"""Of the minimum detectable effect."""

FEWEST_ITEMS = 10
"""Fewer items, or fewer clusters of items, give no interval worth the name."""

FEWEST_UNITS = 100
"""Fewer independent units give no verdict: the row is described, not tested."""

MOST_JACKKNIFE_BLOCKS = 1_000
"""Units beyond this are left out in seeded blocks: skewness and spread are then known well enough."""
