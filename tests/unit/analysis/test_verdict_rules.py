from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.interval import Estimate
from prefixbench.analysis.rules import (
    ONE_CORPUS,
    Claim,
    Family,
    Verdict,
    adjust_p_values,
    count_items_for_margin,
    decide_family,
    explain,
    format_p,
    read_interval,
)
from scipy import stats

CLAIMS = st.builds(
    Claim,
    estimate=st.builds(
        Estimate,
        delta=st.floats(-8, 8),
        error=st.floats(0.05, 3),
        acceleration=st.floats(-0.15, 0.15),
        degrees=st.floats(3, 2_000),
        unseen=st.floats(0, 2),
    ),
    margin=st.sampled_from([0.0, 0.5, 1.0]),
    n_units=st.sampled_from([50, 100, 2_000]),
    same_strings=st.booleans(),
)
ALLOWED = {Verdict.HELPS: Verdict.POSITIVE, Verdict.HURTS: Verdict.NEGATIVE}
FAMILIES = st.sampled_from(list(Family))


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.6, 3.0), Verdict.HELPS),
        ((-3.0, -0.6), Verdict.HURTS),
        ((-0.4, 0.4), Verdict.EQUIVALENT),
        ((0.1, 0.4), Verdict.EQUIVALENT),
        ((0.1, 2.0), Verdict.POSITIVE),
        ((-2.0, -0.1), Verdict.NEGATIVE),
        ((-2.0, 2.0), Verdict.INCONCLUSIVE),
        ((0.5, 2.0), Verdict.POSITIVE),
        ((-0.5, 0.5), Verdict.INCONCLUSIVE),
    ],
)
def test_the_word_is_read_off_the_interval(interval: tuple[float, float], verdict: Verdict) -> None:
    assert read_interval(interval, 0.5) is verdict


def test_with_no_margin_nothing_is_equivalent() -> None:
    assert read_interval((0.0, 0.0), 0.0) is Verdict.INCONCLUSIVE
    assert read_interval((0.1, 0.2), 0.0) is Verdict.HELPS


@settings(deadline=None)
@given(st.lists(CLAIMS, max_size=12), FAMILIES)
def test_a_word_a_p_value_and_an_interval_never_contradict_each_other(claims: list[Claim], family: Family) -> None:
    for claim, decision in zip(claims, decide_family(claims, family), strict=True):
        if not claim.is_tested:
            assert decision.verdict in (Verdict.SAME_STRINGS, Verdict.DESCRIBED)
            assert math.isnan(decision.p_adjusted)
            continue
        assert decision.verdict is read_interval(decision.interval, claim.margin)
        assert decision.verdict.is_declared == (decision.p_adjusted <= 0.05)
        assert decision.alpha <= 0.05 + 1e-12
        plain = claim.estimate.interval(0.05)
        assert decision.interval[0] <= plain[0] + 1e-9
        assert plain[1] <= decision.interval[1] + 1e-9
        # What the interval that decides supports, the plain one beside it supports too.
        word, seen = decision.verdict, read_interval(plain, claim.margin)
        assert word in {seen, ALLOWED.get(seen), Verdict.INCONCLUSIVE}, (word, seen)


@settings(deadline=None)
@given(st.lists(CLAIMS, max_size=8), CLAIMS, FAMILIES)
def test_what_is_not_tested_costs_the_others_nothing(claims: list[Claim], other: Claim, family: Family) -> None:
    untested = Claim(other.estimate, other.margin, n_units=99)
    assert decide_family([*claims, untested], family)[:-1] == decide_family(claims, family)


@settings(deadline=None)
@given(st.lists(CLAIMS, max_size=8), CLAIMS)
def test_a_larger_primary_family_never_makes_a_word_stronger(claims: list[Claim], another: Claim) -> None:
    before, after = decide_family(claims, Family.PRIMARY), decide_family([*claims, another], Family.PRIMARY)[:-1]
    for small, large in zip(before, after, strict=True):
        assert not large.verdict.is_declared or small.verdict is large.verdict


@settings(deadline=None, max_examples=20)  # statsmodels collects garbage at every correction
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections_are_statsmodels(p_values: list[float]) -> None:
    from statsmodels.stats.multitest import multipletests

    for family, method in ((Family.PRIMARY, "holm"), (Family.EXPLORATORY, "fdr_bh")):
        assert adjust_p_values(p_values, family) == pytest.approx(list(multipletests(p_values, method=method)[1]))


def test_the_worst_harm_hurts() -> None:
    total_failure = Claim(Estimate(-62.0, 0.5), 0.5, 300)
    (decision,) = decide_family([total_failure], Family.PRIMARY)
    assert (decision.verdict, decision.p_adjusted) == (Verdict.HURTS, 0.0)


def test_items_for_the_margin_scale_with_the_square_of_the_width() -> None:
    claim = Claim(Estimate(0.0, 1.0), 0.5, 400)
    (decision,) = decide_family([claim], Family.PRIMARY)
    half = (decision.interval[1] - decision.interval[0]) / 2
    assert count_items_for_margin(decision, claim, 1.0, 400) == math.ceil(400 * (half / 0.5) ** 2)
    assert count_items_for_margin(decision, claim, 0.1, 400) is None  # experiments alone leave it wider
    # What imagined items add shrinks with the number of items itself, not with its root.
    imagined = Claim(Estimate(0.0, 0.0, unseen=1.0), 0.5, 400)
    (decision,) = decide_family([imagined], Family.PRIMARY)
    assert count_items_for_margin(decision, imagined, 0.0, 400) == math.ceil(400 * half / 0.5)


def test_what_looks_decisive_and_is_not_says_why() -> None:
    weak = Claim(Estimate(3.0, 1.1), 0.5, 500)
    decisions = decide_family([weak, *[Claim(Estimate(0.1, 1.0), 0.5, 500)] * 5], Family.PRIMARY)
    assert decisions[0].verdict is Verdict.POSITIVE
    assert explain(decisions[0], weak, weak.estimate.interval(0.05)) == "helps alone, not within its family (p 0.14)"
    said = explain(decisions[1], Claim(Estimate(0.1, 1.0), 0.5, 500), (-1.9, 2.1))
    assert said == "the data allow −2.5 to +2.7; this run could have found ±4.0"
    rare = Claim(Estimate(1.0, 0.1, unseen=0.4), 0.5, 500)
    (decision,) = decide_family([rare], Family.PRIMARY)
    assert decision.verdict is Verdict.POSITIVE
    said = explain(decision, rare, rare.estimate.interval(0.05))
    assert said == "helps by the items seen, not once rare ones that nobody saw are allowed for"
    few = Claim(Estimate(3.0, 0.1), 0.5, 40)
    assert explain(decide_family([few], Family.PRIMARY)[0], few, (2, 4)) == "40 independent units, fewer than 100"
    draws = Claim(Estimate(3.0, 0.1), 0.5, ONE_CORPUS)
    said = explain(decide_family([draws], Family.PRIMARY)[0], draws, (2, 4))
    assert said == "draws of one corpus, which speak of that corpus only"


def test_p_values_are_written_short() -> None:
    assert [format_p(value) for value in (0.0499, 0.12345, 0.00001, float("nan"))] == ["0.05", "0.12", "<0.0001", ""]


def test_no_rule_sees_the_item_that_a_sample_lacks() -> None:
    rng = np.random.default_rng(5)
    truth = 100 * (0.99 * 0.009 - 0.01 * 0.9)
    lost = rng.random((300, 100)) < 0.01
    changes = np.where(lost, -0.9, 0.009) + rng.normal(0.0, 0.01, lost.shape)
    estimates = [infer_contrast(PairedData(own[:, None], np.ones(100), np.empty(0))).estimate for own in changes]
    seen = lost.any(axis=1)
    degrees = np.array([own.degrees for own in estimates])
    covers = np.array([low <= truth <= high for low, high in (own.interval(0.05) for own in estimates)])
    # Heavy tails mark the samples that hold the item; those that lack it look normal, and miss the truth.
    assert np.median(degrees[seen]) < 5 < 50 < degrees[~seen].min()
    assert covers[seen].mean() > 0.93
    assert not covers[~seen].any()
    # The interval that decides holds the truth in them all the same.
    assert all(low <= truth <= high for low, high in (own.cautious_interval(0.05) for own in estimates))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_exploratory_p_values_are_corrected_as_scipy_does(p_values: list[float]) -> None:
    assert adjust_p_values(p_values, Family.EXPLORATORY) == list(stats.false_discovery_control(p_values))
