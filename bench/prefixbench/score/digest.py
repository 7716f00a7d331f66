"""Content of the data a cell rests on, as one digest, and its items' texts."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from mteb._create_dataloaders import _retrieval_texts
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from mteb.abstasks.zeroshot_classification import AbsTaskZeroShotClassification
from mteb.types import PromptType

from prefixbench.score.data import (
    fresh_task,
    get_split,
    list_pair_columns,
    list_splits,
    list_translation_columns,
    read_column,
    read_in_blocks,
    read_pair_texts,
    unpack_single_row,
)
from prefixbench.score.ids import digest_texts, number_repeats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mteb.abstasks import AbsTask


def dataset_digest(task: AbsTask, hf_split: str, hf_subset: str) -> str:
    """sha256 over everything of the data that can change a score: texts, labels, judgements and their order.

    Equal data give equal digests however they were loaded; the training split counts where there is one.

    Raises:
        ScoreError: The task has no such split or subset.
    """
    clone = fresh_task(task)
    data = get_split(clone, hf_split, hf_subset)
    digest = hashlib.sha256()
    if isinstance(clone, AbsTaskRetrieval):
        for name in ("queries", "corpus"):
            _add_columns(digest, data[name])
        for name in ("relevant_docs", "top_ranked"):
            _add_value(digest, data.get(name))
    else:
        _add_columns(digest, data)
        train = getattr(clone, "train_split", hf_split)
        if train != hf_split:
            _add_columns(digest, list_splits(clone, hf_subset)[train])
    return digest.hexdigest()


def _add_columns(digest: hashlib._Hash, data: Any) -> None:  # noqa: ANN401 - Dataset or dictionary
    names = data.column_names if hasattr(data, "column_names") else list(data)
    for name in sorted(names):
        _add_bytes(digest, name.encode())
        for value in itertools.chain.from_iterable(read_in_blocks(data, name)):
            if isinstance(value, str):
                _add_bytes(digest, value.encode("utf-8", "surrogatepass"))
            else:
                _add_value(digest, value)


def _add_value(digest: hashlib._Hash, value: Any) -> None:  # noqa: ANN401 - any JSON value
    _add_bytes(digest, json.dumps(value, sort_keys=True, default=str).encode())


def _add_bytes(digest: hashlib._Hash, content: bytes) -> None:
    digest.update(len(content).to_bytes(8, "little"))
    digest.update(content)


def item_texts(task: AbsTask, hf_split: str, hf_subset: str) -> dict[str, str]:
    """What each item says, by item id: a query, the two sentences of a pair on two lines, a sample, a source text.

    Empty for clustering, whose items are draws, and without an entry for items that are sets of queries.

    Raises:
        ScoreError: The task has no such split or subset.
    """
    return {item: "\n".join(row) for item, row in item_parts(task, hf_split, hf_subset).items()}


def item_parts(task: AbsTask, hf_split: str, hf_subset: str) -> dict[str, tuple[str, ...]]:
    """The same, the two sentences of a pair apart."""
    clone = fresh_task(task)
    data = get_split(clone, hf_split, hf_subset)
    if isinstance(clone, AbsTaskRetrieval):
        texts = _retrieval_texts(data["queries"], PromptType.query)
        return {item: (text,) for item, text in zip(read_column(data["queries"], "id"), texts, strict=True)}
    rows: Sequence[tuple[str, ...]] = list(list_item_texts(clone, data, hf_subset))
    ids = number_repeats([digest_texts(row) for row in rows])
    return {str(name): row for name, row in zip(ids, rows, strict=True)}


def list_item_texts(task: AbsTask, data: Any, hf_subset: str) -> Iterable[tuple[str, ...]]:  # noqa: ANN401 - Dataset
    """The texts that make up each item of a task without queries, in the data's order."""
    if isinstance(task, AbsTaskSTS):
        return read_pair_texts(data, list_pair_columns(task.column_names))
    if isinstance(task, AbsTaskPairClassification):
        columns = list_pair_columns((task.input1_column_name, task.input2_column_name))
        return read_pair_texts(unpack_single_row(data), columns)
    if isinstance(task, AbsTaskBitextMining):
        return read_pair_texts(data, list_translation_columns(task, hf_subset))
    if isinstance(task, AbsTaskSummarization):
        return read_pair_texts(data, [task.text_column_name])
    if isinstance(task, AbsTaskClassification | AbsTaskZeroShotClassification):
        return read_pair_texts(data, [str(task.input_column_name)])
    return ()
