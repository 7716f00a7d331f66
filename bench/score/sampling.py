"""The rows mteb draws from a split, replayed: test rows of multilabel tasks, documents and draws of clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks._stratification import _iterative_train_test_split
from sklearn.preprocessing import MultiLabelBinarizer

from bench.score.data import read_column

if TYPE_CHECKING:
    from mteb.abstasks import AbsTaskClustering, AbsTaskMultilabelClassification
    from numpy.typing import NDArray


def select_evaluated_rows(
    task: AbsTaskMultilabelClassification,
    data: Any,  # noqa: ANN401 - Dataset
    hf_split: str,  # noqa: ARG001
) -> NDArray[np.int64]:
    """Rows of the split that a multilabel task scores: all, or a stratified draw where there are too many."""
    most, n_rows = task.max_eval_samples, len(data)
    if most is None or n_rows <= most:
        return np.arange(n_rows)
    labels = MultiLabelBinarizer().fit_transform(read_column(data, task.label_column_name))
    _, drawn = _iterative_train_test_split(
        np.arange(n_rows).reshape(-1, 1), labels, test_size=most / n_rows, random_state=task.seed
    )
    return np.asarray(drawn, dtype=np.int64).ravel()


def count_embedded(task: AbsTaskClustering, n_rows: int) -> int | None:
    """Documents a clustering task draws from a split before it clusters; ``None`` where it takes all in order."""
    if task.max_fraction_of_documents_to_embed is not None:
        return min(n_rows, int(task.max_fraction_of_documents_to_embed * n_rows))
    if task.max_document_to_embed is not None:
        return min(n_rows, task.max_document_to_embed)
    return None
