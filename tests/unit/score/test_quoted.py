"""How first hits begin, and that data whose licence forbids a copy are not quoted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prefixbench.items.hits import collect_hits
from prefixbench.plan.place import Place
from prefixbench.run import stages
from prefixbench.score import quote_documents
from prefixbench.score.data import get_split
from prefixbench.score.quoted import MOST_LETTERS
from prefixbench.score.search import join_titles
from prefixbench.spec.tasks import TaskFacts

from tests.score_tasks import make_retrieval, make_similarity


def test_documents_are_quoted_from_their_beginning_on_one_line() -> None:
    task = make_retrieval()
    corpus = get_split(task, "test", "default")["corpus"]
    whole = dict(zip(corpus["id"], join_titles(corpus)[0], strict=True))
    wanted = list(whole)[1:4]
    quoted = quote_documents(task, "test", "default", [*wanted, "no document"])
    assert quoted == {name: " ".join(whole[name].split())[:MOST_LETTERS] for name in wanted}
    long = corpus.map(lambda row: {"text": "a  long\n" * 500 if row["id"] == wanted[0] else row["text"]})
    assert task.dataset is not None
    task.dataset["default"]["test"]["corpus"] = long
    text = quote_documents(task, "test", "default", wanted)[wanted[0]]
    assert len(text) == MOST_LETTERS
    assert "\n" not in text
    assert "a long a long" in text


def test_tasks_without_documents_have_nothing_to_quote() -> None:
    assert quote_documents(make_similarity("cosine_spearman"), "test", "default", ["x"]) == {}
    assert quote_documents(make_retrieval(), "test", "default", []) == {}


@pytest.mark.parametrize(("licence", "is_quoted"), [("cc-by-4.0", True), ("cc-by-nc-4.0", False), (None, False)])
def test_only_data_that_may_be_copied_are_quoted(licence: str | None, is_quoted: bool) -> None:
    task = make_retrieval()
    name = get_split(task, "test", "default")["corpus"]["id"][0]
    facts = replace(TaskFacts("Task", "Retrieval", "ndcg_at_10"), license=licence)
    place = Place(facts, "default", "test", None, 42)
    quoted = stages._quote_hits(task, place, collect_hits({"q": [name]}))
    assert (name in quoted) == is_quoted
