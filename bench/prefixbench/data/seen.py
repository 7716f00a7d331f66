"""Which names were seen before, in a table of digests: Python's own set takes four times as much."""

from __future__ import annotations

from array import array

import xxhash

SMALLEST = 1 << 12
"""Places of an empty table."""


class Seen:
    """Strings by 64 bits of digest; two of ten million are taken for one with a chance of 3 in a million."""

    def __init__(self) -> None:
        self._table = array("Q", bytes(8 * SMALLEST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        key = digest_name(name)
        return self._table[self._find(key)] == key

    def add(self, name: str) -> bool:
        """Take in a string; says whether it was not there before."""
        key = digest_name(name)
        place = self._find(key)
        if self._table[place] == key:
            return False
        self._table[place] = key
        self._count += 1
        if 3 * self._count > 2 * len(self._table):
            self._grow()
        return True

    def _find(self, key: int) -> int:
        """The place where a digest stands, or is to stand."""
        table, mask = self._table, len(self._table) - 1
        place = key & mask
        while table[place] not in (0, key):
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        old, self._table = self._table, array("Q", bytes(16 * len(self._table)))
        for key in old:
            if key:
                self._table[self._find(key)] = key


def digest_name(name: str) -> int:
    """Eight bytes of digest, never all of them 0."""
    return xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass")) or 1  # 0 marks an empty place
