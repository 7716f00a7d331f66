"""Data sets whose labels are decoded once, for code of mteb's that reads them row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datasets import Dataset
from mteb.abstasks import AbsTaskClassification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mteb.abstasks import AbsTask

KEPT = "_prefixbench_kept"
"""Where a data set carries its decoded labels: they live as long as it does, since every condition asks again."""


class DecodedDataset:
    """A data set that answers ``data[column]`` with a list, and keeps one column so decoded.

    mteb's classification asks ``labels[i]`` of a column in Arrow for every training row and experiment, and hands
    whole columns to metrics that read them row by row. Everything but columns and selections is the data set's own.

    Attributes:
        kept: The column that is decoded once.
    """

    def __init__(self, dataset: Dataset, kept: str, values: list[Any] | None = None) -> None:
        self._dataset = dataset
        self.kept = kept
        self._values = values

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, name: str) -> list[Any]:
        if name != self.kept:
            return list(self._dataset[name][:])
        if self._values is None:
            self._values = list(self._dataset[name][:])
        return self._values

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the data set has
        return getattr(self._dataset, name)

    def select(self, rows: Sequence[int]) -> DecodedDataset:
        """The chosen rows; their labels are not decoded again."""
        values = self[self.kept]
        return DecodedDataset(self._dataset.select(rows), self.kept, [values[row] for row in rows])


def decode_labels(dataset: Dataset, column: str) -> DecodedDataset:
    """The view of a data set with its labels decoded; the same one until the data set is another."""
    kept = vars(dataset).get(KEPT)
    # A copy of a data set takes its attributes along, and may then be renamed or filtered.
    if kept is None or kept[:2] != (dataset._fingerprint, column):
        values = list(dataset[column][:]) if column in dataset.column_names else None
        kept = (dataset._fingerprint, column, values)
        vars(dataset)[KEPT] = kept
    return DecodedDataset(dataset, column, kept[2])


def decode_task(task: AbsTask) -> None:
    """Give a task of one's own views with decoded labels, where its evaluation reads them row by row."""
    if isinstance(task, AbsTaskClassification) and task.dataset is not None:
        vars(task)["dataset"] = _decode_all(task.dataset, task.label_column_name)


def _decode_all(data: Any, column: str) -> Any:  # noqa: ANN401 - Dataset, or nested dictionaries of them
    if isinstance(data, Dataset):
        return decode_labels(data, column)
    if isinstance(data, dict):
        return {name: _decode_all(value, column) for name, value in data.items()}
    return data
