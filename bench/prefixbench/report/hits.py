"""Items that moved most: the query, its first relevant document's rank before and after, and what stood first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.names import format_contrast
from prefixbench.errors import ResultsError
from prefixbench.report.words import format_points, is_number, name_briefly, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from prefixbench.report.evidence import Evidence
    from prefixbench.results.run import Run
    from prefixbench.results.texts import TextKey

EACH_WAY = 4
"""Items shown that gained, and as many that lost."""
LONGEST = 180
"""Letters of a text shown."""
LONGEST_FOUND = 110
"""Letters of a first hit shown: about a line."""

TextsOf = dict[tuple[str, str, str, str], str]
"""By run, task, subset, and id of an item or a document."""


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
        found: What stood first under the baseline and under the condition: how its text begins, or its id where none
            is kept; empty where the run kept no hits.
    """

    text: str
    task: str
    model: str
    delta: str
    before: str
    after: str
    found: tuple[str, ...] = ()


def list_hits(evidence: Evidence) -> tuple[Hit, ...]:
    """Four items that gained most under the report's condition and four that lost most, each item once."""
    movers = evidence.movers
    if not len(movers):
        return ()
    movers = movers[(movers["contrast"] == format_contrast(evidence.options.pair)) & (movers["delta_points"] != 0.0)]
    ordered = movers.sort_values("delta_points", kind="stable").drop_duplicates(["task", "hf_subset", "item_id"])
    quotes = evidence.options.texts
    texts = _gather(evidence, lambda run: run.item_texts()) if quotes else {}
    documents = _gather(evidence, lambda run: run.document_texts()) if quotes else {}
    gained = ordered[ordered["delta_points"] > 0].tail(EACH_WAY).iloc[::-1]
    lost = ordered[ordered["delta_points"] < 0].head(EACH_WAY)
    rows = [row for part in (gained, lost) for row in part.to_dict("records")]
    return tuple(_show(row, texts, _find_first(row, evidence, documents)) for row in rows)


def _gather(evidence: Evidence, read: Callable[[Run], Mapping[TextKey, str]]) -> TextsOf:
    return {
        (name, *key): text
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for key, text in read(run).items()
    }


def _find_first(row: dict[Hashable, Any], evidence: Evidence, documents: TextsOf) -> tuple[str, ...]:
    """What stood first for an item under the baseline, and under the condition."""
    condition, baseline = evidence.options.pair
    first = [_name_first(row, evidence, name) for name in (baseline, condition)]
    place = str(row["run"]), str(row["task"]), str(row["hf_subset"])
    if any(name is None for name in first):
        return ()
    return tuple(_cut(documents.get((*place, name)) or f"document {name}", LONGEST_FOUND) for name in first if name)


def _name_first(row: dict[Hashable, Any], evidence: Evidence, condition: str) -> str | None:
    """The id of an item's first hit under one condition; ``None`` where it is not known."""
    run = evidence.runs[evidence.run_names.index(str(row["run"]))]
    place = [str(row[name]) for name in ("model", "task", "hf_subset", "hf_split")]
    for cell in run.results:
        if condition in cell.conditions and [cell.model, cell.task, cell.hf_subset, cell.hf_split] == place:
            try:
                hits = run.hits(cell.cell_id)
            except ResultsError:
                return None  # the next sweep computes the cell again
            return None if hits is None else hits.name_first().get(str(row["item_id"]))
    return None


def _cut(text: str, longest: int) -> str:
    return f"{text[:longest]}…" if len(text) > longest else text


def _show(row: dict[Hashable, Any], texts: TextsOf, found: tuple[str, ...]) -> Hit:
    text = texts.get((str(row["run"]), str(row["task"]), str(row["hf_subset"]), str(row["item_id"])))
    ranks = (row["rank_before"], row["rank_after"])
    before, after = (
        (_show_rank(rank) for rank in ranks)
        if any(is_number(rank) for rank in ranks)
        else (f"score {row[name] * 100:.0f}" for name in ("before", "after"))
    )
    return Hit(
        text=_cut(text, LONGEST) if text else shorten(str(row["item_id"]), 60),
        task=str(row["label"]),
        model=name_briefly(str(row["subject"]), 40),
        delta=format_points(row["delta_points"], 0),
        before=before,
        after=after,
        found=found,
    )


def _show_rank(rank: float) -> str:
    if not is_number(rank):
        return "–"
    return "not found" if np.isinf(rank) else f"rank {rank:.0f}"
