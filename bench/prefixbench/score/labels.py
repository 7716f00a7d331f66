"""Per-sample scores of classification, multilabel classification, regression and zero-shot classification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks import AbsTaskClassification, AbsTaskMultilabelClassification, AbsTaskRegression
from mteb.abstasks.zeroshot_classification import AbsTaskZeroShotClassification
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MultiLabelBinarizer

from prefixbench.items.table import ItemTable, Statistic
from prefixbench.score.data import read_column
from prefixbench.score.evaluated import Evaluated, compute_rank_agreement, make_table
from prefixbench.score.ids import digest_texts, number_repeats
from prefixbench.score.sampling import select_evaluated_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_LABELS = 52
"""Labels that fit a float64 as bits without loss."""


def extract_labels(evaluated: Evaluated) -> ItemTable:
    """One row a test sample and experiment: right or not, with predicted and true label as codes.

    ``value`` is 1 for a right label also where the main score is an F1 or an average precision, which is no mean of it.
    Codes are the labels themselves where they are whole numbers, else their place among the sorted labels of
    training and test split. Samples with the same text are one group over all experiments.

    Raises:
        ScoreError: The main score has no per-sample form.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskClassification)
    statistic = {
        "accuracy": Statistic.MEAN,
        "f1": Statistic.MACRO_F1,
        "f1_weighted": Statistic.WEIGHTED_F1,
        "ap": Statistic.AVERAGE_PRECISION,
    }.get(evaluated.main_score)
    if statistic is None:
        raise evaluated.refuse()
    targets = read_column(evaluated.data, task.label_column_name)
    known = targets + read_column(evaluated.splits[task.train_split], task.label_column_name)
    rows, replicate, predicted = _flatten(evaluated, len(targets))
    target = _encode([targets[row] for row in rows], known)
    prediction = _encode(predicted, known)
    return _make_samples(
        evaluated, statistic, rows, replicate, np.equal(prediction, target), prediction=prediction, target=target
    )


def extract_values(evaluated: Evaluated) -> ItemTable:
    """One row a test sample and experiment of a regression; ``value`` is the agreement in rank.

    Raises:
        ScoreError: The main score is neither Kendall's tau nor a mean error.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskRegression)
    statistic = {
        "kendalltau": Statistic.KENDALL,
        "mse": Statistic.MEAN_SQUARED_ERROR,
        "mae": Statistic.MEAN_ABSOLUTE_ERROR,
    }.get(evaluated.main_score)
    if statistic is None:
        raise evaluated.refuse()
    targets = np.array(read_column(evaluated.data, task.label_column_name), dtype=np.float64)
    rows, replicate, predicted = _flatten(evaluated, len(targets))
    prediction, target = np.array(predicted, dtype=np.float64), targets[rows]
    value = np.empty(len(rows))
    for number in np.unique(replicate):
        of_one = replicate == number
        value[of_one] = compute_rank_agreement(prediction[of_one], target[of_one])
    return _make_samples(evaluated, statistic, rows, replicate, value, prediction=prediction, target=target)


def extract_label_sets(evaluated: Evaluated) -> ItemTable:
    """One row a test sample and experiment of a multilabel task.

    ``value`` is what the main score averages: all labels right (``accuracy``), label ranking average precision
    (``lrap``), intersection over union (``hamming``). For ``f1`` it is the intersection over union, and prediction and
    target hold the label sets as bit masks, of which the macro F1 is computed.

    Raises:
        ScoreError: The main score has no per-sample form, or there are more than 52 labels and it is ``f1``.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskMultilabelClassification)
    chosen = select_evaluated_rows(task, evaluated.data)
    labels = read_column(evaluated.data, task.label_column_name)
    target = MultiLabelBinarizer().fit_transform([labels[row] for row in chosen])
    predictions = np.array(evaluated.captured.predictions, dtype=np.int64)
    rows = np.tile(chosen, len(predictions))
    replicate = np.repeat(np.arange(len(predictions)), len(chosen))
    value = np.concatenate([_compute_set_scores(evaluated, target, predicted) for predicted in predictions])
    if evaluated.main_score != "f1":
        return _make_samples(evaluated, Statistic.MEAN, rows, replicate, value)
    if target.shape[1] > MOST_LABELS:
        raise evaluated.refuse()
    bits = 2.0 ** np.arange(target.shape[1])
    return _make_samples(
        evaluated,
        Statistic.LABEL_SET_MACRO_F1,
        rows,
        replicate,
        value,
        prediction=(predictions @ bits).ravel(),
        target=np.tile(target @ bits, len(predictions)),
    )


def _compute_set_scores(
    evaluated: Evaluated, target: NDArray[np.int64], predicted: NDArray[np.int64]
) -> NDArray[np.float64]:
    if evaluated.main_score == "accuracy":
        return np.asarray(np.all(predicted == target, axis=1), dtype=np.float64)
    if evaluated.main_score in {"hamming", "f1"}:
        union = np.maximum((predicted | target).sum(axis=1), 1)
        intersection = (predicted & target).sum(axis=1)
        return np.where((predicted | target).any(axis=1), intersection / union, 1.0)
    if evaluated.main_score == "lrap" and isinstance(evaluated.task.evaluator_model, KNeighborsClassifier):  # type: ignore[attr-defined]
        return compute_ranking_precision(predicted, target)
    raise evaluated.refuse()


def compute_ranking_precision(predicted: NDArray[np.int64], target: NDArray[np.int64]) -> NDArray[np.float64]:
    """Label ranking average precision of each sample, for scores of 0 and 1, both of shape ``(n, labels)``.

    A label predicted is ranked among those predicted, one not predicted is ranked last (ties count against it), as in
    ``sklearn.metrics.label_ranking_average_precision_score``, which gives the mean only.
    """
    n_labels = target.shape[1]
    n_relevant = target.sum(axis=1)
    n_predicted = predicted.sum(axis=1)
    hits = (predicted & target).sum(axis=1)
    of_predicted = np.divide(hits, n_predicted, out=np.zeros(len(hits)), where=n_predicted > 0)
    precision = hits * of_predicted + (n_relevant - hits) * n_relevant / n_labels
    trivial = (n_relevant == 0) | (n_relevant == n_labels)
    return np.where(trivial, 1.0, precision / np.maximum(n_relevant, 1))


def extract_zero_shot(evaluated: Evaluated) -> ItemTable:
    """One row a test sample: whether the most similar candidate label is the right one.

    Raises:
        ScoreError: The main score has no per-sample form.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskZeroShotClassification)
    statistic = {
        "accuracy": Statistic.MEAN,
        "f1": Statistic.MACRO_F1,
        "f1_weighted": Statistic.WEIGHTED_F1,
    }.get(evaluated.main_score)
    if statistic is None:
        raise evaluated.refuse()
    labels = read_column(evaluated.data, task.label_column_name)
    target = np.array(task._normalize_labels(labels, task.get_candidate_labels()), dtype=np.float64)
    prediction = np.argmax(np.array(evaluated.captured.predictions), axis=1).astype(np.float64)
    rows = np.arange(len(target))
    replicate = np.zeros(len(target), dtype=np.int64)
    return _make_samples(
        evaluated, statistic, rows, replicate, np.equal(prediction, target), prediction=prediction, target=target
    )


def _flatten(evaluated: Evaluated, n_samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Any]]:
    """Row of the split, experiment and prediction of each predicted sample; folds predict their own part alone."""
    task, predictions = evaluated.task, evaluated.captured.predictions
    parts: list[NDArray[np.int64]] = [np.arange(n_samples)] * len(predictions)
    if getattr(task, "is_cross_validation", False):
        folds = KFold(n_splits=task.n_splits, shuffle=True, random_state=task.seed)  # type: ignore[attr-defined]
        parts = [held_out for _, held_out in folds.split(range(n_samples))]
    replicate = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return np.concatenate(parts), replicate, [label for labels in predictions for label in labels]


def _encode(labels: Sequence[Any], known: Sequence[Any]) -> NDArray[np.float64]:
    if all(isinstance(label, int | np.integer) for label in known):
        return np.array(labels, dtype=np.float64)
    codes = {label: code for code, label in enumerate(sorted(set(known)))}
    return np.array([codes[label] for label in labels], dtype=np.float64)


def _make_samples(
    evaluated: Evaluated,
    statistic: Statistic,
    rows: NDArray[np.int64],
    replicate: NDArray[np.int64],
    value: NDArray[Any],
    prediction: NDArray[np.float64] | None = None,
    target: NDArray[np.float64] | None = None,
) -> ItemTable:
    texts = read_column(evaluated.data, evaluated.task.input_column_name)  # type: ignore[attr-defined]
    digests = [digest_texts([text]) for text in texts]
    return make_table(
        statistic,
        number_repeats(digests)[rows],
        value,
        group_id=np.array(digests, dtype=np.str_)[rows],
        replicate=replicate,
        prediction=None if statistic is Statistic.MEAN else prediction,
        target=None if statistic is Statistic.MEAN else target,
    )
