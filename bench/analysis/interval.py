"""Bootstrap intervals: bias-corrected and accelerated, widened for small samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def compute_bca_interval(
    replica: Floats, estimate: float, acceleration: float, normal_quantile: float, *, corrects_bias: bool = True
) -> tuple[float, float]:
    """The BCa interval (Efron 1987) at a two-sided normal quantile.

    With ``normal_quantile = 1.96`` and the jackknife's acceleration it is ``scipy.stats.bootstrap(method="BCa")``.

    Args:
        replica: Sorted bootstrap replicas ``(n_resamples,)``.
        estimate: The statistic of the data.
        acceleration: Skewness of the contributions over six times the root of their number.
        normal_quantile: 1.96 for 95%, or the wider `widen_quantile`.
        corrects_bias: Whether the median bias of the replicas is corrected; see `bench.analysis.inference`.

    Returns:
        Lower and upper end, in the replicas' unit; both equal the one replica where all are the same.
    """
    n = len(replica)
    below, through = (int(np.searchsorted(replica, estimate, side=side)) for side in ("left", "right"))
    share = np.clip((below + through) / 2 / n, 0.5 / n, 1 - 0.5 / n)
    bias = ndtri(share) if corrects_bias else 0.0
    shifted = bias + np.array([-normal_quantile, normal_quantile])
    level = ndtr(bias + shifted / (1 - acceleration * shifted))
    position = level * (n - 1)
    floor = np.minimum(position.astype(np.int64), n - 2)
    ends = replica[floor] + (position - floor) * (replica[floor + 1] - replica[floor])
    return float(ends[0]), float(ends[1])


def widen_quantile(confidence: float, degrees: float, inflation: float) -> float:
    """The normal quantile at which a percentile interval is as wide as Student's.

    A bootstrap of ``n`` units is too narrow by ``√((n − 1)/n)`` and knows nothing of the spread being estimated;
    Hesterberg (2015, The American Statistician 69, section 3.2) puts both right by taking the percentiles further out.

    Args:
        confidence: Of the interval, two-sided.
        degrees: Degrees of freedom of the standard error.
        inflation: Standard error over the replicas' spread, ``√(n/(n − 1))`` for ``n`` units.
    """
    return float(stdtrit(degrees, (1 + confidence) / 2) * inflation)


def compute_sparse_interval(change: Floats, confidence: float) -> tuple[float, float, float]:
    """An interval for a mean change where few units changed at all.

    Agresti and Min (2005, Statistics in Medicine 24) add half a pair to each cell of a paired two-by-two table before
    taking Wald's interval. Here half a unit is added that gained, half that lost, and one that did not change, the
    gain and the loss being as large as the changes seen (root mean square); for hits and misses it is their interval.

    Args:
        change: Each unit's change, ``(n_units,)``, not all nought.
        confidence: Two-sided.

    Returns:
        Lower end, upper end and standard error.
    """
    n = len(change) + 2
    total, squares = float(change.sum()), float(np.sum(change**2))
    squares += squares / np.count_nonzero(change)
    error = float(np.sqrt(squares - total**2 / n)) / n
    reach = float(stdtrit(len(change) - 1, (1 + confidence) / 2)) * error
    return total / n - reach, total / n + reach, error
