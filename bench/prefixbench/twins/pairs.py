"""A team's own training pairs: hub datasets by name, or local JSONL and Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prefixbench.errors import HubUnreachableError, SpecError
from prefixbench.twins.config import TwinConfig
from prefixbench.twins.data import Batch, TrainingRow

READERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}
DEFAULT_TASK = "search"


def split_spec(spec: str, config: TwinConfig) -> tuple[str, str]:
    """``TASK=SOURCE`` as task and source; a source alone is for search.

    Raises:
        SpecError: The configuration names no prefixes for this task.
    """
    task, separator, source = spec.partition("=")
    if not separator:
        task, source = DEFAULT_TASK, spec
    if task not in config.prefixes:
        raise SpecError(
            f"--data {spec}: the configuration has no task {task!r}; valid are {', '.join(config.prefixes)}."
        )
    return task, source


def load_pairs(source: str) -> list[TrainingRow]:
    """Read pairs or triplets: the first two or three text columns are anchor, positive and negative.

    Args:
        source: A ``.jsonl``, ``.json`` or ``.parquet`` file, or ``org/name[:config][@split]`` on the hub, by
            default its ``train`` split.

    Raises:
        SpecError: The source cannot be read, has fewer than two text columns, or a row lacks a text.
        HubUnreachableError: The hub does not answer.
    """
    from datasets import Dataset, Value, load_dataset
    from datasets.exceptions import DatasetNotFoundError

    path = Path(source).expanduser()
    reader = READERS.get(path.suffix)
    try:
        if reader is not None:
            data = load_dataset(reader, data_files=str(path), split="train")
        else:
            place, _, split = source.partition("@")
            name, _, subset = place.partition(":")
            data = load_dataset(name, subset or None, split=split or "train")
    except (FileNotFoundError, DatasetNotFoundError, ValueError) as error:
        raise SpecError(f"--data {source}: cannot be read: {str(error).rstrip('.')}.") from error
    except (ConnectionError, OSError) as error:
        raise HubUnreachableError(
            f"the hub cannot be reached for the dataset {source!r}; name a local file."
        ) from error
    assert isinstance(data, Dataset)
    columns = [
        name for name, feature in data.features.items() if isinstance(feature, Value) and feature.dtype == "string"
    ]
    if len(columns) < 2:
        raise SpecError(f"--data {source}: has {len(columns)} text columns of {list(data.features)}; pairs need two.")
    texts = {name: list(data[name]) for name in columns[:3]}
    if len(columns) > 2 and not any(texts[columns[2]]):
        del texts[columns[2]]  # a column of negatives that no row fills
    _refuse_gaps(source, texts)
    return [TrainingRow(*row) for row in zip(*texts.values(), strict=True)]


def _refuse_gaps(source: str, texts: dict[str, list[str | None]]) -> None:
    """A missing text would be trained on as if it were one; and a batch has a negative for each row or for none."""
    faults = []
    for name, column in texts.items():
        gaps = [row for row, text in enumerate(column, 1) if not text]
        if gaps:
            faults.append(
                f"--data {source}: {name!r} is empty in {len(gaps)} of {len(column)} rows, the first row {gaps[0]}; "
                "leave these rows out, or the whole column."
            )
    if faults:
        raise SpecError(faults)


def draw_pair_batches(
    rows_by_task: dict[str, Sequence[TrainingRow]], steps: int, size: int, seed: int
) -> dict[str, list[Batch]]:
    """Batches of shuffled rows, tasks in turn; a task starts over, shuffled anew, when its rows are used up.

    Raises:
        SpecError: A task has fewer rows than a batch holds.
    """
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Batch]] = {task: [] for task in rows_by_task}
    orders: dict[str, list[int]] = {task: [] for task in rows_by_task}
    tasks = list(rows_by_task)
    for step in range(steps):
        task = tasks[step % len(tasks)]
        rows = rows_by_task[task]
        if len(rows) < size:
            raise SpecError(f"--data: {task!r} has {len(rows)} rows, fewer than the batch size of {size}.")
        if len(orders[task]) < size:
            orders[task] = rng.permutation(len(rows)).tolist()
        taken, orders[task] = orders[task][:size], orders[task][size:]
        drawn[task].append(tuple(rows[place] for place in taken))
    return drawn
