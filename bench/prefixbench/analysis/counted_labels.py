"""F1 of resampled items, computed for many resamples at once; see `prefixbench.analysis.counted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Compute = Callable[[Floats], Floats]


def _count_labels(labels: Floats, prediction: Floats, target: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """How often each label was hit, predicted and true, ``(n_labels, r)``; an item has one label: sums are sparse."""
    return (
        _sum_by_label(labels, np.where(prediction == target, target, np.nan), counts),
        _sum_by_label(labels, prediction, counts),
        _sum_by_label(labels, target, counts),
    )


def _sum_by_label(labels: Floats, of_item: Floats, counts: Floats) -> Floats:
    from scipy.sparse import csr_array

    items = np.flatnonzero(np.isin(of_item, labels))
    rows = np.searchsorted(labels, of_item[items])
    shape = (len(labels), len(of_item))
    return np.asarray(csr_array((np.ones(len(items), dtype=counts.dtype), (rows, items)), shape=shape) @ counts)


def prepare_macro_f1(predictions: Floats, target: Floats) -> Compute:
    """F1 averaged over the labels that occur in the resample, as sklearn does."""

    def compute(counts: Floats) -> Floats:
        scores = []
        for prediction in predictions:
            hits, predicted, true = _count_labels(np.union1d(prediction, target), prediction, target, counts)
            present = np.count_nonzero(predicted + true > 0, axis=0)
            scores.append((2 * hits / np.maximum(predicted + true, 1.0)).sum(axis=0) / present)
        return np.array(scores)

    return compute


def prepare_weighted_f1(predictions: Floats, target: Floats) -> Compute:
    """F1 of each label, weighted by how often it is true, as sklearn does; labels never true weigh nothing."""
    labels = np.unique(target)

    def compute(counts: Floats) -> Floats:
        scores = []
        for prediction in predictions:
            hits, predicted, true = _count_labels(labels, prediction, target, counts)
            scores.append((2 * hits / np.maximum(predicted + true, 1.0) * true).sum(axis=0) / true.sum(axis=0))
        return np.array(scores)

    return compute


def prepare_label_set_f1(predictions: Floats, target: Floats) -> Compute:
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
