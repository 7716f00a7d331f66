"""How the documents begin that stand first for some query, for a reader of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mteb.abstasks import AbsTaskRetrieval

from prefixbench.score.data import find_rows, fresh_task, get_split
from prefixbench.score.search import join_titles

if TYPE_CHECKING:
    from collections.abc import Collection

    from mteb.abstasks import AbsTask

MOST_LETTERS = 200
"""Of a document's text that are kept; a report shows a line."""


def quote_documents(task: AbsTask, hf_split: str, hf_subset: str, names: Collection[str]) -> dict[str, str]:
    """The beginnings of some documents' texts, titles first, by id; white space is a blank.

    Raises:
        ScoreError: The task has no such split or subset.
    """
    if not names or not isinstance(task, AbsTaskRetrieval):
        return {}
    corpus = get_split(fresh_task(task), hf_split, hf_subset)["corpus"]
    rows = find_rows(corpus, names)
    texts = join_titles(corpus.select(list(rows.values())))[0]
    return {
        name: " ".join(text[: 4 * MOST_LETTERS].split())[:MOST_LETTERS] for name, text in zip(rows, texts, strict=True)
    }
