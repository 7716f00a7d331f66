"""How many texts a place holds by mteb's own descriptive statistics, for data never read on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefixbench.spec.conditions import Role

if TYPE_CHECKING:
    from prefixbench.plan.place import Place

_WHOLE = "documents_text_statistics"
"""The column that no limit shortens."""

_ROLES = {_WHOLE: Role.DOCUMENT, "queries_text_statistics": Role.QUERY}


@dataclass(frozen=True, slots=True)
class Amount:
    """Distinct texts, and the characters in all of them."""

    n_texts: int
    n_characters: int


def estimate_texts(place: Place) -> dict[Role | None, Amount]:
    """Distinct texts of one subset and split by role; empty where mteb ships no statistics of the task.

    A limit keeps so many items: of queries, samples or pairs (two texts each), beside all documents.

    Texts that a task takes from another split, such as the training samples of a classification, are not counted.
    """
    amounts: dict[Role | None, Amount] = {}
    for name, column in _read_statistics(place).items():
        if not isinstance(column, dict) or not column.get("unique_texts"):
            continue
        n_texts = column["unique_texts"]
        if place.limit is not None and name != _WHOLE:
            n_texts = min(n_texts, place.limit)
        role = _ROLES.get(name) if place.facts.has_roles else None
        known = amounts.get(role, Amount(0, 0))
        n_characters = known.n_characters + round(n_texts * column.get("average_text_length", 0))
        amounts[role] = Amount(known.n_texts + n_texts, n_characters)
    return amounts


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
