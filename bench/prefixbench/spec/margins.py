"""The smallest difference that matters, declared before the run: points, for all metrics or by metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict

from prefixbench.errors import SpecError

DEFAULT_EFFECT = 0.5
"""Points that matter where nothing is declared."""

OTHERS = "default"
"""The name under which the margin of every metric that is not named stands."""

MOST_EFFECT = 100.0


def _gather(value: object) -> object:
    """Let a bare number stand for every metric."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {OTHERS: value}
    if isinstance(value, Mapping):
        return value
    raise ValueError("must be points, or a table of points by metric, as in ndcg_at_10 = 0.5")


MetricName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_@.-]+$", max_length=100)]
SmallestEffects = Annotated[
    dict[MetricName, Annotated[float, Strict(), Field(ge=0, le=MOST_EFFECT)]], BeforeValidator(_gather)
]
"""Points by metric; `OTHERS` stands for those not named."""


def merge_effects(declared: object, asked: Mapping[str, float] | float) -> object:
    """Lay what is asked over what is declared; a margin for every metric replaces all, one of a metric that alone."""
    own = asked if isinstance(asked, Mapping) else {OTHERS: asked}
    if OTHERS in own:
        return own
    return {**(declared if isinstance(declared, Mapping) else {OTHERS: declared}), **own}


def parse_smallest_effects(texts: Sequence[str]) -> dict[str, float]:
    """Read the flag's values: ``POINTS`` for every metric, or ``METRIC=POINTS``.

    Raises:
        SpecError: One is of neither form, no number of points, or given twice; all at once.
    """
    effects: dict[str, float] = {}
    faults = []
    for text in texts:
        name, _, number = text.rpartition("=")
        name = name.strip() or OTHERS
        try:
            points = float(number)
        except ValueError:
            faults.append(f"--smallest-effect {text!r}: must be POINTS or METRIC=POINTS, as in 0.5 or ndcg_at_10=0.5.")
            continue
        if not math.isfinite(points) or not 0 <= points <= MOST_EFFECT:
            faults.append(
                f"--smallest-effect: {points:g} is no difference; give points from 0 to {MOST_EFFECT:g}, as in 0.5."
            )
        elif name in effects:
            faults.append(f"--smallest-effect {text!r}: {name} is given twice.")
        effects[name] = points
    if faults:
        raise SpecError(faults)
    return effects
