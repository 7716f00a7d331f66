"""One cell: a task, an encoder, a split and a subset to mteb's scores and the items they are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskClusteringLegacy,
    AbsTaskMultilabelClassification,
    AbsTaskPairClassification,
    AbsTaskRegression,
    AbsTaskRetrieval,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from mteb.abstasks.zeroshot_classification import AbsTaskZeroShotClassification
from mteb.results import TaskResult
from threadpoolctl import threadpool_limits

from prefixbench.errors import ScoreError
from prefixbench.items.statistics import compute_statistic
from prefixbench.score.capture import capture_evaluation, ignore_small_task_warnings
from prefixbench.score.clusters import extract_draws, extract_sets
from prefixbench.score.columns import view_task_as_lists
from prefixbench.score.data import fresh_task, get_split
from prefixbench.score.evaluated import Evaluated
from prefixbench.score.labels import extract_label_sets, extract_labels, extract_values, extract_zero_shot
from prefixbench.score.pairs import extract_pair_labels, extract_similarities, extract_summaries, extract_translations
from prefixbench.score.rankings import extract_hits, extract_rankings

if TYPE_CHECKING:
    from collections.abc import Callable

    from mteb.abstasks import AbsTask

    from prefixbench.items.hits import Hits
    from prefixbench.items.table import ItemTable
    from prefixbench.score.encoder import MtebEncoder

TOLERANCE = 1e-6
"""How far the main score rebuilt from items may lie from mteb's."""

ROUNDED_DIGITS = 5
"""mteb rounds the metrics pytrec_eval gives it, and no others."""

EXTRACTORS: tuple[tuple[type, Callable[[Evaluated], ItemTable]], ...] = (
    (AbsTaskRetrieval, extract_rankings),
    (AbsTaskMultilabelClassification, extract_label_sets),
    (AbsTaskRegression, extract_values),
    (AbsTaskClassification, extract_labels),
    (AbsTaskSTS, extract_similarities),
    (AbsTaskPairClassification, extract_pair_labels),
    (AbsTaskClustering, extract_draws),
    (AbsTaskClusteringLegacy, extract_sets),
    (AbsTaskBitextMining, extract_translations),
    (AbsTaskSummarization, extract_summaries),
    (AbsTaskZeroShotClassification, extract_zero_shot),
)
"""The first class a task is an instance of decides; subclasses stand before their bases."""


@dataclass(frozen=True, slots=True)
class CellScore:
    """What one cell scored.

    Attributes:
        result: mteb's own result, for its results layout.
        scores: Every finite scalar mteb reports for this split and subset.
        main_score: The main metric's name.
        score: Its value, in mteb's units.
        items: The per-item data it was rebuilt from.
        hits: The best documents of each query, where items are queries.
    """

    result: TaskResult
    scores: dict[str, float]
    main_score: str
    score: float
    items: ItemTable
    hits: Hits | None = None


def score_cell(task: AbsTask, encoder: MtebEncoder, hf_split: str, hf_subset: str) -> CellScore:
    """Score one split of one subset with mteb's own evaluation, and take it apart into items.

    The task is cloned first, so the same object, its data loaded once, serves any number of cells. Nothing is
    written to disk. Linear algebra is kept to one thread: the cells of a sweep run beside each other, and small
    problems are slower on many. An encoder that computes its vectors would be held to it as well; give it stored ones.

    Args:
        task: A text task; its data are loaded if they are not.
        encoder: The vectors.
        hf_split: mteb's split.
        hf_subset: mteb's subset.

    Raises:
        ScoreError: The main score is NaN, cannot be taken apart, or rebuilt from items lies more than 1e-6 off.
    """
    clone = fresh_task(task)
    get_split(clone, hf_split, hf_subset)
    view_task_as_lists(clone)
    clone.hf_subsets = [hf_subset]
    clone.filter_eval_splits([hf_split])
    started = monotonic()
    with threadpool_limits(limits=1), capture_evaluation(clone) as captured, ignore_small_task_warnings():
        by_subset = clone.evaluate(
            encoder,
            hf_split,
            [hf_subset],
            encode_kwargs={"batch_size": 32, "show_progress_bar": False},
            prediction_folder=Path("captured, not written"),
        )
        scores = dict(by_subset[hf_subset])
        result = TaskResult.from_task_results(clone, {hf_split: by_subset}, evaluation_time=monotonic() - started)
        evaluated = Evaluated(clone, hf_split, hf_subset, scores, captured)
        items = extract_items(evaluated)
        hits = extract_hits(evaluated)
    scalars = {name: float(value) for name, value in scores.items() if _is_finite_number(value)}
    score = float(scores["main_score"])
    check_rebuilt(evaluated, score, items)
    return CellScore(result, scalars, evaluated.main_score, score, items, hits)


def extract_items(evaluated: Evaluated) -> ItemTable:
    """The item table of a finished evaluation, by the kind of its task.

    Raises:
        ScoreError: No per-item scores are known for the task.
    """
    for kind, extract in EXTRACTORS:
        if isinstance(evaluated.task, kind):
            return extract(evaluated)
    raise evaluated.refuse()


def check_rebuilt(evaluated: Evaluated, score: float, items: ItemTable) -> None:
    """Compute the main score from the items and compare it with mteb's.

    Raises:
        ScoreError: Either is NaN, or they differ by more than 1e-6; where mteb rounds to five digits, by more than
            its rounding.
    """
    name = f"task {evaluated.task.metadata.name!r} ({evaluated.hf_subset}, {evaluated.hf_split})"
    if math.isnan(score):
        raise ScoreError(f"{name}: mteb's {evaluated.main_score} is not a number; the similarities may be constant.")
    rebuilt = compute_statistic(items)
    tolerance = TOLERANCE
    if isinstance(evaluated.task, AbsTaskRetrieval):
        tolerance += 0.5 * 10**-ROUNDED_DIGITS
    if not abs(rebuilt - score) <= tolerance:
        raise ScoreError(
            f"{name}: {evaluated.main_score} rebuilt from {items.n_items} items is {rebuilt:.7f}, "
            f"but mteb reports {score:.7f}; the cell is not reported."
        )


def _is_finite_number(value: Any) -> bool:  # noqa: ANN401 - whatever mteb reports
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
