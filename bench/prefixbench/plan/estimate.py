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
    columns = _read_statistics(place).items()
    counts = {name: one["unique_texts"] for name, one in columns if isinstance(one, dict) and one.get("unique_texts")}
    if place.limit is not None:
        counts = {name: n if name in _WHOLE else min(n, place.limit) for name, n in counts.items()}
    return sum(counts.values()) or None


def estimate_items(place: Place) -> int | None:
    """Items of one subset and split: queries, pairs or samples; ``None`` where mteb ships no statistics of the task."""
    statistics = _read_statistics(place)
    n_items = statistics.get("num_queries") or statistics.get("num_samples")
    if not isinstance(n_items, int) or n_items <= 0:
        return None
    return n_items if place.limit is None else min(n_items, place.limit)


def _read_statistics(place: Place) -> dict[str, Any]:
    """What mteb tells of one subset and split; empty where it tells nothing."""
    if place.facts.source != "mteb":
        return {}
    import mteb

    statistics: Any = (mteb.get_task(place.facts.name).metadata.descriptive_stats or {}).get(place.hf_split)
    if not isinstance(statistics, dict):
        return {}
    by_subset = statistics.get("hf_subset_descriptive_stats") or {place.hf_subset: statistics}
    return dict(by_subset.get(place.hf_subset, {}))
