"""Bootstrap intervals, widened for small samples and heavy tails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def compute_percentile_interval(replica: Floats, normal_quantile: float) -> tuple[float, float]:
    """The percentiles of the replicas at a two-sided normal quantile.

    With ``normal_quantile = 1.96`` it is ``scipy.stats.bootstrap(method="percentile")``.

    Args:
        replica: Sorted bootstrap replicas ``(n_resamples,)``.
        normal_quantile: 1.96 for 95%, or the wider `widen_quantile`.

    Returns:
        Lower and upper end, in the replicas' unit; both equal the one replica where all are the same.
    """
    n = len(replica)
    position = ndtr(np.array([-normal_quantile, normal_quantile])) * (n - 1)
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
