from __future__ import annotations

import numpy as np
import pytest
from mteb.mocks.mock_tasks.pair_classification import MockPairClassificationTask
from numpy.typing import NDArray
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.metrics import average_precision_score, f1_score, mean_absolute_error, mean_squared_error

RNG = np.random.default_rng(7)
PREDICTION = np.round(RNG.normal(size=60), 1)
TARGET = np.round(PREDICTION + RNG.normal(size=60), 1)
LABELS = RNG.integers(0, 4, 60).astype(np.float64)
PREDICTED_LABELS = np.where(RNG.random(60) < 0.5, LABELS, 3 - LABELS)
BINARY = RNG.integers(0, 2, 60).astype(np.float64)


def make_table(
    statistic: Statistic,
    prediction: NDArray[np.float64] | None = None,
    target: NDArray[np.float64] | None = None,
    replicate: NDArray[np.int32] | None = None,
    value: NDArray[np.float64] | None = None,
) -> ItemTable:
    n_rows = 60 if prediction is None else len(prediction)
    ids = np.array([f"i{place}" for place in range(n_rows)])
    return ItemTable(
        statistic=statistic,
        item_id=ids,
        group_id=ids,
        replicate=np.zeros(n_rows, np.int32) if replicate is None else replicate,
        value=np.zeros(n_rows) if value is None else value,
        prediction=prediction,
        target=target,
    )


def mask_of(sets: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(sets @ (2.0 ** np.arange(sets.shape[1])), dtype=np.float64)


@pytest.mark.parametrize(
    ("statistic", "prediction", "target", "expected"),
    [
        (Statistic.SPEARMAN, PREDICTION, TARGET, spearmanr(PREDICTION, TARGET).statistic),
        (Statistic.PEARSON, PREDICTION, TARGET, pearsonr(PREDICTION, TARGET).statistic),
        (Statistic.KENDALL, PREDICTION, TARGET, kendalltau(TARGET, PREDICTION).statistic),
        (Statistic.AVERAGE_PRECISION, PREDICTION, BINARY, average_precision_score(BINARY, PREDICTION)),
        (Statistic.MACRO_F1, PREDICTED_LABELS, LABELS, f1_score(LABELS, PREDICTED_LABELS, average="macro")),
        (Statistic.WEIGHTED_F1, PREDICTED_LABELS, LABELS, f1_score(LABELS, PREDICTED_LABELS, average="weighted")),
        (Statistic.MEAN_SQUARED_ERROR, PREDICTION, TARGET, mean_squared_error(TARGET, PREDICTION)),
        (Statistic.MEAN_ABSOLUTE_ERROR, PREDICTION, TARGET, mean_absolute_error(TARGET, PREDICTION)),
    ],
    ids=lambda value: value.value if isinstance(value, Statistic) else "",
)
def test_statistics_are_those_of_scipy_and_sklearn(
    statistic: Statistic, prediction: NDArray[np.float64], target: NDArray[np.float64], expected: float
) -> None:
    assert compute_statistic(make_table(statistic, prediction, target)) == pytest.approx(float(expected), abs=1e-12)


def test_f1_of_label_sets_is_that_of_their_indicators() -> None:
    target, prediction = RNG.integers(0, 2, (60, 7)), RNG.integers(0, 2, (60, 7))
    table = make_table(Statistic.LABEL_SET_MACRO_F1, mask_of(prediction), mask_of(target))
    assert compute_statistic(table) == pytest.approx(f1_score(target, prediction, average="macro"), abs=1e-12)


@pytest.mark.parametrize("digits", [0, 1, 6])
def test_the_best_accuracy_is_mtebs_with_ties_and_without(digits: int) -> None:
    similarity = np.round(PREDICTION, digits)
    task = MockPairClassificationTask()
    expected, _ = task._find_best_acc_and_threshold(similarity.tolist(), BINARY.astype(np.int64), True)
    assert compute_statistic(make_table(Statistic.BEST_ACCURACY, similarity, BINARY)) == pytest.approx(expected)


def test_equal_similarities_have_no_threshold() -> None:
    assert compute_statistic(make_table(Statistic.BEST_ACCURACY, np.ones(60), BINARY)) == 0.0


def test_replicates_count_alike_whatever_their_size() -> None:
    replicate = np.array([0] * 50 + [1] * 10, dtype=np.int32)
    value = np.array([0.0] * 50 + [1.0] * 10)
    assert compute_statistic(make_table(Statistic.MEAN, replicate=replicate, value=value)) == 0.5
    table = make_table(Statistic.SPEARMAN, PREDICTION, TARGET, replicate)
    parts = [spearmanr(PREDICTION[rows], TARGET[rows]).statistic for rows in (replicate == 0, replicate == 1)]
    assert compute_statistic(table) == pytest.approx(np.mean(parts), abs=1e-12)


@pytest.mark.parametrize("statistic", [Statistic.SPEARMAN, Statistic.PEARSON])
def test_a_correlation_with_a_constant_is_not_a_number(statistic: Statistic) -> None:
    assert np.isnan(compute_statistic(make_table(statistic, np.ones(60), TARGET)))


def test_average_precision_without_positives_is_not_a_number() -> None:
    assert np.isnan(compute_statistic(make_table(Statistic.AVERAGE_PRECISION, PREDICTION, np.zeros(60))))


def test_a_statistic_of_predictions_needs_them() -> None:
    with pytest.raises(
        ValueError, match=r"^the statistic 'spearman' needs predictions and targets; the table has none\.$"
    ):
        compute_statistic(make_table(Statistic.SPEARMAN))


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_sklearns_among_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prediction, target = rng.integers(0, 8, 60) / 8.0, rng.integers(0, 2, 60).astype(float)
    ids = np.arange(60).astype(str)
    table = ItemTable(Statistic.AVERAGE_PRECISION, ids, ids, np.zeros(60, np.int32), target, prediction, target)
    assert compute_statistic(table) == pytest.approx(average_precision_score(target, prediction), abs=1e-12)
