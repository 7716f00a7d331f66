"""The word on a claim follows from its interval."""

from __future__ import annotations

from typing import Any

import pytest
from prefixbench.claims.claim import ClaimTest
from prefixbench.claims.judge import Outcome, combine, count_items_needed, judge_interval

CONFIRMED, REFUTED, OPEN, NOT_RUN = Outcome.CONFIRMED, Outcome.REFUTED, Outcome.CANNOT_TELL, Outcome.NOT_RUN


def make_test(**fields: Any) -> ClaimTest:
    return ClaimTest(condition="correct", plan=("SciFact",), **fields)


@pytest.mark.parametrize(
    ("fields", "interval", "outcome"),
    [
        ({"expects": "gain"}, (0.1, 3.0), CONFIRMED),
        ({"expects": "gain"}, (0.1, 0.3), CONFIRMED),
        ({"expects": "gain"}, (-2.0, 0.4), REFUTED),
        ({"expects": "gain"}, (-2.0, 0.6), OPEN),
        ({"expects": "loss"}, (-3.0, -0.1), CONFIRMED),
        ({"expects": "loss"}, (-0.4, 2.0), REFUTED),
        ({"expects": "no gain"}, (-4.0, 0.4), CONFIRMED),
        ({"expects": "no gain"}, (0.6, 2.0), REFUTED),
        ({"expects": "no gain"}, (0.4, 2.0), OPEN),
        ({"expects": "no gain", "within": 2.0}, (0.6, 1.9), CONFIRMED),
        ({"expects": "no loss"}, (-0.4, 4.0), CONFIRMED),
        ({"expects": "no loss"}, (-2.0, -0.6), REFUTED),
        ({"expects": "no difference"}, (-0.4, 0.4), CONFIRMED),
        ({"expects": "no difference"}, (0.6, 0.9), REFUTED),
        ({"expects": "no difference"}, (-0.6, 0.4), OPEN),
        ({"expects": "gain", "size": (2.0, 2.0)}, (0.5, 2.5), CONFIRMED),
        ({"expects": "gain", "size": (2.0, 2.0)}, (-0.5, 2.5), OPEN),
        ({"expects": "gain", "size": (2.0, 2.0)}, (0.5, 1.9), REFUTED),
        ({"expects": "gain", "size": (0.0, 10.0)}, (10.5, 12.0), REFUTED),
        ({"expects": "loss", "size": (2.0, 2.0)}, (-2.5, -0.5), CONFIRMED),
        ({"expects": "gain", "size": (1.0, 5.0), "unit": "percent"}, (0.2, 0.45), REFUTED),
        ({"expects": "gain", "size": (1.0, 5.0), "unit": "percent"}, (0.2, 0.55), CONFIRMED),
    ],
)
def test_an_interval_gives_the_word(fields: dict[str, Any], interval: tuple[float, float], outcome: Outcome) -> None:
    assert judge_interval(make_test(**fields), interval, 0.5, baseline_score=50.0) is outcome


@pytest.mark.parametrize(
    ("outcomes", "everywhere", "somewhere"),
    [
        ([], NOT_RUN, NOT_RUN),
        ([NOT_RUN], NOT_RUN, NOT_RUN),
        ([CONFIRMED, NOT_RUN], CONFIRMED, CONFIRMED),
        ([CONFIRMED, OPEN], OPEN, CONFIRMED),
        ([REFUTED, OPEN], REFUTED, OPEN),
        ([REFUTED, CONFIRMED], REFUTED, CONFIRMED),
        ([REFUTED, REFUTED], REFUTED, REFUTED),
    ],
)
def test_a_claim_on_every_task_falls_with_one_row(
    outcomes: list[Outcome], everywhere: Outcome, somewhere: Outcome
) -> None:
    assert combine(outcomes, "everywhere") is everywhere
    assert combine(outcomes, "somewhere") is somewhere


def test_four_times_the_items_halve_what_is_needed_beyond_the_margin() -> None:
    assert count_items_needed(mde=2.5, margin=0.5, n_items=100, size=1.5) == 400
    assert count_items_needed(mde=2.5, margin=0.5, n_items=100, size=0.5) is None
    assert count_items_needed(mde=float("nan"), margin=0.5, n_items=100, size=1.5) is None
