"""What is known of items whatever is sent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.items.words import find_words, list_words, share_words
from prefixbench.score import add_facts, describe_items, item_texts
from prefixbench.score.data import get_split, read_column

from tests.score_tasks import MADE_TASKS, make_retrieval, make_similarity, score_made


def test_words_are_what_people_call_words_and_signs_where_none_are_spaced() -> None:
    assert list_words("What's  the_capital of France, 1st?") == ["what", "s", "the", "capital", "of", "france", "1st"]
    assert list_words("首都は東京 ok") == [*"首都は東京", "ok"]
    assert share_words("a b c", "B c d") == 0.5
    assert find_words("a b", "a x y z") == 0.5
    assert (share_words("", ""), find_words("", "a")) == (0, 0)


@given(st.text(max_size=30), st.text(max_size=30))
def test_shares_are_shares(first: str, second: str) -> None:
    assert 0 <= share_words(first, second) == share_words(second, first) <= 1
    assert 0 <= share_words(first, second) <= find_words(first, second) <= 1
    assert find_words(first, first) == (1 if list_words(first) else 0)


def test_a_query_is_laid_beside_its_relevant_documents() -> None:
    task = make_retrieval()
    facts = describe_items(task, "test", "default")
    data = get_split(task, "test", "default")
    corpus = data["corpus"]
    texts = {
        name: f"{title} {text}"
        for name, title, text in zip(
            read_column(corpus, "id"),
            read_column(corpus, "title") if "title" in corpus.column_names else [""] * len(corpus),
            read_column(corpus, "text"),
            strict=True,
        )
    }
    for query, text in item_texts(task, "test", "default").items():
        words, letters, overlap = facts[query]
        assert (words, letters) == (len(text.split()), len(text))
        relevant = [name for name, grade in data["relevant_docs"].get(query, {}).items() if grade > 0]
        if relevant:
            own = [len({*text.split()} & {*texts[name].split()}) / len({*text.split()}) for name in relevant]
            assert overlap == pytest.approx(np.mean(own))
        else:
            assert np.isnan(overlap)


def test_a_pair_is_laid_beside_itself_also_where_a_text_has_lines() -> None:
    task = make_similarity("cosine_spearman")
    facts = describe_items(task, "test", "default")
    assert all(0 <= overlap <= 1 for _, _, overlap in facts.values())
    texts = item_texts(task, "test", "default")
    assert {item: letters + 1 for item, (_, letters, _) in facts.items()} == {
        item: len(text) for item, text in texts.items()
    }


@pytest.mark.parametrize("name", MADE_TASKS)
def test_every_item_table_has_them_or_none(name: str) -> None:
    items = score_made(name)[0].items
    described = add_facts(items, describe_items(MADE_TASKS[name](), "test", "default"))
    known = {"clustering", "sets", "worst", "both", "changed", "best"}.isdisjoint({name.split(",")[0].split()[0]})
    assert (described.words is not None) == (described.letters is not None) == known
    if described.words is not None:
        assert np.isfinite(described.words).all()
        assert len(described.words) == described.n_rows
    has_overlap = name.startswith(("retrieval", "reranking", "similarity", "pairs", "translations"))
    assert (described.overlap is not None) == has_overlap
