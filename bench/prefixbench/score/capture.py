"""What mteb computed on the way to a score: predictions and per-query metrics, kept in memory."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mteb._evaluators import retrieval_metrics
from mteb.abstasks import AbsTaskRetrieval
from scipy.stats import ConstantInputWarning
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mteb.abstasks import AbsTask

    Rankings = Mapping[str, Mapping[str, float]]


@dataclass(slots=True)
class Captured:
    """One evaluation's by-products.

    Attributes:
        predictions: What mteb would have written to its prediction file; absent for retrieval.
        query_scores: pytrec_eval's metrics by query id.
        qrels: Relevance by query and document, queries without a relevant document left out.
        rankings: Scores by query and document, with identical ids already left out where the task asks for it.
        changed_qrels: Documents whose relevance an instruction changes, by query, for p-MRR.
    """

    predictions: Any = None
    query_scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    qrels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rankings: Rankings = field(default_factory=dict)
    changed_qrels: Mapping[str, list[str]] = field(default_factory=dict)


@contextmanager
def capture_evaluation(task: AbsTask) -> Iterator[Captured]:
    """Listen to a task of one's own (never a shared one) while it is evaluated.

    The task's method that writes predictions is replaced on the object, so nothing is written; the hook for
    task-specific scores, which is handed every query's metrics, passes them on.
    """
    captured = Captured()

    def keep_predictions(predictions: Any, *_: Any, **__: Any) -> None:  # noqa: ANN401 - mteb's
        captured.predictions = predictions

    vars(task)["_save_task_predictions"] = keep_predictions
    if not isinstance(task, AbsTaskRetrieval):
        yield captured
        return

    vars(task)["_save_task_predictions"] = lambda *_, **__: None
    task_specific_scores = task.task_specific_scores
    calculate_pmrr = retrieval_metrics.calculate_pmrr

    def keep_rankings(scores: Any, qrels: Any, results: Any, **places: Any) -> Any:  # noqa: ANN401 - mteb's
        captured.query_scores, captured.qrels, captured.rankings = scores, qrels, results
        return task_specific_scores(scores, qrels, results, **places)

    def keep_changes(original: Rankings, new: Rankings, changed_qrels: dict[str, list[str]]) -> float:
        captured.changed_qrels = changed_qrels
        return calculate_pmrr(original, new, changed_qrels)  # type: ignore[arg-type]

    vars(task)["task_specific_scores"] = keep_rankings
    vars(retrieval_metrics)["calculate_pmrr"] = keep_changes
    try:
        yield captured
    finally:
        vars(retrieval_metrics)["calculate_pmrr"] = calculate_pmrr


@contextmanager
def ignore_small_task_warnings() -> Iterator[None]:
    """Silence what is said of every small task: labels never predicted or in no set, fits cut short, copies.

    A constant similarity, which mteb's metrics warn of, is an error of ours and need not be said twice.
    """
    texts = {
        "To copy construct from a tensor": UserWarning,
        "Conversations are a list of strings": UserWarning,
        "unknown class": UserWarning,
        "invalid value encountered in divide": RuntimeWarning,
    }
    with warnings.catch_warnings():
        for text, category in texts.items():
            warnings.filterwarnings("ignore", message=text, category=category)
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ConstantInputWarning)
        yield
