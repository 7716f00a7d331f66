"""The data of a task: a fresh task object per cell over data loaded once."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

from datasets import Dataset
from mteb._set_seed import _set_seed
from mteb.abstasks import AbsTaskRetrieval
from mteb.abstasks.aggregated_task import AbsTaskAggregate

from prefixbench.errors import ScoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mteb.abstasks import AbsTask, AbsTaskBitextMining

Task = TypeVar("Task", bound="AbsTask")

ROWS_AT_ONCE = 8192


def fresh_task(task: Task) -> Task:
    """Clone a task: the same loaded data, but random state and classifier as if just built.

    mteb's clustering and multilabel tasks consume their random state, and classifiers are shared by all tasks of a
    class, so a second evaluation of the same object gives other scores.

    Raises:
        ScoreError: The task is an aggregate of others, or reads more than text.
    """
    if isinstance(task, AbsTaskAggregate):
        raise ScoreError(f"task {task.metadata.name!r} is an aggregate of other tasks; name its member tasks instead.")
    others = sorted(set(task.metadata.modalities) - {"text"})
    if others:
        raise ScoreError(f"task {task.metadata.name!r} reads {' and '.join(others)}; only text tasks can be scored.")
    if not task.data_loaded:
        task.load_data()
    if isinstance(task, AbsTaskRetrieval):
        task.convert_v1_dataset_format_to_v2(num_proc=None)
    clone = copy.copy(task)
    clone.rng_state, clone.np_rng = _set_seed(task.seed)
    clone.hf_subsets = list(task.hf_subsets)
    if hasattr(task, "evaluator_model"):
        vars(clone)["evaluator_model"] = copy.deepcopy(task.evaluator_model)
    if isinstance(clone, AbsTaskRetrieval):
        # Evaluation drops queries without a relevant document from these dictionaries, in place.
        clone.dataset = {
            subset: {split: copy.copy(data) for split, data in splits.items()}
            for subset, splits in clone.dataset.items()
        }
    return clone


def list_splits(task: AbsTask, hf_subset: str) -> Any:  # noqa: ANN401 - mteb keeps Dataset, DatasetDict or dict
    """Every split of one subset, as mteb finds it.

    Raises:
        ScoreError: The task has no such subset.
    """
    if task.dataset is None:
        raise ScoreError(f"task {task.metadata.name!r} has no data loaded.")
    if hf_subset in task.dataset:
        return task.dataset[hf_subset]
    if hf_subset == "default" or getattr(task, "parallel_subsets", False):
        return task.dataset
    raise ScoreError(
        f"task {task.metadata.name!r} has no subset {hf_subset!r}; valid choices: {', '.join(sorted(task.dataset))}."
    )


def get_split(task: AbsTask, hf_split: str, hf_subset: str) -> Any:  # noqa: ANN401 - as above
    """The data of one split of one subset.

    Raises:
        ScoreError: The task has no such subset or split.
    """
    splits = list_splits(task, hf_subset)
    if hf_split not in splits:
        raise ScoreError(
            f"task {task.metadata.name!r} has no split {hf_split!r} in subset {hf_subset!r}; "
            f"valid choices: {', '.join(sorted(splits))}."
        )
    return splits[hf_split]


def read_column(data: Any, name: str) -> list[Any]:  # noqa: ANN401 - Dataset, or the dictionary of an old format
    """One whole column, decoded at once instead of row by row."""
    column = data[name]
    return list(column[:]) if hasattr(column, "__getitem__") else list(column)


def read_in_blocks(data: Any, name: str) -> Iterator[list[Any]]:  # noqa: ANN401 - as above
    """One column, some thousand values at a time, so that a large corpus is never in memory as a whole."""
    if not isinstance(data, Dataset):
        yield read_column(data, name)
        return
    for start in range(0, len(data), ROWS_AT_ONCE):
        yield list(data[name][start : start + ROWS_AT_ONCE])


def find_rows(data: Any, names: Collection[str]) -> dict[str, int]:  # noqa: ANN401 - as above
    """The rows of some documents by id, in the order of the data; of a large corpus the other ids come and go."""
    wanted = frozenset(names)
    ids = itertools.chain.from_iterable(read_in_blocks(data, "id"))
    return {name: row for row, name in enumerate(ids) if name in wanted}


def read_pair_texts(data: Any, columns: Sequence[str]) -> list[tuple[str, ...]]:  # noqa: ANN401 - as above
    """The texts of each row, over several columns."""
    return list(zip(*(read_column(data, column) for column in columns), strict=True))


def list_pair_columns(columns: Sequence[Any]) -> tuple[str, str]:
    """The two text columns of a task over pairs, which mteb names plainly or with their modality."""
    first, second = (column if isinstance(column, str) else next(iter(column)) for column in columns)
    return first, second


def unpack_single_row(data: Dataset) -> Any:  # noqa: ANN401 - Dataset, or its one row
    """Old pair classification data hold all pairs in one row, which mteb unpacks."""
    if isinstance(data, Dataset) and len(data) == 1 and all(isinstance(value, list) for value in data[0].values()):
        return data[0]
    return data


def list_translation_columns(task: AbsTaskBitextMining, hf_subset: str) -> tuple[str, str]:
    """The columns of the sentences and their translations."""
    if task.parallel_subsets:
        first, second = hf_subset.split("-")
        return first, second
    first, second = task._DEFAULT_PAIR[0]
    return first, second
