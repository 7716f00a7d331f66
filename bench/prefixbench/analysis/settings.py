"""What an analysis may be told; everything else follows from the data."""

from __future__ import annotations

from dataclasses import dataclass


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

    smallest_effect: float = 0.5
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
