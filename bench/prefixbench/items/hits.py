"""The best documents of each query, so that what two conditions find can be laid side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MOST_HITS = 100
"""Documents kept of each query; what stands further down weighs 0.003% in a rank-biased overlap of persistence 0.9."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The best documents of each query of one cell.

    Attributes:
        item_id: The queries, shape ``(n_items,)``.
        document: Codes into ``names``, best first, shape ``(n_items, depth)``; −1 where a query has fewer.
        names: Ids of the documents as the data set has them, shape ``(n_names,)``.
    """

    item_id: NDArray[np.str_]
    document: NDArray[np.int32]
    names: NDArray[np.object_]

    def name_first(self) -> dict[str, str]:
        """The id of each query's first hit; queries without any are left out."""
        first = self.document[:, 0] if self.document.shape[1] else np.full(len(self.item_id), -1)
        return {
            str(item): str(self.names[code])
            for item, code in zip(self.item_id, first.tolist(), strict=True)
            if code >= 0
        }


def collect_hits(ranked: Mapping[str, Sequence[str]]) -> Hits:
    """Make hits of document ids by query, best first; no more than ``MOST_HITS`` of each are kept."""
    codes: dict[str, int] = {}
    depth = min(MOST_HITS, max(map(len, ranked.values()), default=0))
    document = np.full((len(ranked), depth), -1, dtype=np.int32)
    for row, names in enumerate(ranked.values()):
        own = [codes.setdefault(name, len(codes)) for name in names[:depth]]
        document[row, : len(own)] = own
    return Hits(np.array(list(ranked), dtype=np.str_), document, np.array(list(codes), dtype=object))
