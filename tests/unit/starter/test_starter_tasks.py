from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
from mteb.models.model_meta import ModelMeta
from prefixbench.errors import UnknownNameError
from prefixbench.starter import load_starter_task, starter_facts, starter_task_names
from prefixbench.starter.corpus import group_near_duplicates
from prefixbench.starter.recipe import load_recipe
from prefixbench.starter.selection import is_leak
from prefixbench.starter.tasks import build_rows, hash_rows

Rows = dict[str, Any]
RETRIEVAL = ("StarterDocRetrieval", "StarterCodeRetrieval")


@pytest.fixture(scope="session")
def rows(starter_cache: Path) -> Rows:
    return build_rows(starter_cache)


class LetterCounts:
    """Embeds a text as counts of its letters: cheap, and better than chance."""

    mteb_model_meta = ModelMeta.create_empty({"name": "fake/letters", "revision": "1"})

    def encode(self, inputs: Any, **_: Any) -> Any:
        texts = [text for batch in inputs for text in batch["text"]]
        counts = np.array([[text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz "] for text in texts])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)

    def similarity(self, left: Any, right: Any) -> Any:
        return np.asarray(left) @ np.asarray(right).T

    def similarity_pairwise(self, left: Any, right: Any) -> Any:
        return (np.asarray(left) * np.asarray(right)).sum(axis=1)


@pytest.mark.parametrize("name", RETRIEVAL)
def test_no_answer_holds_its_query_or_name(rows: Rows, name: str) -> None:
    task = rows[name]
    share = load_recipe().texts.leaked_share
    for query_id, query in task["queries"].items():
        answer = task["documents"][query_id]
        assert not is_leak(query, answer, share), query_id
        words = answer.lower().replace(".", " ").replace("(", " ").split()
        assert query_id.rpartition(".")[2].lower() not in words, query_id


@pytest.mark.parametrize("name", RETRIEVAL)
def test_documents_and_queries_are_distinct(rows: Rows, name: str) -> None:
    for texts in (rows[name]["queries"], rows[name]["documents"]):
        assert len(set(texts.values())) == len(texts)
    queries = list(rows[name]["queries"].values())
    assert len(set(group_near_duplicates(queries, 2, load_recipe().texts.near_duplicate))) == len(queries)


def test_classification_trains_on_no_test_text(rows: Rows) -> None:
    train, test = rows["StarterClassification"]["train"], rows["StarterClassification"]["test"]
    assert not set(train["texts"]) & set(test["texts"])
    assert set(test["labels"]) == set(train["labels"])


def test_no_pair_is_a_text_with_itself(rows: Rows) -> None:
    assert all(first != second for first, second in rows["StarterPairClassification"]["texts"])


def test_sizes_are_those_promised(rows: Rows) -> None:
    sizes = {name: len(rows[name]["queries"]) for name in (*RETRIEVAL, "StarterReranking")}
    sizes["pairs"] = len(rows["StarterPairClassification"]["texts"])
    sizes["classification"] = len(rows["StarterClassification"]["test"]["texts"])
    sizes["clustering"] = len(rows["StarterClustering"]["texts"])
    assert all(300 <= size <= 2000 for size in sizes.values()), sizes


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", starter_task_names())
def test_mteb_evaluates_every_task(starter_cache: Path, rows: Rows, name: str) -> None:
    task: Any = load_starter_task(name, starter_cache)
    facts = starter_facts()[name]
    assert task.dataset_sha256 == hash_rows(rows[name])
    assert (task.metadata.type, task.metadata.main_score) == (facts.task_type, facts.main_score)
    assert task.metadata.dataset["revision"] == facts.dataset_revision
    encoder: Any = LetterCounts()
    result = mteb.evaluate(encoder, task, cache=None, co2_tracker=False)
    score = result.task_results[0].get_score()
    chance = {"StarterReranking": 0.3, "StarterPairClassification": 0.5}.get(name, 0.02)
    assert chance < score < 1


def test_tasks_are_fresh_objects_with_the_same_data(starter_cache: Path) -> None:
    first: Any = load_starter_task("StarterClustering", starter_cache)
    second: Any = load_starter_task("StarterClustering", starter_cache)
    assert first is not second
    assert first.dataset["test"]["sentences"] == second.dataset["test"]["sentences"]


def test_unknown_task_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        load_starter_task("StarterDocsRetrieval")
    assert str(caught.value).startswith("unknown starter task 'StarterDocsRetrieval'; did you mean StarterDocRetrieval")


def test_facts_need_no_heavy_import() -> None:
    code = (
        "import sys; from prefixbench.starter import starter_facts; starter_facts(); "
        "print([m for m in ('torch', 'mteb', 'scipy', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
