from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis.counted import prepare_statistic
from prefixbench.items.statistics import compute_statistic
from prefixbench.items.table import ItemTable, Statistic


def make_data(statistic: Statistic, rng: np.random.Generator, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    n = 40
    if statistic in {Statistic.MACRO_F1, Statistic.WEIGHTED_F1}:
        target = rng.integers(0, 4, n).astype(float)
        return np.where(rng.random((3, n)) < 0.6, target, rng.integers(0, 5, (3, n))), target
    if statistic is Statistic.LABEL_SET_MACRO_F1:
        return rng.integers(0, 32, (3, n)).astype(float), rng.integers(0, 32, n).astype(float)
    latent = rng.normal(size=n)
    predictions = latent + rng.normal(size=(3, n))
    target = (latent > 0.3).astype(float)
    if statistic in {Statistic.SPEARMAN, Statistic.PEARSON, Statistic.KENDALL}:
        target = np.round(latent, 1)
    return (np.round(predictions, 1) if ties else predictions), target


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    "statistic",
    [
        Statistic.SPEARMAN,
        Statistic.PEARSON,
        Statistic.KENDALL,
        Statistic.AVERAGE_PRECISION,
        Statistic.BEST_ACCURACY,
        Statistic.MACRO_F1,
        Statistic.WEIGHTED_F1,
        Statistic.LABEL_SET_MACRO_F1,
    ],
)
def test_counts_give_what_the_library_gives_on_repeated_items(statistic: Statistic, ties: bool) -> None:
    rng = np.random.default_rng(3)
    predictions, target = make_data(statistic, rng, ties=ties)
    counts = rng.multinomial(40, np.full(40, 1 / 40), size=25).T.astype(float)
    counts[:, 0] = 1
    scores = prepare_statistic(statistic, predictions, target)(counts)
    for row, prediction in enumerate(predictions):
        for column in range(counts.shape[1]):
            drawn = np.repeat(np.arange(40), counts[:, column].astype(int))
            names = drawn.astype(str)
            table = ItemTable(
                statistic, names, names, np.zeros(40, np.int32), np.zeros(40), prediction[drawn], target[drawn]
            )
            assert scores[row, column] == pytest.approx(compute_statistic(table), abs=1e-10)


def test_constant_predictions_have_no_correlation() -> None:
    counts = np.ones((20, 2))
    scores = prepare_statistic(Statistic.SPEARMAN, np.ones((1, 20)), np.arange(20.0))(counts)
    assert np.all(np.isnan(scores))


@pytest.mark.parametrize("statistic", [Statistic.SPEARMAN, Statistic.AVERAGE_PRECISION])
def test_single_precision_is_fine_enough_for_resamples(statistic: Statistic) -> None:
    rng = np.random.default_rng(5)
    latent = rng.normal(size=3_000)
    target = latent if statistic is Statistic.SPEARMAN else (latent > 1).astype(float)
    compute = prepare_statistic(statistic, (latent + rng.normal(size=3_000))[None, :], target)
    counts = rng.multinomial(3_000, np.full(3_000, 1 / 3_000), size=20).T.astype(float)
    single = compute(np.ascontiguousarray(counts, dtype=np.float32))
    assert single == pytest.approx(compute(counts), abs=2e-5)
