"""The scale of a chart: every interval whole, zero on it, and no more ticks than there is room for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from prefixbench.report.scale import fit_scale


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (-37.1, 1.7, 3, (-20, 0)),
        (-3.9, 2.9, 3, (-2, 0, 2)),
        (-2.1, 1.7, 3, (-2, 0)),
        (0.4, 0.9, 8, (-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8)),
        (-90.0, 95.0, 5, (-50, 0, 50)),
    ],
)
def test_ticks_are_round_hold_zero_and_do_not_crowd(low: float, high: float, most: int, ticks: Any) -> None:
    effect: Any = SimpleNamespace(low=low, high=high)
    scale = fit_scale([effect], margin=0.5, most_ticks=most)
    assert scale.ticks == ticks
    assert scale.low < min(low, -0.5)
    assert scale.high > max(high, 0.5)
    assert scale.place(low) < scale.place(high)
