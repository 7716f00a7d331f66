"""Names of items that are the same in every condition, and the groups that are resampled as one."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

DENSEST_GROUP = 0.1
"""Largest share of the items one group of sharers may hold; beyond it, sharing is too dense to resample by."""


def digest_texts(texts: Iterable[str]) -> str:
    """Sixteen hex digits over length-delimited texts, so that ``("a", "bc")`` and ``("ab", "c")`` differ."""
    digest = hashlib.blake2b(digest_size=8)
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def number_repeats(digests: Sequence[str]) -> NDArray[np.str_]:
    """Item ids from content: the digest, and from its second occurrence on ``#2``, ``#3``, …."""
    seen: Counter[str] = Counter()
    ids = []
    for digest in digests:
        seen[digest] += 1
        ids.append(digest if seen[digest] == 1 else f"{digest}#{seen[digest]}")
    return np.array(ids, dtype=np.str_)


def group_sharers(item_ids: Sequence[str], shared: Sequence[Iterable[str]]) -> NDArray[np.str_]:
    """Put items that share something (a relevant document, a sentence) into one group, transitively.

    The group is named by its first item. Where one group would hold more than a tenth of all items, sharing is a
    property of the whole data set and not of clusters in it; every item then stands alone.

    Args:
        item_ids: Shape ``(n_items,)``.
        shared: For each item, names of what it might share.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = np.asarray(item_ids, dtype=np.str_)
    codes: dict[str, int] = {}
    rows, columns = [], []
    for row, names in enumerate(shared):
        for name in names:
            rows.append(row)
            columns.append(len(ids) + codes.setdefault(name, len(codes)))
    n_nodes = len(ids) + len(codes)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n_nodes, n_nodes))
    component = connected_components(graph, directed=False)[1][: len(ids)]
    _, first, of_item, sizes = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    if len(ids) and sizes.max() > max(1.0, DENSEST_GROUP * len(ids)):
        return ids
    return ids[first][of_item]
