"""The statistic that rebuilds a cell's main score from its items; the same numbers mteb computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prefixbench.items.table import ItemTable, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.bool_] | slice


def compute_statistic(table: ItemTable) -> float:
    """Rebuild the main score: the statistic within each replicate, then the mean over replicates.

    Args:
        table: The items of one cell, whole or resampled; repeated rows count as often as they stand there.

    Returns:
        The score in mteb's units; NaN where the statistic is undefined, such as the correlation of a constant.

    Raises:
        ValueError: The statistic needs ``prediction`` and ``target``, and the table has none.
    """
    if table.statistic is Statistic.MEAN:
        return _mean_over_replicates(table.replicate, lambda rows: float(np.mean(table.value[rows])))
    prediction, target = table.prediction, table.target
    if prediction is None or target is None:
        raise ValueError(f"the statistic {table.statistic.value!r} needs predictions and targets; the table has none.")
    compute = _statistics()[table.statistic]
    return _mean_over_replicates(table.replicate, lambda rows: compute(prediction[rows], target[rows]))


def _mean_over_replicates(replicate: NDArray[np.int32], compute: Callable[[Rows], float]) -> float:
    if len(replicate) and np.all(replicate == replicate[0]):
        return compute(slice(None))
    return float(np.mean([compute(replicate == number) for number in np.unique(replicate)]))


def _statistics() -> dict[Statistic, Callable[[Floats, Floats], float]]:
    return {
        Statistic.SPEARMAN: _spearman,
        Statistic.PEARSON: _pearson,
        Statistic.KENDALL: _kendall,
        Statistic.AVERAGE_PRECISION: _average_precision,
        Statistic.MACRO_F1: lambda prediction, target: _f1(prediction, target, "macro"),
        Statistic.WEIGHTED_F1: lambda prediction, target: _f1(prediction, target, "weighted"),
        Statistic.LABEL_SET_MACRO_F1: _label_set_macro_f1,
        Statistic.BEST_ACCURACY: _best_accuracy,
        Statistic.MEAN_SQUARED_ERROR: lambda prediction, target: float(np.mean((prediction - target) ** 2)),
        Statistic.MEAN_ABSOLUTE_ERROR: lambda prediction, target: float(np.mean(np.abs(prediction - target))),
    }


def _is_constant(values: Floats) -> bool:
    return bool(np.all(values == values[0]))


def _spearman(prediction: Floats, target: Floats) -> float:
    """Spearman's rank correlation, ties at their mean rank (``scipy.stats.spearmanr``, without its p-value)."""
    from scipy.stats import rankdata

    if _is_constant(prediction) or _is_constant(target):
        return float("nan")
    return float(np.corrcoef(rankdata(target), rankdata(prediction))[1, 0])


def _pearson(prediction: Floats, target: Floats) -> float:
    """Pearson's correlation (``scipy.stats.pearsonr``)."""
    from scipy.stats import pearsonr

    if _is_constant(prediction) or _is_constant(target):
        return float("nan")
    return float(pearsonr(target, prediction).statistic)


def _kendall(prediction: Floats, target: Floats) -> float:
    """Kendall's tau-b (``scipy.stats.kendalltau``)."""
    from scipy.stats import kendalltau

    return float(kendalltau(target, prediction).statistic)


def _average_precision(prediction: Floats, target: Floats) -> float:
    """Precision at each distinct similarity, weighted by the recall it adds; target 0 or 1.

    The number is that of ``sklearn.metrics.average_precision_score``, which takes milliseconds to check its input.
    """
    is_positive = target > 0
    if not np.any(is_positive):
        return float("nan")
    order = np.argsort(-prediction, kind="stable")
    ordered = prediction[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    found = np.cumsum(is_positive[order])[ends]
    added = np.diff(found, prepend=0)
    return float(np.sum(found / (ends + 1) * added) / found[-1])


def _f1(prediction: Floats, target: Floats, average: str) -> float:
    """F1 over label codes (``sklearn.metrics.f1_score``); a label never predicted counts as 0."""
    from sklearn.metrics import f1_score

    return float(f1_score(target.astype(np.int64), prediction.astype(np.int64), average=average, zero_division=0))


def _label_set_macro_f1(prediction: Floats, target: Floats) -> float:
    """Macro F1 over the labels of sets packed as bit masks: bit i says whether label i is in the set.

    A label in no target and no prediction of these rows still counts, as 0, up to the highest label of the target:
    sklearn averages over the columns of the indicator matrix.
    """
    from sklearn.metrics import f1_score

    targets, predictions = target.astype(np.int64), prediction.astype(np.int64)
    n_labels = int(max(targets.max(), predictions.max(), 1)).bit_length()
    bits = np.arange(n_labels)
    return float(
        f1_score((targets[:, None] >> bits) & 1, (predictions[:, None] >> bits) & 1, average="macro", zero_division=0)
    )


def _best_accuracy(prediction: Floats, target: Floats) -> float:
    """Accuracy at the best threshold on the similarity; a threshold never parts equal similarities.

    As in mteb, the threshold that calls every pair similar is not tried, and neither is the one that calls none so.
    """
    order = np.argsort(-prediction, kind="stable")
    ordered, positive = prediction[order], target[order] == 1
    negatives_left = np.count_nonzero(target == 0) - np.cumsum(~positive)
    splits = np.flatnonzero(ordered[:-1] != ordered[1:])
    if len(splits) == 0:
        return 0.0
    return float(np.max((np.cumsum(positive) + negatives_left)[splits]) / len(target))
