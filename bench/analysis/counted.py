"""Statistics of resampled items, computed for many resamples at once.

A resample of ``n`` items is a column of counts: how often each item was drawn. Every statistic here takes such columns
and equals the library's function on the items repeated that often (tests hold this against scipy and sklearn).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.items.table import Statistic

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
        Statistic.MACRO_F1: _prepare_macro_f1,
        Statistic.WEIGHTED_F1: _prepare_weighted_f1,
        Statistic.LABEL_SET_MACRO_F1: _prepare_label_set_f1,
    }[statistic]
    return prepare(predictions, target)


class _Ranks:
    """Centred mid-ranks of one variable under any counts."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(values, kind="stable")
        ordered = values[self.order]
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.tied = len(self.ends) < len(values)
        self.group = np.searchsorted(self.ends, np.arange(len(values)))

    def compute(self, counts: Floats, total: Floats) -> tuple[Floats, Floats]:
        """Ranks in ascending order of the variable, ``(n, r)``, and their sum of squares ``(r,)``."""
        drawn = counts[self.order]
        through = np.cumsum(drawn, axis=0)
        if not self.tied:
            squares = (total**3 - np.einsum("nr,nr,nr->r", drawn, drawn, drawn)) / 12
            drawn *= 0.5
            through -= drawn
            through -= total / 2
            return through, squares
        through = through[self.ends]
        of_group = np.diff(through, axis=0, prepend=0.0)
        squares = (total**3 - np.einsum("nr,nr,nr->r", of_group, of_group, of_group)) / 12
        return (through - of_group / 2 - total / 2)[self.group], squares


def _prepare_spearman(predictions: Floats, target: Floats) -> Compute:
    """Spearman's correlation: Pearson's of mid-ranks, re-ranked in every resample (``scipy.stats.spearmanr``)."""
    of_target = _Ranks(target)
    to_items = np.argsort(of_target.order)
    ranked = [_Ranks(row) for row in predictions]

    def compute(counts: Floats) -> Floats:
        total = counts.sum(axis=0)
        target_ranks, target_squares = of_target.compute(counts, total)
        weighted = target_ranks[to_items] * counts
        scores = np.empty((len(ranked), counts.shape[1]))
        for row, of_prediction in enumerate(ranked):
            ranks, squares = of_prediction.compute(counts, total)
            product = np.einsum("nr,nr->r", ranks, weighted[of_prediction.order])
            scores[row] = _divide(product, np.sqrt(squares * target_squares))
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


class _Thresholds:
    """Items from the most to the least similar, and where one similarity ends."""

    def __init__(self, values: Floats) -> None:
        self.order = np.argsort(-values, kind="stable")
        ordered = values[self.order]
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))


def _prepare_average_precision(predictions: Floats, target: Floats) -> Compute:
    """Average precision: precision at each distinct similarity, weighted by the recall it adds (sklearn)."""
    positive = target > 0
    sorted_rows = [_Thresholds(row) for row in predictions]

    def compute(counts: Floats) -> Floats:
        n_positive = positive.astype(np.float64) @ counts
        scores = np.empty((len(sorted_rows), counts.shape[1]))
        for row, thresholds in enumerate(sorted_rows):
            drawn = counts[thresholds.order]
            found = positive[thresholds.order]
            if len(thresholds.ends) == len(found):
                gained = drawn[found]
                retrieved = np.cumsum(drawn, axis=0)[found]
                true = np.cumsum(gained, axis=0)
            else:
                retrieved = np.cumsum(drawn, axis=0)[thresholds.ends]
                true = np.cumsum(drawn * found[:, None], axis=0)[thresholds.ends]
                gained = np.diff(true, axis=0, prepend=0.0)
            true *= gained
            true /= np.maximum(retrieved, 1.0)
            scores[row] = _divide(true.sum(axis=0), n_positive)
        return scores

    return compute


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


def _count_labels(prediction: Floats, target: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    labels = np.union1d(prediction, target)[:, None]
    predicted, true = prediction == labels, target == labels
    return tuple(np.asarray(members, dtype=np.float64) @ counts for members in (predicted & true, predicted, true))  # type: ignore[return-value]


def _prepare_macro_f1(predictions: Floats, target: Floats) -> Compute:
    """F1 averaged over the labels that occur in the resample, as sklearn does."""

    def compute(counts: Floats) -> Floats:
        scores = []
        for prediction in predictions:
            hits, predicted, true = _count_labels(prediction, target, counts)
            present = np.count_nonzero(predicted + true > 0, axis=0)
            scores.append((2 * hits / np.maximum(predicted + true, 1.0)).sum(axis=0) / present)
        return np.array(scores)

    return compute


def _prepare_weighted_f1(predictions: Floats, target: Floats) -> Compute:
    """F1 of each label, weighted by how often it is true, as sklearn does."""

    def compute(counts: Floats) -> Floats:
        scores = []
        for prediction in predictions:
            hits, predicted, true = _count_labels(prediction, target, counts)
            scores.append((2 * hits / np.maximum(predicted + true, 1.0) * true).sum(axis=0) / true.sum(axis=0))
        return np.array(scores)

    return compute


def _prepare_label_set_f1(predictions: Floats, target: Floats) -> Compute:
    """Macro F1 of label sets packed as bit masks, averaged up to the highest label that occurs."""

    def unpack(masks: Floats) -> NDArray[np.bool_]:
        n_labels = int(max(target.max(), predictions.max(), 1)).bit_length()
        return np.asarray((masks.astype(np.int64)[None, :] >> np.arange(n_labels)[:, None]) & 1, dtype=np.bool_)

    true_sets = unpack(target)

    def compute(counts: Floats) -> Floats:
        scores = []
        true = true_sets.astype(np.float64) @ counts
        for prediction in predictions:
            predicted_sets = unpack(prediction)
            both = 2 * ((predicted_sets & true_sets).astype(np.float64) @ counts)
            either = predicted_sets.astype(np.float64) @ counts + true
            highest = len(either) - np.argmax(either[::-1] > 0, axis=0)
            scores.append((both / np.maximum(either, 1.0)).sum(axis=0) / np.where(either.any(axis=0), highest, 1))
        return np.array(scores)

    return compute


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Quotient, NaN where the statistic is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(denominator > 0, numerator / denominator, np.nan), dtype=np.float64)
