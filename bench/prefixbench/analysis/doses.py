"""Whether more random tokens cost more: the slope of the score over ``placebo:N``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.exploring import Explored, Measured
from prefixbench.analysis.rules import Claim
from prefixbench.errors import AnalysisError

if TYPE_CHECKING:
    from prefixbench.analysis.settings import AnalysisSettings

TOKENS = 10
"""The slope is given for so many tokens more."""

FEWEST_DOSES = 3
"""``none`` and two placebos: two points alone have a slope whatever they are."""


def describe_dose(measured: Measured, settings: AnalysisSettings) -> list[Explored]:
    """Return the row of one place: the least-squares slope over the number of tokens, ``none`` being none of them.

    A slope is a weighted sum of the scores, so items pair as they do in any contrast.
    """
    block = measured.block
    doses = {row: dose for name, row in block.row_of.items() if (dose := _read_dose(name)) is not None}
    if len({*doses.values()}) < FEWEST_DOSES or 0.0 not in doses.values():
        return []
    tokens = np.array(list(doses.values()))
    centred = tokens - tokens.mean()
    slopes = TOKENS * centred / float(np.sum(centred**2))
    try:
        estimate = measured.infer(dict(zip(doses, slopes, strict=True)))
        estimate = replace(estimate, unseen=float(np.abs(slopes).sum()) / 2 * estimate.unseen)  # the range of the slope
    except AnalysisError:  # the contrasts of this place say why
        return []
    row = measured.name() | {
        "doses": ",".join(f"{value:g}" for value in sorted(tokens)),
        "n_items": len(block.item_id),
        "n_units": block.n_units,
    }
    return [Explored(row, Claim(estimate, settings.margin_of(block.metric), measured.n_units))]


def _read_dose(condition: str) -> float | None:
    """Tokens of a condition; ``None`` where it is no dose."""
    if condition == "none":
        return 0.0
    match = re.fullmatch(r"placebo:(\d+)", condition)
    return float(match[1]) if match else None
