"""Data sets that hand out whole columns as lists, for code of mteb's that reads columns row by row."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskRetrieval

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask


class ListDataset(Dataset):  # type: ignore[misc] # the library ships no types
    """A data set whose columns are lists, decoded at once on the first question.

    ``datasets`` answers ``data["label"]`` with a lazy column that goes through Arrow for every row. mteb asks
    ``labels[i]`` for every training row and experiment, builds its batches from such columns and hands them to metrics.
    All else is as in the data set it views; selections and renamings are views again.
    """

    _decoded: dict[tuple[str, str], list[Any]]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as the base class
        if not isinstance(key, str):
            return super().__getitem__(key)
        # Copies share the dictionary, and may be filtered or renamed; the fingerprint tells them apart.
        place = (self._fingerprint, key)
        if place not in self._decoded:
            self._decoded[place] = list(super().__getitem__(key)[:])
        return self._decoded[place]

    def select(self, *args: Any, **kwargs: Any) -> ListDataset:  # noqa: ANN401 - as the base class
        """The chosen rows, again with columns as lists."""
        return view_as_lists(super().select(*args, **kwargs))


def view_as_lists(dataset: Dataset) -> ListDataset:
    """A view of a data set; what it decodes lives as long as it does."""
    view = copy.copy(dataset)
    view.__class__ = ListDataset
    view._decoded = {}
    return view  # type: ignore[no-any-return]


def view_task_as_lists(task: AbsTask) -> None:
    """Give a task of one's own such views; rankings read their columns whole already."""
    if not isinstance(task, AbsTaskRetrieval) and task.dataset is not None:
        vars(task)["dataset"] = _view_all(task.dataset)


def _view_all(data: Any) -> Any:  # noqa: ANN401 - Dataset, or nested dictionaries of them
    if isinstance(data, Dataset):
        return view_as_lists(data)
    if isinstance(data, DatasetDict):
        return DatasetDict({name: _view_all(value) for name, value in data.items()})
    if isinstance(data, dict):
        return {name: _view_all(value) for name, value in data.items()}
    return data
