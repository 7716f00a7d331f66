"""Per-draw scores of clustering, with the draws replayed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb.abstasks import AbsTaskClustering, AbsTaskClusteringLegacy
from sklearn.metrics import adjusted_mutual_info_score, v_measure_score

from prefixbench.items.table import ItemTable, Statistic
from prefixbench.score.data import read_column
from prefixbench.score.evaluated import Evaluated, make_table
from prefixbench.score.sampling import select_embedded_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASURES = {"v_measure": v_measure_score, "ami": adjusted_mutual_info_score}


def extract_draws(evaluated: Evaluated) -> ItemTable:
    """One row a draw of documents and level of the hierarchy: how well its clusters meet the labels.

    The documents of each draw are not among mteb's predictions; they follow from the task's seed and are drawn
    again here, so that every assignment is scored against its own labels.

    Raises:
        ScoreError: The main score is neither the V-measure nor the adjusted mutual information.
    """
    assert isinstance(evaluated.task, AbsTaskClustering)
    measure = MEASURES.get(evaluated.main_score)
    if measure is None:
        raise evaluated.refuse()
    names, values = [], []
    for level, draw, labels in replay_draws(evaluated.task, evaluated.data):
        assigned = evaluated.captured.predictions[level][draw]
        names.append(f"{level}, draw {draw}")
        values.append(float(measure(labels, assigned)))
    return make_table(Statistic.MEAN, np.array(names, dtype=np.str_), values)


def replay_draws(task: AbsTaskClustering, data: Any) -> list[tuple[str, int, NDArray[Any]]]:  # noqa: ANN401 - Dataset
    """Level, number and labels of every draw of a task that was just built, in mteb's order."""
    rng = random.Random(task.seed)  # noqa: S311 - mteb's own generator, replayed
    labels = read_column(data, task.label_column_name)
    embedded = [labels[row] for row in select_embedded_rows(task, len(labels), rng)]
    paths = [label if isinstance(label, list) else [label] for label in embedded]
    depth = max(map(len, paths))
    depth = depth if task.max_depth is None else min(task.max_depth, depth)
    draws = []
    for level in range(depth):
        # mteb marks a missing level by -1 and leaves it out, so a label of -1 is left out as well.
        of_level = np.array([path[level] if len(path) > level else -1 for path in paths])
        of_level = of_level[np.array([label != -1 for label in of_level])]
        for draw in range(task.n_clusters):
            rows = rng.choices(range(len(of_level)), k=task.max_documents_per_cluster)
            draws.append((f"Level {level}", draw, of_level[rows]))
    return draws


def extract_sets(evaluated: Evaluated) -> ItemTable:
    """One row a set of documents of an old clustering task: the V-measure of its clusters.

    A set with a single label is not clustered and counts as 1, as in mteb.

    Raises:
        ScoreError: The main score is not the V-measure.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskClusteringLegacy)
    if evaluated.main_score != "v_measure":
        raise evaluated.refuse()
    assignments = iter(evaluated.captured.predictions)
    values = []
    for labels in read_column(evaluated.data, task.label_column_name):
        single = len(set(labels)) <= 1
        values.append(1.0 if single else float(v_measure_score(labels, next(assignments))))
    return make_table(Statistic.MEAN, np.array([f"set {row}" for row in range(len(values))], dtype=np.str_), values)
