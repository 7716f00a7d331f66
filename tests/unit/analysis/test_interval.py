from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.spread import compute_spread, imagined_variance
from scipy import stats

ESTIMATES = st.builds(
    Estimate,
    delta=st.floats(-20, 20),
    error=st.floats(0.01, 10),
    acceleration=st.floats(-0.15, 0.15),
    degrees=st.floats(3, 5_000),
)


@given(ESTIMATES, st.floats(0.0005, 0.3))
def test_the_p_value_against_an_end_of_an_interval_is_its_level(estimate: Estimate, alpha: float) -> None:
    low, high = estimate.interval(alpha)
    assert low < high
    assert estimate.p_against(low) == pytest.approx(alpha, rel=1e-6)
    assert estimate.p_against(high) == pytest.approx(alpha, rel=1e-6)


@given(ESTIMATES, st.floats(0.001, 0.1), st.floats(0.001, 0.1))
def test_a_stricter_level_gives_a_wider_interval(estimate: Estimate, one: float, other: float) -> None:
    strict, lax = sorted((one, other))
    wide, narrow = estimate.interval(strict), estimate.interval(lax)
    assert wide[0] <= narrow[0] + 1e-9
    assert narrow[1] <= wide[1] + 1e-9


@given(ESTIMATES, st.floats(0, 5), st.floats(0.0005, 0.3))
def test_the_cautious_interval_is_never_narrower_and_has_its_own_p_value(
    estimate: Estimate, unseen: float, alpha: float
) -> None:
    own = replace(estimate, unseen=unseen)
    (low, high), (seen_low, seen_high) = own.cautious_interval(alpha), own.interval(alpha)
    assert low <= seen_low < seen_high <= high
    assert (seen_low, seen_high) == estimate.interval(alpha)
    assert own.cautious_p_against(low) == pytest.approx(alpha, rel=1e-6)
    assert own.cautious_p_against(high) == pytest.approx(alpha, rel=1e-6)


def test_without_skew_it_is_students_interval() -> None:
    change = np.random.default_rng(0).normal(2, 5, 50)
    estimate = Estimate(float(change.mean()), float(stats.sem(change)), 0.0, 49)
    result = stats.ttest_1samp(change, 0)
    assert estimate.p_against(0) == pytest.approx(result.pvalue)
    assert estimate.interval(0.05) == pytest.approx(tuple(result.confidence_interval()))


def test_a_p_value_that_underflows_is_nought_and_no_error() -> None:
    assert Estimate(46.0, 1.0).p_against(0) < 1e-300
    assert Estimate(5.0, 0.0).p_against(0) == 0.0
    assert Estimate(0.0, 0.0).p_against(0) == 1.0


def test_the_detectable_effect_of_normal_data_is_margin_and_both_quantiles() -> None:
    reach, beyond = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    assert Estimate(3.0, 1.0).detectable(0.5, 0.05, 0.8) == pytest.approx(0.5 + reach + beyond)
    # Imagined items widen the interval; they do not make samples scatter.
    wide = Estimate(3.0, 3.0, unseen=4.0).detectable(0.5, 0.05, 0.8)
    assert wide == pytest.approx(0.5 + 5 * reach + 3 * beyond)


def _draw_losses(rng: np.random.Generator, n: int) -> np.ndarray:
    """Changes of skewness −2.6 about no change."""
    return np.asarray(-(np.exp(rng.normal(size=n) * 0.75) - np.exp(0.75**2 / 2)) / 10)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 60])
def test_the_level_holds_under_skew_where_students_does_not(alpha: float) -> None:
    rng, n, n_samples = np.random.default_rng(1), 100, 6_000
    wrong = {"hall": 0, "student": 0}
    for _ in range(n_samples):
        sample = _draw_losses(rng, n)
        spread = compute_spread(sample[:, None], np.ones(n))
        hall = Estimate(float(sample.mean()), spread.error, spread.acceleration, spread.tail_degrees)
        wrong["hall"] += hall.p_against(0) <= alpha
        wrong["student"] += stats.t.sf(abs(sample.mean()) / spread.error, n - 1) * 2 <= alpha
    assert wrong["hall"] / n_samples <= alpha + 3 * math.sqrt(alpha / n_samples)
    assert wrong["student"] > wrong["hall"]


@settings(deadline=None)
@given(st.integers(100, 5_000))
def test_the_imagined_units_cover_a_disaster_that_no_unit_showed(n_units: int) -> None:
    # One unit in n·c loses everything and none was seen, with a chance of exp(−1/c): it may be off by 1/n·c.
    unseen = -math.log(0.05) / n_units
    estimate = Estimate(0.0, 0.0, unseen=math.sqrt(imagined_variance(n_units)))
    assert estimate.cautious_interval(0.05)[0] < -unseen * 0.9
