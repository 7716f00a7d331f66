"""Made-up tasks of the sizes real ones have, with vectors in memory: only scoring is left to time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTask
from mteb.mocks.mock_tasks.bitext_mining import MockBitextMiningTask
from mteb.mocks.mock_tasks.classification import MockClassificationTask
from mteb.mocks.mock_tasks.clustering import LegacyMockClusteringFastTask
from mteb.mocks.mock_tasks.pair_classification import MockPairClassificationTask
from mteb.mocks.mock_tasks.retrieval import MockRetrievalTask
from mteb.mocks.mock_tasks.sts import MockSTSTask
from prefixbench.score import TextPart
from prefixbench.vectors.embedder import Vectors

DIM = 384
RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((40_000, DIM), dtype=np.float32)


def look_up(part: TextPart) -> Vectors:
    """The vectors of texts that are written as numbers."""
    return TABLE[[int(text.rpartition(" ")[2]) for text in part.texts]]


def number_texts(n_texts: int, first: int = 0) -> list[str]:
    """``text 7``, ``text 8``, …."""
    return [f"text {number}" for number in range(first, first + n_texts)]


def _build(
    kind: type[AbsTask],
    data: Any,  # noqa: ANN401 - a DatasetDict, or mteb's dictionaries
    main_score: str,
    **attributes: Any,  # noqa: ANN401 - class attributes
) -> AbsTask:
    metadata = kind.metadata.model_copy(update={"main_score": main_score, "name": f"Sized{kind.__name__}"})
    task: AbsTask = type(metadata.name, (kind,), {"metadata": metadata, **attributes})()
    task.dataset = data
    task.data_loaded = True
    return task


def build_classification() -> AbsTask:
    """77 labels, 10,003 training and 3,080 test samples, ten experiments (Banking77's size)."""

    def draw(n_rows: int, first: int) -> Dataset:
        return Dataset.from_dict({"text": number_texts(n_rows, first), "label": RNG.integers(0, 77, n_rows).tolist()})

    data = DatasetDict({"train": draw(10_003, 0), "test": draw(3_080, 20_000)})
    return _build(MockClassificationTask, data, "accuracy", n_experiments=10)


def build_pairs() -> AbsTask:
    """2,000 pairs (a language of PAWS-X)."""
    columns = {"sentence1": number_texts(2_000), "sentence2": number_texts(2_000, 5_000)}
    data = Dataset.from_dict({**columns, "labels": RNG.integers(0, 2, 2_000).tolist()})
    return _build(MockPairClassificationTask, DatasetDict({"test": data}), "max_ap")


def build_similarity() -> AbsTask:
    """1,379 pairs (STSBenchmark)."""
    columns = {"sentence1": number_texts(1_379), "sentence2": number_texts(1_379, 5_000)}
    data = Dataset.from_dict({**columns, "score": RNG.uniform(0, 5, 1_379).tolist()})
    return _build(MockSTSTask, DatasetDict({"test": data}), "cosine_spearman")


def build_retrieval() -> AbsTask:
    """300 queries, 5,183 titled documents (SciFact)."""
    ids = [f"d{row}" for row in range(5_183)]
    corpus = Dataset.from_dict({"id": ids, "title": ["A title"] * len(ids), "text": number_texts(len(ids), 1_000)})
    queries = Dataset.from_dict({"id": [f"q{row}" for row in range(300)], "text": number_texts(300)})
    relevant = {f"q{row}": {f"d{RNG.integers(5_183)}": 1} for row in range(300)}
    data = {"queries": queries, "corpus": corpus, "relevant_docs": relevant, "top_ranked": None}
    return _build(MockRetrievalTask, {"default": {"test": data}}, "ndcg_at_10")


def build_clustering() -> AbsTask:
    """1,004 documents of seven labels, ten draws of 16,384 (a language of SIB-200)."""
    columns = {"sentences": number_texts(1_004), "labels": RNG.integers(0, 7, 1_004).tolist()}
    options = {"max_fraction_of_documents_to_embed": None, "max_document_to_embed": None}
    data = DatasetDict({"test": Dataset.from_dict(columns)})
    return _build(
        LegacyMockClusteringFastTask, data, "v_measure", n_clusters=10, max_documents_per_cluster=16_384, **options
    )


def build_translations() -> AbsTask:
    """1,000 pairs (a language of Tatoeba)."""
    data = Dataset.from_dict({"sentence1": number_texts(1_000), "sentence2": number_texts(1_000, 5_000)})
    return _build(MockBitextMiningTask, DatasetDict({"test": data}), "f1")


SIZED_TASKS: dict[str, Callable[[], AbsTask]] = {
    "classification": build_classification,
    "pair classification": build_pairs,
    "similarity": build_similarity,
    "retrieval": build_retrieval,
    "clustering": build_clustering,
    "bitext mining": build_translations,
}
