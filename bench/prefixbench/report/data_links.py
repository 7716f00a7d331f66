"""Data that the page carries: every table can be taken along as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd

from prefixbench.analysis.export import escape_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefixbench.report.effects import Effect

_LEFT_AS_THEY_ARE = " ,;:!*()/'@&=+$-_.~[]|{}"
"""Every byte that needs no escape inside a quoted ``data:`` link; escaping them would treble a table's size."""


def link_csv(frame: pd.DataFrame) -> str:
    """A frame as a ``data:`` link; numbers keep six significant digits."""
    content = escape_frame(frame).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return "data:text/csv;charset=utf-8," + quote(content, safe=_LEFT_AS_THEY_ARE)


def tabulate_effects(effects: Iterable[Effect]) -> pd.DataFrame:
    """Exactly what a figure draws, one row a mark."""
    return pd.DataFrame(
        [
            {
                "name": effect.name,
                "task_type": effect.task_type,
                "condition": effect.pair[0],
                "baseline": effect.pair[1],
                "delta_points": effect.delta,
                "low": effect.low,
                "high": effect.high,
                "verdict": effect.verdict,
                "n_items": effect.n_items,
            }
            for effect in effects
        ]
    )
