"""Statistics of resampled items, computed for many resamples at once.

A resample of ``n`` items is a column of counts: how often each item was drawn. Every statistic here takes such columns
and equals the library's function on the items repeated that often (tests hold this against scipy and sklearn).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.counted_labels import prepare_label_set_f1, prepare_macro_f1, prepare_weighted_f1
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Compute = Callable[[Floats], Floats]


def prepare_statistic(statistic: Statistic, predictions: Floats, target: Floats) -> Compute:
    """A function from counts ``(n_items, n_resamples)`` to scores ``(n_predictions, n_resamples)``.

    Args:
        statistic: Any but ``MEAN``.
        predictions: Shape ``(n_predictions, n_items)``; one row a condition and replicate.
        target: Shape ``(n_items,)``, the same for all rows.
    """
    prepare = {
        Statistic.SPEARMAN: _prepare_spearman,
        Statistic.PEARSON: _prepare_pearson,
        Statistic.KENDALL: _prepare_kendall,
        Statistic.AVERAGE_PRECISION: _prepare_average_precision,
        Statistic.BEST_ACCURACY: _prepare_best_accuracy,
        Statistic.MACRO_F1: prepare_macro_f1,
        Statistic.WEIGHTED_F1: prepare_weighted_f1,
        Statistic.LABEL_SET_MACRO_F1: prepare_label_set_f1,
    }[statistic]
    return prepare(predictions, target)


class _Order:
    """Items in ascending order of a variable, and which of them are tied.

    One pass over the rows of the counts, each a vector over resamples that stays in the processor's cache, is several
    times faster than gathering, accumulating and multiplying whole matrices.

    Attributes:
        groups: The items of each distinct value, in order.
    """

    def __init__(self, values: Floats) -> None:
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])).tolist()
        items = order.tolist()
        distinct = len(starts) == len(items)
        self.groups: list[list[int]] = (
            [[item] for item in items] if distinct else [items[a:b] for a, b in pairwise([*starts, len(items)])]
        )
        self.tied = [group for group in self.groups if len(group) > 1]

    def centre(self, counts: Floats, total: Floats) -> Floats:
        """Mid-ranks less their mean, ``(n_items, r)``, in the items' order."""
        ranks = np.empty_like(counts)
        through = -total / 2
        for group in self.groups:
            drawn = counts[group].sum(axis=0)
            through += drawn
            ranks[group] = through - drawn / 2
        return ranks

    def correlate(self, counts: Floats, weighted: Floats, own: Floats, total: Floats) -> Floats:
        """Sum over items of centred mid-rank × ``weighted``, ``(r,)``.

        A mid-rank is the count through its value less half of that value's count. ``own`` is the sum of counts ×
        ``weighted``, which the halves take off where nothing is tied.
        """
        through, product, term, halves = -total / 2, np.zeros_like(total), np.empty_like(total), own.copy()
        rows, weights = list(counts), list(weighted)
        for group in self.groups:
            if len(group) == 1:
                drawn, weight = rows[group[0]], weights[group[0]]
            else:
                drawn, weight = counts[group].sum(axis=0), weighted[group].sum(axis=0)
                halves += drawn * weight - np.einsum("nr,nr->r", counts[group], weighted[group])
            through += drawn
            np.multiply(through, weight, out=term)
            product += term
        return product - halves / 2

    def square(self, counts: Floats, cubes: Floats, total: Floats) -> Floats:
        """Sum of squares of centred mid-ranks: ``(N³ − Σt³)/12`` with ``t`` the sizes of ties; ``cubes`` of counts."""
        ties = cubes.astype(np.float64)
        for group in self.tied:
            rows = counts[group].astype(np.float64)
            ties += rows.sum(axis=0) ** 3 - (rows**3).sum(axis=0)
        return np.asarray((total.astype(np.float64) ** 3 - ties) / 12, dtype=np.float64)


def _prepare_spearman(predictions: Floats, target: Floats) -> Compute:
    """Spearman's correlation: Pearson's of mid-ranks, re-ranked in every resample (``scipy.stats.spearmanr``)."""
    of_target = _Order(target)
    ordered = [_Order(row) for row in predictions]

    def compute(counts: Floats) -> Floats:
        total = counts.sum(axis=0)
        cubes = np.einsum("nr,nr->r", counts * counts, counts)
        ranks = of_target.centre(counts, total)
        weighted = ranks * counts
        of_squares = np.einsum("nr,nr->r", ranks, weighted)
        own = np.einsum("nr,nr->r", counts, weighted)
        scores = np.empty((len(ordered), counts.shape[1]))
        for row, of_prediction in enumerate(ordered):
            squares = of_prediction.square(counts, cubes, total) * of_squares
            scores[row] = _divide(of_prediction.correlate(counts, weighted, own, total), np.sqrt(squares))
        return scores

    return compute


def _prepare_pearson(predictions: Floats, target: Floats) -> Compute:
    """Pearson's correlation of weighted moments (``scipy.stats.pearsonr``)."""
    x = predictions - predictions.mean(axis=1, keepdims=True)
    y = target - target.mean()

    def compute(counts: Floats) -> Floats:
        total = counts.sum(axis=0)
        mean_x, mean_y = x @ counts / total, y @ counts / total
        covariance = (x * y) @ counts / total - mean_x * mean_y
        variances = ((x**2) @ counts / total - mean_x**2) * ((y**2) @ counts / total - mean_y**2)
        return _divide(covariance, np.sqrt(np.maximum(variances, 0.0)))

    return compute


def _prepare_kendall(predictions: Floats, target: Floats) -> Compute:
    """Kendall's tau-b by pairs: concordance is the quadratic form of the counts (``scipy.stats.kendalltau``)."""
    sign_y = np.sign(target[:, None] - target[None, :])

    def compute(counts: Floats) -> Floats:
        scores = np.empty((len(predictions), counts.shape[1]))
        untied_y = np.einsum("nr,nr->r", counts, np.abs(sign_y) @ counts)
        for row, x in enumerate(predictions):
            sign_x = np.sign(x[:, None] - x[None, :])
            concordance = np.einsum("nr,nr->r", counts, (sign_x * sign_y) @ counts)
            untied_x = np.einsum("nr,nr->r", counts, np.abs(sign_x) @ counts)
            scores[row] = _divide(concordance, np.sqrt(untied_x * untied_y))
        return scores

    return compute


def _prepare_average_precision(predictions: Floats, target: Floats) -> Compute:
    """Average precision: precision at each distinct similarity, weighted by the recall it adds (sklearn)."""
    is_positive = (target > 0).tolist()
    ordered = [_Order(-row) for row in predictions]

    def compute(counts: Floats) -> Floats:
        n_positive = counts[target > 0].sum(axis=0)
        rows = list(counts)
        scores = np.empty((len(ordered), counts.shape[1]))
        for row, order in enumerate(ordered):
            retrieved, true = np.zeros_like(n_positive), np.zeros_like(n_positive)
            area, term = np.zeros_like(n_positive), np.empty_like(n_positive)
            some_empty = True
            for group in order.groups:
                retrieved += rows[group[0]] if len(group) == 1 else counts[group].sum(axis=0)
                positives = group if len(group) == 1 and is_positive[group[0]] else [i for i in group if is_positive[i]]
                if not positives:  # a similarity that no positive has adds no recall
                    continue
                found = rows[positives[0]] if len(positives) == 1 else counts[positives].sum(axis=0)
                true += found
                some_empty = some_empty and not retrieved.all()
                np.divide(true, np.maximum(retrieved, 1) if some_empty else retrieved, out=term)
                term *= found
                area += term
            scores[row] = _divide(area, n_positive)
        return scores

    return compute


class _Thresholds:
    """Items from the most to the least similar, and where one similarity ends."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(-values, kind="stable")
        ordered = values[self.order]
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))


def _prepare_best_accuracy(predictions: Floats, target: Floats) -> Compute:
    """Accuracy at the best threshold; calling all, or none, similar is not tried (as mteb does)."""
    positive = target == 1
    sorted_rows = [_Thresholds(row) for row in predictions]

    def compute(counts: Floats) -> Floats:
        total = counts.sum(axis=0)
        scores = np.empty((len(sorted_rows), counts.shape[1]))
        for row, thresholds in enumerate(sorted_rows):
            drawn = counts[thresholds.order]
            found = positive[thresholds.order][:, None]
            called = np.cumsum(drawn, axis=0)[thresholds.ends]
            negatives = drawn * ~found
            right = np.cumsum(drawn * found - negatives, axis=0)[thresholds.ends] + negatives.sum(axis=0)
            right[(called == 0) | (called == total)] = 0.0
            scores[row] = right.max(axis=0) / total
        return scores

    return compute


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, NaN where the statistic is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan), dtype=np.float64)
