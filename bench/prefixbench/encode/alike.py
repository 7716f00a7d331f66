"""Which texts are one to a model: those of which it reads the same tokens."""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.vectors.keys import TEXT_BYTES, Digests, find_distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.vectors.embedder import TokenRows


def digest_tokens(tokens: TokenRows) -> Digests:
    """A digest of what a model reads of each text: the token ids, and how many of them pooling leaves out.

    Texts of one digest are one to the model: those that differ in letter case, white space, or past the last token.
    """
    left_out = np.zeros(len(tokens.ids), np.int64) if tokens.left_out is None else np.maximum(tokens.left_out, 0)
    rows = itertools.chain.from_iterable(
        itertools.chain((count,), ids) for count, ids in zip(left_out.tolist(), tokens.ids, strict=True)
    )
    ends = 8 * np.cumsum(tokens.lengths + 1)  # all rows in one array, eight bytes a number
    whole = np.fromiter(rows, "<i8").data.cast("B") if len(ends) else memoryview(b"")
    digests = [
        hashlib.blake2b(whole[start:end], digest_size=TEXT_BYTES).digest()
        for start, end in itertools.pairwise([0, *ends.tolist()])
    ]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), TEXT_BYTES)


class FirstAlike:
    """Tells of each text the first one, of those seen so far, that is one with it; some 40 bytes a text.

    Args:
        n_texts: How many will be seen.

    Attributes:
        digests: Of every text seen, shape ``(n_texts, TEXT_BYTES)``; zeros where it was not.
    """

    def __init__(self, n_texts: int) -> None:
        self.digests: Digests = np.zeros((n_texts, TEXT_BYTES), dtype=np.uint8)
        # An open hash table of places: Python's own takes five times as much.
        self._table = np.full(1 << max(3, (2 * n_texts).bit_length()), -1, dtype=np.int32 if n_texts < 2**31 else int)

    def find(self, places: NDArray[np.int64], digests: Digests) -> NDArray[np.int64]:
        """Take in some texts; returns the place of the first that is one with each, its own where there is none before.

        Args:
            places: Which, shape ``(n,)``, none of them seen before.
            digests: Of what the model reads of them, shape ``(n, TEXT_BYTES)``.
        """
        self.digests[places] = digests
        first, number = find_distinct(digests)
        sources = places[first].copy()
        words, seen = digests[first].view(np.uint64), self.digests.view(np.uint64)
        waiting, mask = np.arange(len(first)), len(self._table) - 1
        slots = (words[:, 0] & np.uint64(mask)).astype(np.int64)
        while waiting.size:
            free = self._table[slots] < 0
            self._table[slots[free]] = places[first[waiting[free]]]  # of several that want one slot, one gets it
            held = self._table[slots]
            same = (seen[held] == words[waiting]).all(axis=1)
            sources[waiting[same]] = held[same]
            waiting, slots = waiting[~same], (slots[~same] + 1) & mask
        return sources[number]
