"""How many texts a place holds by mteb's own descriptive statistics, for data never read on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefixbench.plan.place import Place

_WHOLE = frozenset({"documents_text_statistics"})
"""Columns that no limit shortens."""


def estimate_texts(place: Place) -> int | None:
    """Distinct texts of one subset and split; ``None`` where mteb ships no statistics of the task.

    A limit keeps so many items: of queries, samples or pairs (two texts each), beside all documents.

    Texts that a task takes from another split, such as the training samples of a classification, are not counted.
    """
    if place.facts.source != "mteb":
        return None
    import mteb

    statistics: Any = (mteb.get_task(place.facts.name).metadata.descriptive_stats or {}).get(place.hf_split)
    if not isinstance(statistics, dict):
        return None
    by_subset = statistics.get("hf_subset_descriptive_stats") or {place.hf_subset: statistics}
    columns = by_subset.get(place.hf_subset, {}).items()
    counts = {name: one["unique_texts"] for name, one in columns if isinstance(one, dict) and one.get("unique_texts")}
    if place.limit is not None:
        counts = {name: n if name in _WHOLE else min(n, place.limit) for name, n in counts.items()}
    return sum(counts.values()) or None
