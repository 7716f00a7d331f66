"""The item table: what one cell says of every single item, so that conditions can be paired."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Statistic(StrEnum):
    """How a cell's main score is rebuilt from its items.

    ``MEAN`` averages ``value`` within each replicate and then over replicates. The others are computed from
    ``prediction`` and ``target`` within each replicate and then averaged over replicates
    (`prefixbench.items.statistics.compute_statistic`). ``LABEL_SET_MACRO_F1`` reads both as bit masks of label sets.
    """

    MEAN = "mean"
    SPEARMAN = "spearman"
    PEARSON = "pearson"
    KENDALL = "kendall"
    AVERAGE_PRECISION = "average_precision"
    MACRO_F1 = "macro_f1"
    WEIGHTED_F1 = "weighted_f1"
    LABEL_SET_MACRO_F1 = "label_set_macro_f1"
    BEST_ACCURACY = "best_accuracy"
    MEAN_SQUARED_ERROR = "mean_squared_error"
    MEAN_ABSOLUTE_ERROR = "mean_absolute_error"


@dataclass(frozen=True, slots=True)
class ItemTable:
    """Per-item data of one cell; all arrays have shape ``(n_rows,)``.

    Attributes:
        statistic: How the main score is rebuilt.
        item_id: Stable name of the unit that is paired; the same item has the same id in every condition.
        group_id: The cluster that is resampled as one (a dialogue, a document shared by queries); else the item's id.
        replicate: The experiment (classification) or draw (clustering) the row belongs to; 0 where there is one.
        value: The item's own score in the metric's units (0–1): nDCG@10 of a query, correct or not. Where the main
            score is no mean of these (Spearman, AP), ``value`` is still there for who-wins plots, as documented by the
            extractor, and ``prediction`` and ``target`` carry the data.
        prediction: What the model's vectors said (a similarity, a label code); ``None`` for ``MEAN``.
        target: The gold value (a rating, a label code); ``None`` for ``MEAN``.
        rank: 1-based rank of the first relevant document, for retrieval and reranking; ``inf`` where none was found.
        words: Words of the item's text, a query's where there are queries.
        letters: Its characters.
        overlap: The share of a query's words that stand in its relevant documents; of a pair's words, that both have.
    """

    statistic: Statistic
    item_id: NDArray[np.str_]
    group_id: NDArray[np.str_]
    replicate: NDArray[np.int32]
    value: NDArray[np.float64]
    prediction: NDArray[np.float64] | None = None
    target: NDArray[np.float64] | None = None
    rank: NDArray[np.float64] | None = None
    words: NDArray[np.float64] | None = None
    letters: NDArray[np.float64] | None = None
    overlap: NDArray[np.float64] | None = None

    @property
    def n_rows(self) -> int:
        """Rows: items times replicates."""
        return len(self.item_id)

    @property
    def n_items(self) -> int:
        """Distinct items."""
        return len(np.unique(self.item_id))
