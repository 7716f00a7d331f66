from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.analysis.interval import compute_bca_interval, widen_quantile


@pytest.mark.parametrize("confidence", [0.90, 0.95])
def test_it_is_scipys_bca_on_scipys_own_replicas(confidence: float) -> None:
    data = np.random.default_rng(5).exponential(size=60)
    result = stats.bootstrap((data,), np.mean, confidence_level=confidence, method="BCa", rng=np.random.default_rng(6))
    deviation = data - data.mean()
    acceleration = np.sum(deviation**3) / (6 * np.sum(deviation**2) ** 1.5)
    ends = compute_bca_interval(
        np.sort(result.bootstrap_distribution), data.mean(), acceleration, stats.norm.isf((1 - confidence) / 2)
    )
    assert ends == pytest.approx(tuple(result.confidence_interval), rel=1e-12)


def test_ten_draws_are_widened_to_students_interval() -> None:
    data = np.random.default_rng(7).normal(size=10)
    replicas = np.sort(np.random.default_rng(8).choice(data, (40_000, 10)).mean(axis=1))
    ends = compute_bca_interval(replicas, data.mean(), 0.0, widen_quantile(0.95, 9, np.sqrt(10 / 9)))
    student = stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert ends[1] - ends[0] == pytest.approx(student.high - student.low, rel=0.06)
