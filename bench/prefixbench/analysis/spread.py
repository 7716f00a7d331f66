"""The standard error of a contrast, taken apart into items and experiments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


TINIEST = 1e-300
"""Where there is no spread at all, quotients stay finite."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the spread of a delta comes from (two-way crossed random effects; Searle, Casella and McCulloch 1992).

    Attributes:
        item_variance: Variance of the delta over draws of items.
        replicate_variance: Variance of one experiment's delta beyond what its items explain.
        n_units: Items, or clusters of them.
        n_replicates: Experiments.
        degrees: Satterthwaite's (1946), of the sum, for normal contributions.
        tail_degrees: The same for contributions with tails as heavy as those seen.
        acceleration: A sixth of the skewness of the delta, from the third moments of both parts (Efron 1987).
        effects: Experiments' effects, centred, with exactly ``replicate_variance``; ``(n_replicates,)``.
    """

    item_variance: float
    replicate_variance: float
    n_units: int
    n_replicates: int
    degrees: float
    tail_degrees: float
    acceleration: float
    effects: Floats

    @property
    def error(self) -> float:
        """Standard error of the delta."""
        return float(np.sqrt(self.item_variance + self.replicate_variance / self.n_replicates))

    def scale(self, ratio: float) -> Spread:
        """The same with every deviation multiplied by ``ratio``."""
        return replace(
            self,
            item_variance=self.item_variance * ratio**2,
            replicate_variance=self.replicate_variance * ratio**2,
            effects=self.effects * ratio,
        )


def compute_spread(contribution: Floats, weight: Floats) -> Spread:
    """Split the spread of paired contributions ``(n_units, n_replicates)`` into items and experiments.

    With one replicate it is the usual standard error of a mean over units. With several, units and replicates are
    crossed: every test sample is in every experiment. What an experiment's delta owes to its items is taken off its
    variance, so that the residual is not counted twice.
    """
    n_units, n_replicates = contribution.shape
    delta = contribution.mean()
    deviation = (contribution[:, 0] if n_replicates == 1 else contribution.mean(axis=1)) - delta * weight
    item_variance = float(np.sum(deviation**2)) / (n_units * (n_units - 1))
    third = float(np.sum(deviation**3)) / n_units**3
    drawn_variance = item_variance * (n_units - 1) / n_units
    own_degrees = n_units - 1.0, count_tail_degrees(deviation)
    if n_replicates == 1:
        acceleration = third / (6 * drawn_variance**1.5) if item_variance > 0 else 0.0
        return Spread(item_variance, 0.0, n_units, 1, *own_degrees, acceleration, np.zeros(1))
    own = contribution.mean(axis=0) - delta
    observed = float(np.sum(own**2)) / (n_replicates - 1)
    residual = contribution - contribution.mean(axis=1, keepdims=True)
    explained = float(residual.var(axis=0, ddof=1).mean()) / n_units * n_replicates / (n_replicates - 1)
    beyond = max(0.0, observed - explained)
    effects = own * np.sqrt(beyond / np.mean(own**2)) if beyond > 0 else np.zeros(n_replicates)
    total = item_variance + beyond / n_replicates
    third += float(np.sum(effects**3)) / n_replicates**3
    of_experiments = (observed / n_replicates) ** 2 / (n_replicates - 1) if beyond > 0 else 0.0
    degrees = [
        min(total**2 / max(item_variance**2 / own + of_experiments, TINIEST), n_units - 1.0) for own in own_degrees
    ]
    drawn_variance += beyond / n_replicates
    acceleration = third / (6 * drawn_variance**1.5) if total > 0 else 0.0
    return Spread(item_variance, beyond, n_units, n_replicates, degrees[0], degrees[1], acceleration, effects)


def count_tail_degrees(deviation: Floats) -> float:
    """Degrees of freedom of a standard error where the tails are heavier than normal; at least 1, at most ``n − 1``.

    A variance of ``n`` values has itself the relative variance ``2/(n − 1) + G₂/n`` with ``G₂`` the excess kurtosis
    (Cramér 1946, section 27.4; ``scipy.stats.kurtosis(bias=False)``), and Satterthwaite's degrees of freedom are two
    over that. Where a prefix changes few items by much, hundreds of items tell the spread no better than twenty would.
    """
    n = len(deviation)
    square = float(np.mean(deviation**2))
    if square <= TINIEST:
        return n - 1.0
    excess = float(np.mean(deviation**4)) / square**2 - 3
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6)
    return max(1.0, 2 / (2 / (n - 1) + max(0.0, excess) / n))


def imagined_variance(n_units: int) -> float:
    """Return what two imagined units, one at each end of the range, add to the variance of a mean of ``n_units``.

    Units that changed little say nothing of the rare one that loses everything, and without an allowance for it one
    query in a hundred losing 90 points passes unseen in a third of samples of a hundred. Agresti and Coull (1998, The
    American Statistician 52, 119–126) allow for unseen successes and failures in the same way. The range is that of a
    score, 0 to 1; the result is in its square.
    """
    return 2 / ((n_units + 2) * (n_units + 1))
