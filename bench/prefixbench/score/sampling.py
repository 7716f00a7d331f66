"""The rows mteb draws from a split, drawn again: training and test samples, documents to cluster."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks import AbsTaskMultilabelClassification
from mteb.abstasks._stratification import _iterative_train_test_split
from sklearn.preprocessing import MultiLabelBinarizer

from prefixbench.score.data import read_column

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClassification, AbsTaskClustering
    from numpy.typing import NDArray


def select_training_rows(task: AbsTaskClassification, train: Any) -> list[int]:  # noqa: ANN401 - Dataset
    """Rows of the training split that any experiment of a task just built learns from, as mteb orders them."""
    drawn: list[list[int]] = []
    if isinstance(task, AbsTaskMultilabelClassification):
        labels = read_column(train, task.label_column_name)
        drawn = [
            task._undersample_data_indices(labels, task.samples_per_label, None)[0] for _ in range(task.n_experiments)
        ]
        return [int(row) for row in set(itertools.chain.from_iterable(drawn))]
    shuffled = None
    for experiment in range(task.n_experiments):
        _, shuffled, selected = task._undersample_data(train, experiment, shuffled)
        drawn.append(selected)
    return sorted(set().union(*drawn))


def select_evaluated_rows(task: AbsTaskMultilabelClassification, data: Any) -> NDArray[np.int64]:  # noqa: ANN401 - Dataset
    """Rows of the split that a multilabel task scores: all, or a stratified draw where there are too many."""
    most, n_rows = task.max_eval_samples, len(data)
    if most is None or n_rows <= most:
        return np.arange(n_rows)
    labels = MultiLabelBinarizer().fit_transform(read_column(data, task.label_column_name))
    _, drawn = _iterative_train_test_split(
        np.arange(n_rows).reshape(-1, 1), labels, test_size=most / n_rows, random_state=task.seed
    )
    return np.asarray(drawn, dtype=np.int64).ravel()


def select_embedded_rows(task: AbsTaskClustering, n_rows: int, rng: random.Random | None = None) -> list[int]:
    """Documents a clustering task just built embeds, in its order: a draw, or all.

    Args:
        task: The task.
        n_rows: Documents in the split.
        rng: Where the draw is taken from; the task's seed where absent.
    """
    n_embedded = count_embedded(task, n_rows)
    if n_embedded is None:
        return list(range(n_rows))
    rng = rng or random.Random(task.seed)  # noqa: S311 - mteb's own generator, replayed
    return rng.sample(range(n_rows), k=n_embedded)


def count_embedded(task: AbsTaskClustering, n_rows: int) -> int | None:
    """Documents a clustering task draws from a split before it clusters; ``None`` where it takes all in order."""
    if task.max_fraction_of_documents_to_embed is not None:
        return min(n_rows, int(task.max_fraction_of_documents_to_embed * n_rows))
    if task.max_document_to_embed is not None:
        return min(n_rows, task.max_document_to_embed)
    return None
