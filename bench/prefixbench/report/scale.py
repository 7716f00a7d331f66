"""The scale that intervals are drawn on: round ends, round ticks, places as a share of the width."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefixbench.report.effects import Effect

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
MOST_TICKS = 8


@dataclass(frozen=True, slots=True)
class Scale:
    """From ``low`` to ``high`` points, zero among them."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, points: float) -> float:
        """Where a value stands, as a percentage of the width; what lies outside stands at the end."""
        share = (points - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 1)


def fit_scale(effects: Iterable[Effect], margin: float = 0.0, most_ticks: int = MOST_TICKS) -> Scale:
    """The scale that shows every interval whole, the margin on both sides, and zero."""
    ends = [end for effect in effects for end in (effect.low, effect.high) if math.isfinite(end)]
    low, high = min([-margin, -0.1, *ends]), max([margin, 0.1, *ends])
    ticks = next((ticks for step in _STEPS if len(ticks := _set_ticks(low, high, step)) <= most_ticks), (0.0,))
    pad = 0.02 * (high - low)
    return Scale(low - pad, high + pad, ticks)


def _set_ticks(low: float, high: float, step: float) -> tuple[float, ...]:
    return tuple(round(number * step, 1) for number in range(math.ceil(low / step), math.floor(high / step) + 1))
