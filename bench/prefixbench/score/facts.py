"""What is known of an item whatever is sent: how long it is, and how many words it shares with what it should find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks import AbsTaskRetrieval

from prefixbench.items.words import find_words, list_words, share_words
from prefixbench.score.data import find_rows, fresh_task, get_split
from prefixbench.score.digest import item_parts
from prefixbench.score.search import join_titles
from prefixbench.spec.tasks import PAIR_TASK_TYPES

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from prefixbench.items.table import ItemTable

Facts = Mapping[str, tuple[float, float, float]]
"""By item id: words, letters, and overlap, which is NaN where there is nothing to share words with."""


def describe_items(task: AbsTask, hf_split: str, hf_subset: str) -> Facts:
    """Words and letters of each item's text; and the share of words it has in common.

    For a query, the share of its words that stand in a relevant document, the mean over these; for a pair, Jaccard's
    index of its two texts. Empty for clustering, whose items are draws.

    Raises:
        ScoreError: The task has no such split or subset.
    """
    parts = item_parts(task, hf_split, hf_subset)
    clone = fresh_task(task)
    overlaps: Mapping[str, float] = {}
    if isinstance(clone, AbsTaskRetrieval):
        overlaps = _find_in_relevant(
            get_split(clone, hf_split, hf_subset), {item: text for item, (text,) in parts.items()}
        )
    elif clone.metadata.type in PAIR_TASK_TYPES:
        overlaps = {item: share_words(*pair) for item, pair in parts.items()}
    nothing = float("nan")
    return {
        item: (
            float(sum(len(list_words(text)) for text in own)),
            float(sum(map(len, own))),
            overlaps.get(item, nothing),
        )
        for item, own in parts.items()
    }


def _find_in_relevant(data: Any, queries: Mapping[str, str]) -> dict[str, float]:  # noqa: ANN401 - mteb's dictionary
    relevant = {
        query: [document for document, grade in grades.items() if grade > 0]
        for query, grades in data["relevant_docs"].items()
        if query in queries
    }
    row_of = find_rows(data["corpus"], {name for own in relevant.values() for name in own})
    wanted = list(dict.fromkeys(name for own in relevant.values() for name in own if name in row_of))
    chosen = join_titles(data["corpus"].select([row_of[name] for name in wanted]))[0]
    text_of = dict(zip(wanted, chosen, strict=True))
    return {
        query: float(np.mean([find_words(queries[query], text_of[name]) for name in own if name in text_of]))
        for query, own in relevant.items()
        if any(name in text_of for name in own)
    }


def add_facts(items: ItemTable, facts: Facts) -> ItemTable:
    """The table with what is known of its items; as it is where an item is unknown, such as a set of queries."""
    names = items.item_id.tolist()
    if not names or any(name not in facts for name in names):
        return items
    words, letters, overlap = np.array([facts[name] for name in names], dtype=np.float64).T
    return replace(items, words=words, letters=letters, overlap=overlap if np.isfinite(overlap).all() else None)
