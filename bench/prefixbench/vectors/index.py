"""Where each key of one namespace stands: sorted arrays searched by eight bytes, settled by the whole key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.vectors.keys import NAMESPACE_BYTES, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefixbench.vectors.segment import Segment

Places = NDArray[np.int64]
"""Segment number × 2³² + row; −1 where there is none."""

_ROW_BITS = 32

_Layer = tuple[NDArray[np.uint64], NDArray[np.unsignedinteger[Any]]]
"""Sorted heads of keys, and beside each the number of its record, in the order added."""


LAYER_KEYS = 1 << 22
"""No layer is merged to hold more: merging takes room for another of its size, which stays small beside all of them."""


class KeyIndex:
    """The keys of the segments added so far, twelve bytes each.

    Segments become sorted layers, merged when one is less than twice the next, so that adding costs O(log n) a key and
    a search visits few layers. Of equal keys the first added wins.

    Attributes:
        segments: In the order added.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._starts = np.zeros(1, dtype=np.int64)  # records before each segment, and of all of them
        self._layers: list[_Layer] = []

    def add(self, segments: Sequence[Segment]) -> None:
        """Make the records of these segments findable."""
        first = int(self._starts[-1])
        self.segments.extend(segments)
        lengths = [len(segment.keys) for segment in segments]
        self._starts = np.concatenate([self._starts, first + np.cumsum(lengths, dtype=np.int64)])
        group: list[NDArray[np.uint64]] = []
        for segment in segments:
            group.append(_heads(segment.keys))
            if sum(map(len, group)) >= LAYER_KEYS:
                first = self._add_layer(group, first)
                group = []
        if group:
            self._add_layer(group, first)

    def _add_layer(self, heads: Sequence[NDArray[np.uint64]], first: int) -> int:
        """Add the records from number ``first`` on; returns the number of the next."""
        new = _sort(np.concatenate(heads), first)
        while self._layers:
            n_old, n_new = len(self._layers[-1][0]), len(new[0])
            if n_old >= 2 * n_new or n_old + n_new > LAYER_KEYS:
                break
            new = _merge(self._layers.pop(), new)
        self._layers.append(new)
        return first + sum(map(len, heads))

    def locate(self, keys: Keys) -> Places:
        """The place of each key, shape ``(n,)``."""
        places = np.full(len(keys), -1, dtype=np.int64)
        heads = _heads(keys)
        # Sorted questions walk the arrays in order, which is several times faster than jumping about in them.
        order = np.argsort(heads)
        for layer_heads, layer_records in self._layers:
            pending = order[places[order] < 0]
            at = np.searchsorted(layer_heads, heads[pending])
            while pending.size:
                here = at < len(layer_heads)
                here[here] = layer_heads[at[here]] == heads[pending[here]]
                pending, at = pending[here], at[here]
                candidates = self._find_places(layer_records[at])
                same = self._hold(candidates, keys[pending])
                places[pending[same]] = candidates[same]
                pending, at = pending[~same], at[~same] + 1
        return places

    def _find_places(self, records: NDArray[np.unsignedinteger[Any]]) -> Places:
        """The places of records known by their number."""
        own = records.astype(np.int64)
        numbers = np.searchsorted(self._starts, own, side="right") - 1
        return (numbers << _ROW_BITS) + own - self._starts[numbers]

    def group(self, places: Places) -> Iterator[tuple[Segment, NDArray[np.int64], NDArray[np.int64]]]:
        """Places by segment: the segment, which of ``places`` are in it, and their rows, ascending."""
        order = np.argsort(places, kind="stable")
        order = order[np.searchsorted(places[order], 0) :]
        numbers = places[order] >> _ROW_BITS
        cuts = np.flatnonzero(np.diff(numbers)) + 1
        for chosen in np.split(order, cuts) if order.size else []:
            rows = places[chosen] & ((1 << _ROW_BITS) - 1)
            yield self.segments[int(places[chosen[0]] >> _ROW_BITS)], chosen, rows

    def _hold(self, places: Places, keys: Keys) -> NDArray[np.bool_]:
        """Whether the record at each place has this very key."""
        same = np.empty(len(places), dtype=np.bool_)
        for segment, chosen, rows in self.group(places):
            stored = segment.keys[rows].view(np.uint64)
            same[chosen] = (stored == keys[chosen].view(np.uint64)).all(axis=1)
        return same


def _heads(keys: Keys) -> NDArray[np.uint64]:
    return np.ascontiguousarray(keys[:, NAMESPACE_BYTES : NAMESPACE_BYTES + 8]).view(np.uint64).reshape(-1)


def _sort(heads: NDArray[np.uint64], first: int) -> _Layer:
    """A layer of records whose numbers begin with ``first``."""
    # Stable, so that of equal keys the one added first stays first.
    order = np.argsort(heads, kind="stable")
    last = first + len(heads)
    return heads[order], (first + order).astype(np.uint32 if last < 1 << 32 else np.uint64)


def _merge(old: _Layer, new: _Layer) -> _Layer:
    """Both in one, of equal keys the old ones first."""
    at = np.searchsorted(old[0], new[0], side="right") + np.arange(len(new[0]))
    is_old = np.ones(len(old[0]) + len(new[0]), dtype=np.bool_)
    is_old[at] = False
    heads, records = np.empty(len(is_old), np.uint64), np.empty(len(is_old), np.result_type(old[1], new[1]))
    heads[is_old], records[is_old] = old
    heads[at], records[at] = new
    return heads, records
