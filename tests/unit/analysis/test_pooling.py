from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.pooling import average_correlated, average_tasks, pool_tasks, share_tasks
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

DELTAS, ERRORS = np.array([1.0, 2.5, 0.2, 3.0, 1.1]), np.array([0.5, 0.4, 0.6, 0.7, 0.3])
ESTIMATES = [Estimate(delta, error) for delta, error in zip(DELTAS, ERRORS, strict=True)]
MANY = st.lists(st.tuples(st.floats(-10, 10), st.floats(0.1, 3)), min_size=2, max_size=10)


def test_the_random_effects_mean_is_statsmodels_with_students_interval() -> None:
    pooled = pool_tasks(ESTIMATES)
    library = combine_effects(DELTAS, ERRORS**2, method_re="iterated", use_t=True)
    error = max(library.sd_eff_w_re_hksj, library.sd_eff_w_re)
    assert pooled.mean == pytest.approx(library.mean_effect_re)
    assert pooled.interval[1] - pooled.mean == pytest.approx(stats.t.ppf(0.975, 4) * error)
    reach = stats.t.ppf(0.975, 3) * np.sqrt(library.tau2 + error**2)
    assert pooled.prediction[1] - pooled.mean == pytest.approx(reach)


@pytest.mark.parametrize(
    ("n_tasks", "has_mean", "has_prediction"), [(2, False, False), (3, True, False), (5, True, True)]
)
def test_tasks_in_general_need_three_and_one_more_task_five(n_tasks: int, has_mean: bool, has_prediction: bool) -> None:
    pooled = pool_tasks(ESTIMATES[:n_tasks])
    assert math.isfinite(pooled.mean) == has_mean
    assert math.isfinite(pooled.prediction[0]) == has_prediction


def test_equal_deltas_pool_without_a_warning_and_without_heterogeneity() -> None:
    pooled = pool_tasks([Estimate(0.0, 0.5)] * 3)
    assert (pooled.mean, pooled.tau2) == (0.0, 0.0)


def test_these_tasks_average_with_their_own_errors_alone() -> None:
    mean = average_tasks(ESTIMATES)
    assert mean.delta == pytest.approx(DELTAS.mean())
    assert mean.error == pytest.approx(np.sqrt(np.sum(ERRORS**2)) / 5)
    assert average_tasks(ESTIMATES[:1]) == ESTIMATES[0]


def test_the_skew_of_a_mean_is_that_of_its_parts() -> None:
    one = Estimate(0.0, 1.0, 0.1, 99)
    assert average_tasks([one, one]).acceleration == pytest.approx(0.1 / math.sqrt(2))
    assert average_tasks([one, one]).degrees == pytest.approx(198)


def test_a_task_with_many_subsets_is_no_surer_than_one_of_them() -> None:
    assert average_correlated([Estimate(4.0, 0.5)] * 12) == Estimate(4.0, 0.5, 0.0, math.inf)


@settings(deadline=None, max_examples=30)
@given(MANY)
def test_partial_pooling_draws_every_task_towards_the_others(effects: list[tuple[float, float]]) -> None:
    estimates = [Estimate(delta, error) for delta, error in effects]
    tasks, new = share_tasks(estimates)
    low, high = min(delta for delta, _ in effects), max(delta for delta, _ in effects)
    for belief, (_, error) in zip(tasks, effects, strict=True):
        assert low - 1e-6 <= belief.mean <= high + 1e-6
        assert belief.high - belief.low <= 2 * 1.96 * error * 1.35
        assert 0 <= belief.pr_positive <= 1
        assert belief.low < belief.mean < belief.high
    assert new.high - new.low >= max(min(belief.high - belief.low for belief in tasks) * 0.9, 0)


def test_tasks_with_small_errors_keep_their_own_deltas() -> None:
    tasks, new = share_tasks([Estimate(5.0, 0.01), Estimate(-5.0, 0.01)])
    assert tasks[0].mean == pytest.approx(5.0, abs=0.01)
    assert tasks[1].pr_positive < 0.001
    assert 0.3 < new.pr_positive < 0.7


def test_one_task_says_nothing_of_others() -> None:
    tasks, new = share_tasks([Estimate(5.0, 0.1)])
    assert math.isnan(new.mean)
    assert math.isnan(tasks[0].mean)
