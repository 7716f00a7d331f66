from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis.interval import compute_percentile_interval, widen_quantile
from prefixbench.analysis.spread import count_tail_degrees
from scipy import stats


@pytest.mark.parametrize("confidence", [0.90, 0.95])
def test_it_is_scipys_percentile_interval_on_scipys_own_replicas(confidence: float) -> None:
    data = np.random.default_rng(5).exponential(size=60)
    result = stats.bootstrap(
        (data,), np.mean, confidence_level=confidence, method="percentile", rng=np.random.default_rng(6)
    )
    ends = compute_percentile_interval(np.sort(result.bootstrap_distribution), stats.norm.isf((1 - confidence) / 2))
    assert ends == pytest.approx(tuple(result.confidence_interval), rel=1e-12)


def test_ten_draws_are_widened_to_students_interval() -> None:
    data = np.random.default_rng(7).normal(size=10)
    replicas = np.sort(np.random.default_rng(8).choice(data, (40_000, 10)).mean(axis=1))
    ends = compute_percentile_interval(replicas, widen_quantile(0.95, 9, np.sqrt(10 / 9)))
    student = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert ends[1] - ends[0] == pytest.approx(student.high - student.low, rel=0.06)


def test_light_tails_leave_the_usual_degrees_of_freedom() -> None:
    assert count_tail_degrees(np.tile([-1.0, 1.0], 20)) == pytest.approx(39)


def test_heavy_tails_take_degrees_of_freedom_as_the_unbiased_kurtosis_says() -> None:
    deviation = np.random.default_rng(9).standard_t(3, 200)
    deviation -= deviation.mean()
    excess = stats.kurtosis(deviation, bias=False)
    assert excess > 1
    assert count_tail_degrees(deviation) == pytest.approx(2 / (2 / 199 + excess / 200))


def test_one_item_that_changed_leaves_hardly_any_degrees() -> None:
    deviation = np.zeros(100)
    deviation[0] = 1
    assert 1 <= count_tail_degrees(deviation - deviation.mean()) < 2.1
