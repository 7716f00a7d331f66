"""Data as people bring them: each row is a task and how its data are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask
from mteb.mocks.mock_tasks.bitext_mining import MockBitextMiningTask
from mteb.mocks.mock_tasks.classification import MockClassificationTask
from mteb.mocks.mock_tasks.clustering import MockClusteringTask
from mteb.mocks.mock_tasks.pair_classification import MockPairClassificationTask
from mteb.mocks.mock_tasks.reranking import MockRerankingTask
from mteb.mocks.mock_tasks.retrieval import MockRetrievalTask
from mteb.mocks.mock_tasks.sts import MockSTSTask

from tests.score_fakes import WORDS, draw_texts

LONG = " ".join(WORDS[place % 16] for place in range(20_000))
ODD = ["Ünïcödé ﬁeld", "شتاء river", "\x00 river", "😀 stone \u202e", "e\u0301ngine", "河 market"]


@dataclass(frozen=True)
class DataRow:
    """One task.

    Attributes:
        base: The mock whose evaluation it has.
        make: Its data, in the form that mteb keeps them in.
    """

    base: type[AbsTask]
    make: Callable[[], Any]


def make_pairs(**columns: list[Any]) -> Callable[[], Any]:
    """Pairs with scores; columns replace the first rows of their own."""
    whole: dict[str, list[Any]] = {
        "sentence1": draw_texts(12, 1),
        "sentence2": draw_texts(12, 2),
        "score": [float(row % 5) + row / 50 for row in range(12)],
    }
    return lambda: DatasetDict({"test": Dataset.from_dict(_lay_over(whole, columns))})


def make_judged(**columns: list[Any]) -> Callable[[], Any]:
    """Pairs with labels."""
    whole: dict[str, list[Any]] = {"sentence1": draw_texts(12, 1), "sentence2": draw_texts(12, 2), "labels": [0, 1] * 6}
    return lambda: DatasetDict({"test": Dataset.from_dict(_lay_over(whole, columns))})


def make_samples(n_test: int = 12, labels: tuple[Any, ...] = (0, 1), texts: list[Any] | None = None) -> Any:
    """Samples with labels, for training and for testing."""

    def make() -> Any:
        parts = {}
        for split, n_rows, seed in (("train", 40, 3), ("test", n_test, 4)):
            named = [labels[row % len(labels)] for row in range(n_rows)]
            parts[split] = Dataset.from_dict(_lay_over({"text": draw_texts(n_rows, seed)}, {"text": texts or []}))
            parts[split] = parts[split].add_column("label", named)
        return DatasetDict(parts)

    return make


def make_clusters(n_rows: int = 12, n_labels: int = 3, **columns: list[Any]) -> Callable[[], Any]:
    """Documents with labels."""
    whole: dict[str, list[Any]] = {
        "sentences": draw_texts(n_rows, 5),
        "labels": [[row % n_labels] for row in range(n_rows)],
    }
    return lambda: DatasetDict({"test": Dataset.from_dict(_lay_over(whole, columns))})


def make_translations(n_rows: int = 8, **columns: list[Any]) -> Callable[[], Any]:
    """Sentences and their translations."""
    whole: dict[str, list[Any]] = {"sentence1": draw_texts(n_rows, 6), "sentence2": draw_texts(n_rows, 6)}
    return lambda: DatasetDict({"test": Dataset.from_dict(_lay_over(whole, columns))})


def make_search(
    queries: Mapping[str, list[Any]] | None = None,
    corpus: Mapping[str, list[Any]] | None = None,
    relevant: Mapping[Any, Mapping[Any, int]] | None = None,
    ranked: Mapping[Any, list[Any]] | None = None,
) -> Callable[[], Any]:
    """Six queries over ten documents with titles; columns replace the first rows of their own, or are new."""
    own_queries = {"id": [f"q{row}" for row in range(6)], "text": draw_texts(6, 7)}
    own_corpus = {"id": [f"d{row}" for row in range(10)], "title": draw_texts(10, 8, 1), "text": draw_texts(10, 9, 8)}
    own_relevant = {f"q{row}": {f"d{row}": 1, f"d{row + 3}": 1} for row in range(6)}
    data = {
        "queries": _lay_over(own_queries, queries or {}),
        "corpus": _lay_over(own_corpus, corpus or {}),
    }

    def make() -> Any:
        parts = {name: Dataset.from_dict(columns) for name, columns in data.items()}
        judged = {query: dict(grades) for query, grades in (relevant or own_relevant).items()}
        top_ranked = None if ranked is None else {query: list(names) for query, names in ranked.items()}
        return {"default": {"test": {**parts, "relevant_docs": judged, "top_ranked": top_ranked}}}

    return make


def _lay_over(whole: Mapping[str, list[Any]], columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        name: [*columns.get(name, ()), *whole.get(name, [])[len(columns.get(name, ())) :]]
        for name in (*whole, *columns)
    }


def keep(make: Callable[[], Any], **rows: int) -> Callable[[], Any]:
    """The same with only the first so many rows of some parts."""

    def cut() -> Any:
        data = make()
        split = data["test"] if "test" in data else data["default"]["test"]
        if "test" in rows:
            data["test"] = split.select(range(rows["test"]))
        for name in ("queries", "corpus"):
            if name in rows:
                split[name] = split[name].select(range(rows[name]))
        return data

    return cut


STS, SEARCH, RERANK = MockSTSTask, MockRetrievalTask, MockRerankingTask
CLASSES, JUDGED, CLUSTERS, BITEXT = (
    MockClassificationTask,
    MockPairClassificationTask,
    MockClusteringTask,
    MockBitextMiningTask,
)

ROWS: dict[str, DataRow] = {
    "pairs": DataRow(STS, make_pairs()),
    "a null sentence": DataRow(STS, make_pairs(sentence1=[None])),
    "an empty sentence": DataRow(STS, make_pairs(sentence1=[""])),
    "a blank sentence": DataRow(STS, make_pairs(sentence2=[" \t\n\u3000"])),
    "the same pair three times": DataRow(STS, make_pairs(sentence1=["a river"] * 3, sentence2=["a stone"] * 3)),
    "a pair of 20,000 words": DataRow(STS, make_pairs(sentence1=[LONG], sentence2=[f"{LONG} stone"])),
    "odd characters": DataRow(STS, make_pairs(sentence1=ODD, sentence2=ODD[::-1])),
    "whole scores": DataRow(STS, make_pairs(score=[row % 4 for row in range(12)])),
    "one pair": DataRow(STS, keep(make_pairs(), test=1)),
    "one score for all": DataRow(STS, make_pairs(score=[1.0] * 12)),
    "a null score": DataRow(STS, make_pairs(score=[None])),
    "judged pairs": DataRow(JUDGED, make_judged()),
    "judged, a null sentence": DataRow(JUDGED, make_judged(sentence2=[None])),
    "judged, all alike": DataRow(JUDGED, make_judged(labels=[1] * 12)),
    "judged, all unlike": DataRow(JUDGED, make_judged(labels=[0] * 12)),
    "judged, yes and no": DataRow(JUDGED, make_judged(labels=[True, False] * 6)),
    "samples": DataRow(CLASSES, make_samples()),
    "labels by name": DataRow(CLASSES, make_samples(labels=("ja", "näh", ""))),
    "one class": DataRow(CLASSES, make_samples(labels=(1,))),
    "a null label": DataRow(CLASSES, make_samples(labels=(0, 1, None))),
    "a null sample": DataRow(CLASSES, make_samples(texts=[None])),
    "an empty sample": DataRow(CLASSES, make_samples(texts=["", "  "])),
    "one sample": DataRow(CLASSES, make_samples(n_test=1)),
    "no sample": DataRow(CLASSES, make_samples(n_test=0)),
    "clusters": DataRow(CLUSTERS, make_clusters()),
    "one cluster": DataRow(CLUSTERS, make_clusters(n_labels=1)),
    "one document": DataRow(CLUSTERS, make_clusters(n_rows=1)),
    "a null document": DataRow(CLUSTERS, make_clusters(sentences=[None])),
    "translations": DataRow(BITEXT, make_translations()),
    "a null translation": DataRow(BITEXT, make_translations(sentence2=[None])),
    "one translation": DataRow(BITEXT, make_translations(1)),
    "the same translation twice": DataRow(BITEXT, make_translations(sentence2=["a river", "a river"])),
    "search": DataRow(SEARCH, make_search()),
    "a null query": DataRow(SEARCH, make_search({"text": [None]})),
    "an empty query": DataRow(SEARCH, make_search({"text": ["", " "]})),
    "a null document text": DataRow(SEARCH, make_search(corpus={"text": [None]})),
    "an empty document": DataRow(SEARCH, make_search(corpus={"text": ["", " "], "title": ["", ""]})),
    "a null title": DataRow(SEARCH, make_search(corpus={"title": [None]})),
    "the same document twice": DataRow(SEARCH, make_search(corpus={"text": ["a river", "a river"], "title": ["", ""]})),
    "a document id twice": DataRow(SEARCH, make_search(corpus={"id": ["d0", "d0"]})),
    "a query id twice": DataRow(SEARCH, make_search({"id": ["q0", "q0"]})),
    "whole numbers as ids": DataRow(
        SEARCH,
        make_search({"id": list(range(6))}, {"id": list(range(10))}, {row: {row: 1, row + 3: 1} for row in range(6)}),
    ),
    "odd ids": DataRow(
        SEARCH,
        make_search(
            {"id": ["é", "a b", '"', "q\n", "😀", "-"]},
            {"id": ["é", "a b", '"', "\t", "😀", "/"]},
            {name: {"é": 1, '"': 1, "d7": 1} for name in ("é", "a b", '"', "q\n", "😀", "-")},
        ),
    ),
    "judged documents that are missing": DataRow(
        SEARCH, make_search(relevant={f"q{row}": {f"d{row}": 1, "gone": 1} for row in range(6)})
    ),
    "judged queries that are missing": DataRow(
        SEARCH, make_search(relevant={**{f"q{row}": {f"d{row}": 1} for row in range(6)}, "gone": {"d1": 1}})
    ),
    "a query that nobody judged": DataRow(
        SEARCH, make_search(relevant={f"q{row}": {f"d{row}": 1} for row in range(5)})
    ),
    "nothing relevant": DataRow(SEARCH, make_search(relevant={f"q{row}": {"d1": 0} for row in range(6)})),
    "one query": DataRow(SEARCH, keep(make_search(relevant={"q0": {"d1": 1}}), queries=1)),
    "one document to find": DataRow(SEARCH, keep(make_search(relevant={"q0": {"d0": 1}}), corpus=1)),
    "a query of 20,000 words": DataRow(SEARCH, make_search({"text": [LONG]}, {"text": [LONG]})),
    "instructions": DataRow(SEARCH, make_search({"instruction": draw_texts(6, 10)})),
    "an empty instruction": DataRow(SEARCH, make_search({"instruction": ["", *draw_texts(5, 10)]})),
    "conversations": DataRow(SEARCH, make_search({"text": [draw_texts(1 + row % 3, 20 + row) for row in range(6)]})),
    "reranking": DataRow(RERANK, make_search(ranked={f"q{row}": [f"d{one}" for one in range(10)] for row in range(6)})),
    "candidates that are missing": DataRow(
        RERANK, make_search(ranked={f"q{row}": ["d0", "gone", f"d{row}"] for row in range(6)})
    ),
    "a query without candidates": DataRow(
        RERANK, make_search(ranked={f"q{row}": [f"d{one}" for one in range(10)] for row in range(5)})
    ),
}

FAILS = {
    "a null sentence": "text 1 of 12 is no text but None; mteb scores no such data.",
    "one pair": "must have length at least 2",
    "one score for all": "is not a number; the similarities may be constant.",
    "a null score": "TypeError: unsupported operand",
    "judged, a null sentence": "text 1 of 12 is no text but None",
    "one class": "needs samples of at least 2 classes",
    "a null label": "Unknown label type",
    "a null sample": "text 1 of 12 is no text but None",
    "no sample": "0 sample(s)",
    "a null translation": "text 1 of 8 is no text but None",
    "a null query": "query 1 of 6 is no text but None",
    "a null document text": "document 1 of 10 is no text but None",
    "a null title": "title 1 of 10 is no text but None",
    "whole numbers as ids": "Expected string as key",
    "candidates that are missing": "KeyError: 'gone'",
}
"""Words of the reason where mteb gives no score, and neither do we."""

REFUSED = {"judged, all unlike": "similarity_ap rebuilt from 12 items is nan, but mteb reports 0.0000000"}
"""Words of the reason where we give no score though mteb does: without one positive there is no precision."""
