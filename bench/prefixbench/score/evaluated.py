"""One finished evaluation, as the extractors of per-item scores read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.errors import ScoreError
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.score.data import get_split, list_splits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mteb.abstasks import AbsTask
    from numpy.typing import ArrayLike, NDArray

    from prefixbench.score.capture import Captured


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A task that was scored on one split of one subset.

    Attributes:
        task: The clone that was evaluated.
        scores: mteb's scores of this split and subset.
        captured: What mteb computed on the way.
    """

    task: AbsTask
    hf_split: str
    hf_subset: str
    scores: Mapping[str, Any]
    captured: Captured

    @property
    def main_score(self) -> str:
        """The main metric's name."""
        return self.task.metadata.main_score

    @property
    def data(self) -> Any:  # noqa: ANN401 - Dataset or mteb's dictionaries
        """The split's data."""
        return get_split(self.task, self.hf_split, self.hf_subset)

    @property
    def splits(self) -> Any:  # noqa: ANN401 - as above
        """All splits of the subset, the training split among them."""
        return list_splits(self.task, self.hf_subset)

    def refuse(self) -> ScoreError:
        """The error for a main score that has no per-item form."""
        return ScoreError(
            f"task {self.task.metadata.name!r} of type {self.task.metadata.type!r} has the main score "
            f"{self.main_score!r}, for which no per-item scores are known; the cell is not reported."
        )


def make_table(
    statistic: Statistic,
    item_id: NDArray[np.str_],
    value: ArrayLike,
    *,
    group_id: NDArray[np.str_] | None = None,
    replicate: ArrayLike | None = None,
    prediction: ArrayLike | None = None,
    target: ArrayLike | None = None,
    rank: ArrayLike | None = None,
) -> ItemTable:
    """An item table with the columns' types set; by default each item is its own group, in one replicate."""
    return ItemTable(
        statistic=statistic,
        item_id=item_id,
        group_id=item_id if group_id is None else group_id,
        replicate=np.zeros(len(item_id), dtype=np.int32) if replicate is None else np.asarray(replicate, np.int32),
        value=np.asarray(value, dtype=np.float64),
        prediction=None if prediction is None else np.asarray(prediction, dtype=np.float64),
        target=None if target is None else np.asarray(target, dtype=np.float64),
        rank=None if rank is None else np.asarray(rank, dtype=np.float64),
    )


def compute_rank_agreement(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """How close an item's rank by prediction is to its rank by target: 1 for the same, 0 for opposite ends.

    ``1 − |rank(prediction) − rank(target)| / (n − 1)``, ties at their mean rank. It says which items a rank correlation
    gained or lost; the correlation itself is not its mean.
    """
    from scipy.stats import rankdata

    if len(prediction) < 2:
        return np.ones(len(prediction))
    distance = np.abs(rankdata(prediction) - rankdata(target)) / (len(prediction) - 1)
    return np.asarray(1.0 - distance, dtype=np.float64)
