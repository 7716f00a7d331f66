"""Where each key of one namespace stands: sorted arrays searched by eight bytes, settled by the whole key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.vectors.keys import NAMESPACE_BYTES, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prefixbench.vectors.segment import Segment

Places = NDArray[np.int64]
"""Segment number × 2³² + row; −1 where there is none."""

_ROW_BITS = 32


class KeyIndex:
    """The keys of the segments added so far.

    Segments become sorted layers, merged when one is less than twice the next, so that adding costs O(log n) a key and
    a search visits few layers. Of equal keys the first added wins.

    Attributes:
        segments: In the order added.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self._layers: list[tuple[NDArray[np.uint64], Places]] = []

    def add(self, segments: Sequence[Segment]) -> None:
        """Make the records of these segments findable."""
        heads, places = [], []
        for segment in segments:
            first = len(self.segments) << _ROW_BITS
            self.segments.append(segment)
            heads.append(_heads(segment.keys))
            places.append(np.arange(first, first + len(segment.keys), dtype=np.int64))
        if heads:
            self._layers.append(_sort(heads, places))
        while len(self._layers) > 1 and len(self._layers[-2][0]) < 2 * len(self._layers[-1][0]):
            (old_heads, old_places), (new_heads, new_places) = self._layers[-2:]
            self._layers[-2:] = [_sort([old_heads, new_heads], [old_places, new_places])]

    def locate(self, keys: Keys) -> Places:
        """The place of each key, shape ``(n,)``."""
        places = np.full(len(keys), -1, dtype=np.int64)
        heads = _heads(keys)
        # Sorted questions walk the arrays in order, which is several times faster than jumping about in them.
        order = np.argsort(heads)
        for layer_heads, layer_places in self._layers:
            pending = order[places[order] < 0]
            at = np.searchsorted(layer_heads, heads[pending])
            while pending.size:
                here = at < len(layer_heads)
                here[here] = layer_heads[at[here]] == heads[pending[here]]
                pending, at = pending[here], at[here]
                candidates = layer_places[at]
                same = self._hold(candidates, keys[pending])
                places[pending[same]] = candidates[same]
                pending, at = pending[~same], at[~same] + 1
        return places

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


def _sort(heads: Sequence[NDArray[np.uint64]], places: Sequence[Places]) -> tuple[NDArray[np.uint64], Places]:
    all_heads = np.concatenate(heads)
    # Stable, so that of equal keys the one added first stays first.
    order = np.argsort(all_heads, kind="stable")
    all_heads = all_heads[order]
    return all_heads, np.concatenate(places)[order]
