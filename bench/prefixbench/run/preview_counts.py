"""How many texts cells send, how long they are, and which vectors are stored, without a model or data."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.plan.estimate import Amount, estimate_texts
from prefixbench.plan.place import Place
from prefixbench.run.known import recall_model
from prefixbench.run.planning import find_local_folder
from prefixbench.run.texts import RoleTexts, recall_texts
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.keys import Keys, Namespace, find_distinct, keys_from_digests

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from prefixbench.plan.cell import Cell
    from prefixbench.spec.conditions import Role, Side

NOTHING = Amount(0, 0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What one cell sends.

    Attributes:
        n_texts: Distinct texts; ``None`` where its data were never read on this machine.
        n_cached: How many of their vectors are stored; ``None`` where that cannot be known yet.
        n_estimated: Texts by mteb's descriptive statistics, for data never read on this machine.
    """

    n_texts: int | None
    n_cached: int | None
    n_estimated: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """What several cells of one model lack together, each vector counted once; characters count prefix and text.

    Attributes:
        read: Of data that were read on this machine.
        unread: Of other data, by mteb's descriptive statistics.
        n_unread: Cells whose data were never read on this machine.
        n_uncounted: Those of them that mteb does not describe either.
    """

    read: Amount
    unread: Amount
    n_unread: int
    n_uncounted: int


@dataclass(frozen=True, slots=True)
class _Request:
    """All that one cell asks for one role.

    Attributes:
        amount: Of texts.
        missing: Keys without a vector, shape ``(n, KEY_BYTES)``; ``None`` where that cannot be known yet.
        characters: Of each of those texts, prefix included, shape ``(n,)``.
        is_read: Whether its data were read on this machine.
    """

    amount: Amount
    missing: Keys | None
    characters: NDArray[np.int64] | None
    is_read: bool


class TextCounter:
    """Counts by what former runs remembered.

    Args:
        cache: Folder of the embedding store.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._store = VectorStore.open(cache / STORE_FOLDER) if (cache / STORE_FOLDER).is_dir() else None
        self._found: dict[tuple[object, ...], _Request] = {}
        self._places: dict[Place, dict[Role | None, RoleTexts] | dict[Role | None, Amount]] = {}

    def count(self, cell: Cell) -> Counts:
        """Count one cell's texts."""
        asked = list(self._ask(cell).values())
        n_texts = sum(one.amount.n_texts for one in asked)
        if not all(one.is_read for one in asked) or not asked:
            return Counts(None, None, n_texts or None)
        if any(one.missing is None for one in asked):
            return Counts(n_texts, None, None)
        return Counts(n_texts, n_texts - sum(len(one.missing) for one in asked if one.missing is not None), None)

    def count_missing(self, cells: Iterable[Cell]) -> Missing:
        """Count what cells of one model lack."""
        named: list[_Request] = []
        unnamed: dict[bool, dict[object, Amount]] = defaultdict(dict)
        n_unread = n_uncounted = 0
        for cell in cells:
            asked = self._ask(cell)
            n_unread += not asked or not all(one.is_read for one in asked.values())
            n_uncounted += not asked
            for wanted, one in asked.items():
                if one.missing is None:
                    unnamed[one.is_read][wanted] = one.amount
                else:
                    named.append(one)
        known = _add([_count_distinct(named), *unnamed[True].values()])
        return Missing(known, _add(unnamed[False].values()), n_unread, n_uncounted)

    def _ask(self, cell: Cell) -> dict[tuple[object, ...], _Request]:
        """What a cell asks for, by model, place, role and side; empty where nothing is known of its data."""
        place = Place.of(cell)
        if place not in self._places:
            remembered = recall_texts(self._cache, place)
            self._places[place] = estimate_texts(place) if remembered is None else remembered.by_role
        asked: dict[tuple[object, ...], _Request] = {}
        for role, texts in self._places[place].items():
            side = cell.pair.side_for(role)
            wanted = (cell.model, place, role, side)
            if wanted not in self._found:
                self._found[wanted] = (
                    self._ask_read(cell, role, texts, side)
                    if isinstance(texts, RoleTexts)
                    else _Request(_prefixed(texts, side), None, None, is_read=False)
                )
            asked[wanted] = self._found[wanted]
        return asked

    def _ask_read(self, cell: Cell, role: Role | None, texts: RoleTexts, side: Side) -> _Request:
        digests, titles = texts.request(side.title_slot)
        lengths = texts.count_characters(side.title_slot)
        amount = _prefixed(Amount(len(digests), int(lengths.sum())), side)
        known = recall_model(cell.model, cell.settings, find_local_folder(cell.model, self._cache), self._cache)
        if known is None or self._store is None:
            return _Request(amount, None, None, is_read=True)
        sent = known.sent_side(side, role)
        keys = keys_from_digests(Namespace.of(known.identity, sent), sent, digests, titles)
        is_missing = ~self._store.contains_many(keys)
        return _Request(amount, keys[is_missing], lengths[is_missing] + len(side.prefix), is_read=True)


def _count_distinct(asked: Sequence[_Request]) -> Amount:
    """Texts of all requests together, those that share a key once."""
    found = [(one.missing, one.characters) for one in asked if one.missing is not None and one.characters is not None]
    if not found:
        return NOTHING
    keys, characters = (np.concatenate(parts) for parts in zip(*found, strict=True))
    first, _ = find_distinct(keys)
    return Amount(len(first), int(characters[first].sum()))


def _prefixed(amount: Amount, side: Side) -> Amount:
    return Amount(amount.n_texts, amount.n_characters + amount.n_texts * len(side.prefix))


def _add(amounts: Iterable[Amount]) -> Amount:
    total = NOTHING
    for one in amounts:
        total = Amount(total.n_texts + one.n_texts, total.n_characters + one.n_characters)
    return total
