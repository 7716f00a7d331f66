"""How many texts a place holds by mteb's own descriptive statistics, for data never read on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prefixbench.plan.place import Place


def estimate_texts(place: Place) -> int | None:
    """Distinct texts of one subset and split; ``None`` where mteb ships no statistics of the task.

    Texts that a task takes from another split, such as the training samples of a classification, are not counted.
    """
    if place.facts.source != "mteb":
        return None
    import mteb

    statistics: Any = (mteb.get_task(place.facts.name).metadata.descriptive_stats or {}).get(place.hf_split)
    if not isinstance(statistics, dict):
        return None
    by_subset = statistics.get("hf_subset_descriptive_stats") or {place.hf_subset: statistics}
    columns = by_subset.get(place.hf_subset, {}).values()
    counts = [column["unique_texts"] for column in columns if isinstance(column, dict) and column.get("unique_texts")]
    return sum(counts) or None
