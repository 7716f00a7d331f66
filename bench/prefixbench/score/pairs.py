"""Per-pair scores of similarity, pair classification and bitext mining; per-text scores of summarization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskPairClassification,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from scipy.stats import pearsonr, spearmanr

from prefixbench.items.table import ItemTable, Statistic
from prefixbench.score.data import (
    list_pair_columns,
    list_translation_columns,
    read_column,
    read_pair_texts,
    unpack_single_row,
)
from prefixbench.score.evaluated import Evaluated, compute_rank_agreement, make_table
from prefixbench.score.ids import digest_texts, group_sharers, number_repeats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIMILARITIES = {
    "similarity": ("similarity_scores", 1.0),
    "cosine": ("cosine_scores", 1.0),
    "manhattan": ("manhattan_distances", -1.0),
    "euclidean": ("euclidean_distances", -1.0),
    "dot": ("dot_scores", 1.0),
}
"""mteb's name of a measure to the key of its predictions, and the sign that makes more similar larger."""


def extract_similarities(evaluated: Evaluated) -> ItemTable:
    """One row a pair of a similarity task; ``value`` is the pair's agreement in rank, see `compute_rank_agreement`.

    Pairs that share a sentence are one group, see `group_sharers`.

    Raises:
        ScoreError: The main score is no correlation of a measure mteb computes.
    """
    assert isinstance(evaluated.task, AbsTaskSTS)
    measure, _, correlation = evaluated.main_score.rpartition("_")
    statistics = {"spearman": Statistic.SPEARMAN, "pearson": Statistic.PEARSON}
    predictions = evaluated.captured.predictions
    if correlation not in statistics or (measure or "similarity") not in SIMILARITIES or predictions is None:
        raise evaluated.refuse()
    prediction = np.array(predictions[SIMILARITIES[measure or "similarity"][0]], dtype=np.float64)
    target = np.array([evaluated.task._normalize(score) for score in read_column(evaluated.data, "score")])
    ids, groups = name_pairs(read_pair_texts(evaluated.data, list_pair_columns(evaluated.task.column_names)))
    return make_table(
        statistics[correlation],
        ids,
        compute_rank_agreement(prediction, target),
        group_id=groups,
        prediction=prediction,
        target=target,
    )


def name_pairs(pairs: Sequence[tuple[str, ...]]) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Ids of pairs from their texts, and groups of those that share one."""
    ids = number_repeats([digest_texts(pair) for pair in pairs])
    return ids, group_sharers([str(name) for name in ids], pairs)


def extract_pair_labels(evaluated: Evaluated) -> ItemTable:
    """One row a pair of a pair classification task, with its similarity (larger is more alike) and label.

    ``value`` is the share of pairs of the other label that the pair is on the right side of, ties half: its mean over
    the positive pairs is the area under the ROC curve. For a main score that is the best of several measures
    (``max_ap``), prediction is that of the best one.

    Raises:
        ScoreError: The main score is neither an average precision nor a best accuracy.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskPairClassification)
    measure, _, metric = evaluated.main_score.rpartition("_")
    statistics = {"ap": Statistic.AVERAGE_PRECISION, "accuracy": Statistic.BEST_ACCURACY}
    if metric not in statistics or measure not in {*SIMILARITIES, "max"}:
        raise evaluated.refuse()
    if measure == "max":
        measure = max(SIMILARITIES, key=lambda name: evaluated.scores[f"{name}_{metric}"])
    key, sign = SIMILARITIES[measure]
    prediction = sign * np.array(evaluated.captured.predictions[key], dtype=np.float64)
    data = unpack_single_row(evaluated.data)
    target = np.array(read_column(data, task.label_column_name), dtype=np.float64)
    columns = list_pair_columns((task.input1_column_name, task.input2_column_name))
    ids, groups = name_pairs(read_pair_texts(data, columns))
    value = compute_placement(prediction, target)
    return make_table(statistics[metric], ids, value, group_id=groups, prediction=prediction, target=target)


def compute_placement(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each item, the share of items of the other class it is ordered rightly against, ties half."""
    positive = target == 1
    sorted_of = {True: np.sort(prediction[positive]), False: np.sort(prediction[~positive])}
    value = np.full(len(prediction), 0.5)
    for is_positive in (True, False):
        others, own = sorted_of[not is_positive], positive == is_positive
        if len(others):
            below = np.searchsorted(others, prediction[own], side="left")
            through = np.searchsorted(others, prediction[own], side="right")
            share = (below + through) / 2 / len(others)
            value[own] = share if is_positive else 1 - share
    return value


def extract_translations(evaluated: Evaluated) -> ItemTable:
    """One row a sentence to be matched: whether its nearest neighbour is its translation.

    Raises:
        ScoreError: The main score is neither accuracy nor F1.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskBitextMining)
    statistic = {"accuracy": Statistic.MEAN, "recall": Statistic.MEAN, "f1": Statistic.WEIGHTED_F1}.get(
        evaluated.main_score
    )
    if statistic is None:
        raise evaluated.refuse()
    columns = list_translation_columns(task, evaluated.hf_subset)
    neighbours = evaluated.captured.predictions["-".join(columns)]
    prediction = np.array([neighbour["corpus_id"] for neighbour in neighbours], dtype=np.float64)
    data = evaluated.data
    gold = data["gold"] if isinstance(data, dict) and "gold" in data else None
    target = np.arange(len(prediction)) if gold is None else np.array([pair[1] for pair in gold])[: len(prediction)]
    first, second = (read_column(data, column) for column in columns)
    pairs = [(text, second[int(index)]) for text, index in zip(first, target, strict=True)]
    ids, groups = name_pairs(pairs)
    is_mean = statistic is Statistic.MEAN
    return make_table(
        statistic,
        ids,
        np.equal(prediction, target),
        group_id=groups,
        prediction=None if is_mean else prediction,
        target=None if is_mean else target,
    )


def extract_summaries(evaluated: Evaluated) -> ItemTable:
    """One row a source text: the correlation of its summaries' similarities with human judgement.

    mteb leaves out texts whose judgements or similarities are all the same; so does the table.

    Raises:
        ScoreError: The main score is no correlation of a measure mteb computes.
    """
    task = evaluated.task
    assert isinstance(task, AbsTaskSummarization)
    measure, _, correlation = evaluated.main_score.rpartition("_")
    if correlation not in {"spearman", "pearson"} or (measure or "similarity") not in {"similarity", "cosine", "dot"}:
        raise evaluated.refuse()
    predictions = evaluated.captured.predictions
    similarities = predictions[SIMILARITIES[measure or "similarity"][0]]
    judgements = predictions["human_scores"]
    kept = _find_kept(evaluated, judgements)
    value = [_correlate(correlation, human, own) for human, own in zip(judgements, similarities, strict=True)]
    ids = number_repeats([digest_texts([text]) for text in read_column(evaluated.data, task.text_column_name)])
    return make_table(Statistic.MEAN, ids[kept], value)


def _correlate(correlation: str, first: Sequence[float], second: Sequence[float]) -> float:
    return float(spearmanr(first, second).statistic if correlation == "spearman" else pearsonr(first, second).statistic)


def _find_kept(evaluated: Evaluated, judgements: Sequence[Sequence[float]]) -> list[int]:
    """Rows of the texts mteb kept: their judgements follow one another in the data's order."""
    task = evaluated.task
    assert isinstance(task, AbsTaskSummarization)
    span = task.max_score - task.min_score
    kept: list[int] = []
    for row, raw in enumerate(read_column(evaluated.data, task.relevancy_column_name)):
        normalized = ((np.array(raw) - task.min_score) / span).tolist()
        if len(kept) < len(judgements) and normalized == list(judgements[len(kept)]):
            kept.append(row)
    if len(kept) != len(judgements):
        raise evaluated.refuse()
    return kept
