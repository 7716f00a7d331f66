"""What an analysis may be told; everything else follows from the data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """Choices of one analysis. Points are hundredths of the metric's unit.

    Attributes:
        smallest_effect: The smallest difference that matters, in points; verdicts are about it.
        required_loss: A prefix whose removal surely loses more than this many points is required.
        n_resamples: Bootstrap resamples, and sign flips, of each contrast.
        seed: Seeds every draw; with the number of resampled units it fixes them, whatever else is in the run.
        contrasts: Pairs on request, ``(condition, baseline)``, besides those always made.
        metric: The metric asked for; each task's main score where absent.
        n_movers: Items listed for each contrast, those that moved most.
        mixed_models: Whether a mixed-effects model is fitted beside each pooled answer over all tasks.
    """

    smallest_effect: float = 0.5
    required_loss: float = 2.0
    n_resamples: int = 9_999
    seed: int = 42
    contrasts: tuple[tuple[str, str], ...] = ()
    metric: str | None = None
    n_movers: int = 10
    mixed_models: bool = True


CONFIDENCE = 0.95
"""Of every interval shown; tests reject at its complement."""

EQUIVALENCE_CONFIDENCE = 0.90
"""Two one-sided tests at 5% are a 90% interval inside the bounds (Schuirmann 1987; Lakens 2017)."""

POWER = 0.80
"""Of the minimum detectable effect, and of the items that would settle a contrast."""

FEWEST_ITEMS = 10
"""Fewer items, or fewer clusters of items, give no interval worth the name."""

MOST_JACKKNIFE_BLOCKS = 1_000
"""Units beyond this are left out in seeded blocks: skewness and spread are then known well enough."""
