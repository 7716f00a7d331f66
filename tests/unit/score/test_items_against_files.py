"""Items against computations of their own from the prediction files mteb writes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from datasets import Dataset
from prefixbench.errors import ScoreError
from prefixbench.items.hits import MOST_HITS
from prefixbench.score import cell as cell_module
from prefixbench.score import score_cell
from prefixbench.score.evaluated import compute_rank_agreement
from prefixbench.score.labels import compute_ranking_precision
from prefixbench.score.pairs import compute_placement
from prefixbench.score.rankings import find_first_relevant
from scipy.stats import rankdata
from sklearn.metrics import label_ranking_average_precision_score, roc_auc_score

from tests.score_fakes import evaluate_plainly, make_encoder
from tests.score_tasks import (
    MADE_TASKS,
    make_labelled,
    make_pair_labels,
    make_reranking,
    make_retrieval,
    make_similarity,
)


def read_predictions(name_or_task: Any) -> Any:
    task = MADE_TASKS[name_or_task]() if isinstance(name_or_task, str) else name_or_task
    return evaluate_plainly(task, make_encoder(), "test", "default")[1]["default"]["test"]


@pytest.mark.parametrize("ignore_identical_ids", [False, True])
def test_queries_score_as_pytrec_eval_says_of_the_saved_rankings(ignore_identical_ids: bool) -> None:
    rankings = read_predictions(make_retrieval(ignore_identical_ids=ignore_identical_ids))
    if ignore_identical_ids:  # saved before they are taken out
        assert any(query in scores for query, scores in rankings.items())
        rankings = {query: {d: s for d, s in scores.items() if d != query} for query, scores in rankings.items()}
    task = make_retrieval(ignore_identical_ids=ignore_identical_ids)
    assert task.dataset is not None
    qrels = {query: grades for query, grades in task.dataset["default"]["test"]["relevant_docs"].items() if grades}
    measured = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"}).evaluate(rankings)
    items = score_cell(task, make_encoder(), "test", "default").items
    assert dict(zip(items.item_id.tolist(), items.value, strict=True)) == pytest.approx(
        {query: measures["ndcg_cut_10"] for query, measures in measured.items()}
    )
    assert "x7" not in items.item_id.tolist()


def test_the_first_result_is_skipped_in_ranks_too() -> None:
    skipped = score_cell(make_retrieval("mrr_at_10", skip_first_result=True), make_encoder(), "test", "default").items
    whole = score_cell(make_retrieval("mrr_at_10"), make_encoder(), "test", "default").items
    assert skipped.rank is not None
    assert whole.rank is not None
    behind = whole.rank > 1
    assert behind.any()
    assert not behind.all()
    assert np.array_equal(skipped.rank[behind], whole.rank[behind] - 1)


def test_ranks_follow_scores_then_descending_ids() -> None:
    ranking = {"a": 0.5, "b": 0.5, "c": 0.9, "d": 0.1}
    assert find_first_relevant(ranking, {"a": 1}) == 3
    assert find_first_relevant(ranking, {"b": 1, "d": 2}) == 2
    assert find_first_relevant(ranking, {"c": 0, "e": 1}) == float("inf")


def test_queries_that_share_documents_are_one_group() -> None:
    task = make_reranking()
    assert task.dataset is not None
    data = task.dataset["default"]["test"]
    data["relevant_docs"] = {f"x{row}": {f"x{row // 2}": 1} for row in range(40)}
    data["top_ranked"] = None
    items = score_cell(task, make_encoder(), "test", "default").items
    assert items.group_id.tolist() == [f"x{row - row % 2}" for row in range(40)]


def test_turns_of_one_dialogue_are_one_group() -> None:
    task = make_retrieval()
    assert task.dataset is not None
    data = task.dataset["default"]["test"]
    data["relevant_docs"] = {f"x{row}": {f"x{row}": 1} for row in range(40)}
    turns = [[f"opening {row // 4}", *(f"turn {turn}" for turn in range(row % 4))] for row in range(40)]
    data["queries"] = Dataset.from_dict({"id": [f"x{row}" for row in range(40)], "text": turns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mteb says that turns without roles are taken for the user's
        items = score_cell(task, make_encoder(), "test", "default").items
    group = dict(zip(items.item_id.tolist(), items.group_id.tolist(), strict=True))
    assert group == {f"x{row}": f"x{row - row % 4}" for row in range(40)}


def test_samples_are_right_where_the_saved_label_is_theirs() -> None:
    task = make_labelled("accuracy", 4)
    saved = np.array(read_predictions("classification"))
    assert task.dataset is not None
    items = score_cell(task, make_encoder(), "test", "default").items
    assert np.array_equal(items.value.reshape(3, 60), saved == np.array(task.dataset["test"]["label"][:]))
    assert items.item_id[:2].tolist() == [items.group_id[0], f"{items.group_id[0]}#2"]
    assert items.replicate.tolist() == [0] * 60 + [1] * 60 + [2] * 60


def test_pairs_carry_the_saved_similarities_and_their_ratings() -> None:
    task = make_similarity("cosine_spearman")
    saved = read_predictions("similarity cosine_spearman")["cosine_scores"]
    items = score_cell(task, make_encoder(), "test", "default").items
    assert items.prediction is not None
    assert items.target is not None
    assert items.prediction.tolist() == saved
    assert task.dataset is not None
    assert items.target.tolist() == task.dataset["test"]["score"][:]
    assert len(set(items.group_id[2:6].tolist())) == 1


def test_the_best_measure_is_the_one_predicted_with() -> None:
    items = score_cell(make_pair_labels("max_ap"), make_encoder(), "test", "default").items
    saved = read_predictions("pairs max_ap")
    assert items.prediction is not None
    candidates = [saved["cosine_scores"], saved["similarity_scores"], saved["dot_scores"]]
    candidates += [[-value for value in saved[key]] for key in ("manhattan_distances", "euclidean_distances")]
    assert items.prediction.tolist() in candidates


def test_placement_averages_to_the_area_under_the_curve() -> None:
    rng = np.random.default_rng(3)
    prediction, target = np.round(rng.normal(size=80), 1), rng.integers(0, 2, 80).astype(np.float64)
    value = compute_placement(prediction, target)
    area = roc_auc_score(target, prediction)
    assert value[target == 1].mean() == pytest.approx(area)
    assert value[target == 0].mean() == pytest.approx(area)


def test_rank_agreement_runs_from_opposite_to_same() -> None:
    ascending = np.arange(5, dtype=np.float64)
    assert compute_rank_agreement(ascending, ascending).tolist() == [1.0] * 5
    assert compute_rank_agreement(ascending, -ascending).tolist() == [0.0, 0.5, 1.0, 0.5, 0.0]
    tied = np.array([1.0, 1.0, 2.0])
    expected = 1 - np.abs(rankdata(tied) - rankdata([1.0, 2.0, 3.0])) / 2
    assert compute_rank_agreement(tied, np.array([1.0, 2.0, 3.0])).tolist() == expected.tolist()
    assert compute_rank_agreement(np.ones(1), np.ones(1)).tolist() == [1.0]


def test_ranking_precision_of_each_sample_is_sklearns() -> None:
    rng = np.random.default_rng(4)
    target, predicted = rng.integers(0, 2, (40, 6)), rng.integers(0, 2, (40, 6))
    target[0], target[1], predicted[2] = 0, 1, 0
    singly = [
        label_ranking_average_precision_score(target[row : row + 1], predicted[row : row + 1]) for row in range(40)
    ]
    assert compute_ranking_precision(predicted, target).tolist() == pytest.approx(singly)


def test_a_score_that_cannot_be_rebuilt_fails_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_module, "compute_statistic", lambda items: 0.123456789)  # noqa: ARG005
    with pytest.raises(ScoreError) as caught:
        score_cell(make_similarity("cosine_spearman"), make_encoder(), "test", "default")
    assert str(caught.value).startswith(
        "task 'MadeMockSTSTask' (default, test): cosine_spearman rebuilt from 50 items is 0.1234568, but mteb reports "
    )


def test_scoring_writes_nothing(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MTEB_CACHE", str(tmp_path / "cache"))
    score_cell(make_retrieval(), make_encoder(), "test", "default")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [make_retrieval, make_reranking])
def test_hits_are_the_rankings_that_mteb_saved(make: Any) -> None:
    rankings = read_predictions(make())
    cell = score_cell(make(), make_encoder(), "test", "default")
    assert cell.hits is not None
    assert cell.hits.item_id.tolist() == cell.items.item_id.tolist()
    for query, row in zip(cell.hits.item_id.tolist(), cell.hits.document, strict=True):
        found = [str(cell.hits.names[code]) for code in row if code >= 0]
        scores = rankings[query]
        assert found == sorted(scores, key=lambda name: (scores[name], name), reverse=True)[:MOST_HITS]
    relevant = make().dataset["default"]["test"]["relevant_docs"]
    assert cell.items.rank is not None
    for query, rank, row in zip(cell.items.item_id.tolist(), cell.items.rank, cell.hits.document, strict=True):
        places = [n for n, code in enumerate(row, 1) if code >= 0 and relevant[query].get(cell.hits.names[code], 0) > 0]
        assert places[:1] == ([rank] if rank <= len(row) else [])


@pytest.mark.parametrize(
    ("task", "kept"),
    [
        (make_retrieval("ndcg_at_10", skip_first_result=True), True),
        (make_similarity("cosine_spearman"), False),
        (MADE_TASKS["worst instruction"](), False),
    ],
)
def test_only_items_that_are_queries_have_hits(task: Any, kept: bool) -> None:
    assert (score_cell(task, make_encoder(), "test", "default").hits is not None) == kept
