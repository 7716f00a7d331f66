from __future__ import annotations

import copy

import mteb
import numpy as np
import pytest
from datasets import Dataset
from mteb.abstasks import AbsTask
from mteb.mocks.mock_tasks.classification import MockImageClassificationTask
from prefixbench.errors import ScoreError
from prefixbench.score import dataset_digest, fresh_task, item_texts, limit_task, list_texts, score_cell
from prefixbench.score.columns import view_as_lists
from prefixbench.score.data import get_split
from prefixbench.score.ids import digest_texts, group_sharers, number_repeats
from prefixbench.score.limit import choose_places

from tests.score_fakes import make_encoder
from tests.score_tasks import MADE_TASKS, make_labelled, make_retrieval, make_similarity, score_made

CUT_ALIKE = [
    name
    for name in MADE_TASKS
    if not name.startswith(("clustering", "sets", "translations", "label sets", "classification, cross"))
]
"""Kinds whose items score the same whatever other items stay."""


def test_texts_cut_elsewhere_have_another_digest() -> None:
    assert digest_texts(["a", "bc"]) != digest_texts(["ab", "c"])
    assert digest_texts(["a", ""]) != digest_texts(["a"])
    assert digest_texts(["é"]) == digest_texts(["é"])


def test_repeats_are_numbered_in_their_order() -> None:
    assert number_repeats(["x", "y", "x", "x"]).tolist() == ["x", "y", "x#2", "x#3"]


def test_items_that_share_are_grouped_transitively() -> None:
    ids = [f"i{place}" for place in range(40)]
    shared = [["a"], ["a", "b"], ["b"], *[[name] for name in ids[3:]]]
    assert group_sharers(ids, shared).tolist() == ["i0", "i0", "i0", *ids[3:]]


def test_sharing_that_joins_a_tenth_of_all_groups_nothing() -> None:
    ids = [f"i{place}" for place in range(40)]
    shared = [["hub"] if place < 5 else [name] for place, name in enumerate(ids)]
    assert group_sharers(ids, shared).tolist() == ids


def test_items_without_anything_shared_stand_alone() -> None:
    assert group_sharers(["a", "b"], [[], []]).tolist() == ["a", "b"]


@pytest.mark.parametrize("name", MADE_TASKS)
def test_digests_follow_content_and_nothing_else(name: str) -> None:
    assert dataset_digest(MADE_TASKS[name](), "test", "default") == dataset_digest(
        MADE_TASKS[name](), "test", "default"
    )


def test_one_changed_label_text_or_judgement_changes_the_digest() -> None:
    def digest_similarity(column: str, value: object) -> str:
        task = make_similarity("cosine_spearman")
        assert task.dataset is not None
        columns = task.dataset["test"].to_dict()
        columns[column][7] = value
        task.dataset["test"] = Dataset.from_dict(columns)
        return dataset_digest(task, "test", "default")

    digests = {digest_similarity("sentence1", "other"), digest_similarity("score", 0.05)}
    digests.add(dataset_digest(make_similarity("cosine_spearman"), "test", "default"))
    assert len(digests) == 3
    judged = make_retrieval()
    assert judged.dataset is not None
    before = dataset_digest(judged, "test", "default")
    judged.dataset["default"]["test"]["relevant_docs"]["x1"]["x2"] = 3
    assert dataset_digest(judged, "test", "default") != before


def test_a_training_split_is_part_of_the_digest() -> None:
    task = make_labelled("accuracy", 3)
    assert task.dataset is not None
    before = dataset_digest(task, "test", "default")
    task.dataset["train"] = task.dataset["train"].select(range(89))
    assert dataset_digest(task, "test", "default") != before


@pytest.mark.parametrize("name", MADE_TASKS)
def test_items_have_their_texts(name: str) -> None:
    task = MADE_TASKS[name]()
    texts = item_texts(task, "test", "default")
    items = set(score_made(name)[0].items.item_id.tolist())
    if name.startswith(("clustering", "sets")):
        assert texts == {}
    elif not name.startswith(("worst", "both", "changed", "best")):
        assert items <= set(texts)
        assert all(texts[item] for item in items)


def test_a_pair_reads_as_two_lines() -> None:
    task = make_similarity("cosine_spearman")
    data = get_split(task, "test", "default")
    assert next(iter(item_texts(task, "test", "default").values())) == f"{data[0]['sentence1']}\n{data[0]['sentence2']}"


@pytest.mark.parametrize("name", CUT_ALIKE)
def test_an_item_that_stays_scores_as_in_the_whole_task(name: str) -> None:
    task = MADE_TASKS[name]()
    limited = limit_task(task, 10, 3)
    assert limited is not task
    whole, cut = score_made(name)[0].items, score_cell(limited, make_encoder(), "test", "default").items
    # mteb leaves out a text whose judgements are all the same.
    assert cut.n_items == (9 if name.startswith("summaries") else 10)
    if whole.prediction is None and not name.startswith("summaries"):
        values = dict(zip(zip(whole.item_id.tolist(), whole.replicate.tolist(), strict=True), whole.value, strict=True))
        places = zip(cut.item_id.tolist(), cut.replicate.tolist(), strict=True)
        assert [values[place] for place in places] == pytest.approx(cut.value.tolist(), abs=1e-12)


@pytest.mark.parametrize("name", ["clustering", "sets", "translations f1", "label sets accuracy", "label sets, drawn"])
def test_other_kinds_are_cut_too(name: str) -> None:
    task = MADE_TASKS[name]()
    limited = limit_task(task, 12, 3)
    assert list_texts(limited, "test", "default").n_texts < list_texts(task, "test", "default").n_texts
    assert score_cell(limited, make_encoder(), "test", "default").items.n_items > 0


def test_the_choice_depends_on_the_seed_alone() -> None:
    keys = [str(place) for place in range(100)]
    assert choose_places(keys, 10, 1) == choose_places(keys, 10, 1)
    assert choose_places(keys, 10, 1) != choose_places(keys, 10, 2)
    assert set(choose_places(keys, 10, 1)) <= set(choose_places(keys, 20, 1))
    assert choose_places(keys, 100, 1) == list(range(100))


@pytest.mark.parametrize(
    "name", ["retrieval ndcg_at_10", "reranking", "clustering", "label sets f1", "pairs in one row"]
)
def test_scoring_and_limiting_leave_the_task_as_it_was(name: str) -> None:
    task = MADE_TASKS[name]()
    before = dataset_digest(task, "test", "default")
    state = copy.deepcopy(task.rng_state.getstate())
    score_cell(task, make_encoder(), "test", "default")
    limit_task(task, 10, 3)
    list_texts(task, "test", "default")
    assert dataset_digest(task, "test", "default") == before
    assert task.rng_state.getstate() == state
    assert type(fresh_task(task)) is type(task)


def test_a_view_reads_lists_and_is_otherwise_the_data_set() -> None:
    data = Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 2, 3]})
    view = view_as_lists(data)
    assert view["label"] == [1, 2, 3]
    assert view["label"] is view["label"]
    assert view.select([2, 0])["label"] == [3, 1]
    assert view.rename_columns({"label": "text", "text": "label"})["label"] == ["a", "b", "c"]
    assert view.select_columns(["text"])["text"] == ["a", "b", "c"]
    assert view[1] == {"text": "b", "label": 2}
    assert type(data) is Dataset


def test_unknown_splits_and_subsets_are_named() -> None:
    task = make_similarity("cosine_spearman")
    with pytest.raises(ScoreError) as caught:
        score_cell(task, make_encoder(), "dev", "default")
    assert str(caught.value) == ("task 'MadeMockSTSTask' has no split 'dev' in subset 'default'; valid choices: test.")
    with pytest.raises(ScoreError) as caught:
        score_cell(make_retrieval(), make_encoder(), "test", "fr")
    assert str(caught.value) == "task 'MadeMockRetrievalTask' has no subset 'fr'; valid choices: default."


def test_a_main_score_without_items_is_refused() -> None:
    task: AbsTask = make_labelled("precision", 3)
    with pytest.raises(ScoreError) as caught:
        score_cell(task, make_encoder(), "test", "default")
    assert str(caught.value) == (
        "task 'MadeMockClassificationTask' of type 'Classification' has the main score 'precision', for which no "
        "per-item scores are known; the cell is not reported."
    )


def test_constant_similarities_fail_the_cell() -> None:
    encoder = make_encoder()
    encoder._embed = lambda part: np.ones((len(part.texts), 4), np.float32)
    with pytest.raises(ScoreError, match="mteb's cosine_spearman is not a number; the similarities may be constant"):
        score_cell(make_similarity("cosine_spearman"), encoder, "test", "default")


def test_a_task_that_reads_images_is_refused() -> None:
    with pytest.raises(ScoreError) as caught:
        fresh_task(MockImageClassificationTask())
    assert str(caught.value) == "task 'MockImageClassification' reads image; only text tasks can be scored."


def test_an_aggregate_is_refused() -> None:
    with pytest.raises(ScoreError) as caught:
        fresh_task(mteb.get_task("CQADupstackRetrieval"))
    assert str(caught.value) == (
        "task 'CQADupstackRetrieval' is an aggregate of other tasks; name its member tasks instead."
    )
