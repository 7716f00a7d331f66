"""Items that moved most: the query, where its first relevant document ranked before and after, and the texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.names import format_contrast
from prefixbench.report.words import format_points, is_number, name_briefly, shorten

if TYPE_CHECKING:
    from collections.abc import Hashable

    from prefixbench.report.evidence import Evidence

EACH_WAY = 4
"""Items shown that gained, and as many that lost."""
LONGEST = 180
"""Letters of a text shown."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One item.

    Attributes:
        text: The item's text, or its name where the data's licence allows no copy.
        task: Its task.
        model: Whose.
        delta: Points it gained.
        before: Rank of its first relevant document under the baseline, or its own score where there is no rank.
        after: The same under the condition.
    """

    text: str
    task: str
    model: str
    delta: str
    before: str
    after: str


def list_hits(evidence: Evidence) -> tuple[Hit, ...]:
    """Four items that gained most under the report's condition and four that lost most, each item once."""
    movers = evidence.movers
    if not len(movers):
        return ()
    movers = movers[(movers["contrast"] == format_contrast(evidence.options.pair)) & (movers["delta_points"] != 0.0)]
    ordered = movers.sort_values("delta_points", kind="stable").drop_duplicates(["task", "hf_subset", "item_id"])
    texts = _gather_texts(evidence) if evidence.options.texts else {}
    gained = ordered[ordered["delta_points"] > 0].tail(EACH_WAY).iloc[::-1]
    lost = ordered[ordered["delta_points"] < 0].head(EACH_WAY)
    return tuple(_show(row, texts) for part in (gained, lost) for row in part.to_dict("records"))


def _gather_texts(evidence: Evidence) -> dict[tuple[str, str, str, str], str]:
    return {
        (name, *key): text
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for key, text in run.item_texts().items()
    }


def _show(row: dict[Hashable, Any], texts: dict[tuple[str, str, str, str], str]) -> Hit:
    text = texts.get((str(row["run"]), str(row["task"]), str(row["hf_subset"]), str(row["item_id"])))
    ranks = (row["rank_before"], row["rank_after"])
    before, after = (
        (_show_rank(rank) for rank in ranks)
        if any(is_number(rank) for rank in ranks)
        else (f"score {row[name] * 100:.0f}" for name in ("before", "after"))
    )
    return Hit(
        text=f"{text[:LONGEST]}…" if text and len(text) > LONGEST else text or shorten(str(row["item_id"]), 60),
        task=str(row["label"]),
        model=name_briefly(str(row["subject"]), 40),
        delta=format_points(row["delta_points"], 0),
        before=before,
        after=after,
    )


def _show_rank(rank: float) -> str:
    if not is_number(rank):
        return "–"
    return "not found" if np.isinf(rank) else f"rank {rank:.0f}"
