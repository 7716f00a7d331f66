"""Made-up tasks of every type, large enough to tell scores apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb._evaluators.retrieval_metrics import (
    evaluate_p_mrr_change,
    max_over_subqueries,
    paired_accuracy,
    robustness_at_10,
)
from mteb.abstasks import AbsTask
from mteb.mocks.mock_tasks.bitext_mining import MockBitextMiningTask
from mteb.mocks.mock_tasks.classification import MockClassificationTask, MockMultilabelClassification
from mteb.mocks.mock_tasks.clustering import LegacyMockClusteringFastTask, MockClusteringTask
from mteb.mocks.mock_tasks.pair_classification import MockPairClassificationTask
from mteb.mocks.mock_tasks.regression import MockRegressionTask
from mteb.mocks.mock_tasks.retrieval import MockRetrievalTask
from mteb.mocks.mock_tasks.sts import MockSTSTask
from mteb.mocks.mock_tasks.summarization import MockSummarizationTask
from mteb.mocks.mock_tasks.zeroshot_classification import MockTextZeroShotClassificationTask
from prefixbench.score import CellScore, MtebEncoder, score_cell

from tests.score_fakes import WordEmbed, draw_texts


def make_task(base: type[AbsTask], data: Any, main_score: str, **attributes: Any) -> AbsTask:
    """A task of a mock's kind with other data, main score and class attributes."""
    name = f"Made{base.__name__}"
    metadata = base.metadata.model_copy(update={"main_score": main_score, "name": name})
    task: AbsTask = type(name, (base,), {"metadata": metadata, **attributes})()
    task.dataset = data
    task.data_loaded = True
    return task


def make_retrieval(main_score: str = "ndcg_at_10", **attributes: Any) -> AbsTask:
    """40 queries over 60 documents: some titles empty, documents twice (ties), a query without relevant documents."""
    rng = np.random.default_rng(1)
    bodies = draw_texts(60, 2, 8)
    bodies[10:20] = bodies[:10]
    titles = ["" if row % 3 == 0 else word for row, word in enumerate(draw_texts(60, 3, 1))]
    titles[10:20] = titles[:10]
    corpus = Dataset.from_dict({"id": [f"x{row}" for row in range(60)], "title": titles, "text": bodies})
    ids = [f"x{row}" for row in range(40)]
    queries = Dataset.from_dict({"id": ids, "text": draw_texts(40, 4, 4)})
    relevant = {name: {f"x{document}": int(rng.integers(0, 3)) for document in rng.choice(60, 6)} for name in ids}
    relevant = {name: {**grades, f"x{rng.integers(60)}": 1} for name, grades in relevant.items()}
    relevant["x7"] = {}
    data = {"queries": queries, "corpus": corpus, "relevant_docs": relevant, "top_ranked": None}
    return make_task(MockRetrievalTask, {"default": {"test": data}}, main_score, **attributes)


def make_reranking(main_score: str = "map_at_1000", **attributes: Any) -> AbsTask:
    """The same, each query with a dozen candidates, one query with none."""
    task = make_retrieval(main_score, **attributes)
    assert task.dataset is not None
    rng = np.random.default_rng(5)
    data = task.dataset["default"]["test"]
    data["top_ranked"] = {
        name: sorted({f"x{row}" for row in rng.choice(60, 12)} | {name for name, grade in grades.items() if grade})
        for name, grades in data["relevant_docs"].items()
        if name != "x9"
    }
    return task


def make_query_sets(main_score: str, suffixes: Sequence[str], hook: Callable[..., dict[str, Any]]) -> AbsTask:
    """Twelve sets of queries that are scored together, the queries of a set named by suffixes."""
    rng = np.random.default_rng(6)
    corpus = Dataset.from_dict({"id": [f"d{row}" for row in range(30)], "text": draw_texts(30, 7, 8)})
    ids = [f"q{row}{suffix}" for row in range(12) for suffix in suffixes]
    queries = Dataset.from_dict({"id": ids, "text": draw_texts(len(ids), 8, 4)})
    grades = {f"q{row}": {f"d{document}": 1 for document in rng.choice(30, 3)} for row in range(12)}
    relevant = {name: dict(grades[name.split("_")[0].split("-")[0]]) for name in ids}
    data = {"queries": queries, "corpus": corpus, "relevant_docs": relevant, "top_ranked": None}
    return make_task(
        MockRetrievalTask, {"default": {"test": data}}, main_score, task_specific_scores=staticmethod(hook)
    )


def make_labelled(main_score: str, n_labels: int, *, words: bool = False, **attributes: Any) -> AbsTask:
    """60 test and 90 training samples, one text twice among the test samples."""
    rng = np.random.default_rng(9)
    names: list[Any] = [f"label {code}" if words else code for code in range(n_labels)]

    def draw(n_rows: int, seed: int) -> Dataset:
        texts = draw_texts(n_rows, seed)
        texts[1] = texts[0]
        return Dataset.from_dict(
            {"text": texts, "label": [names[int(code)] for code in rng.integers(0, n_labels, n_rows)]}
        )

    data = DatasetDict({"train": draw(90, 10), "test": draw(60, 11)})
    return make_task(MockClassificationTask, data, main_score, **{"n_experiments": 3, **attributes})


def make_label_sets(main_score: str, **attributes: Any) -> AbsTask:
    """50 test samples with none to four of five labels."""
    rng = np.random.default_rng(12)

    def draw(n_rows: int, seed: int) -> Dataset:
        sets = [sorted(map(int, rng.choice(5, rng.integers(0, 5), replace=False))) for _ in range(n_rows)]
        sets[0] = list(range(5))
        return Dataset.from_dict({"text": draw_texts(n_rows, seed), "label": sets})

    data = DatasetDict({"train": draw(80, 13), "test": draw(50, 14)})
    return make_task(MockMultilabelClassification, data, main_score, **{"n_experiments": 3, **attributes})


def make_regression(main_score: str, **attributes: Any) -> AbsTask:
    """40 test samples with real values."""
    rng = np.random.default_rng(15)
    data = DatasetDict(
        {
            split: Dataset.from_dict({"text": draw_texts(n_rows, n_rows), "value": rng.normal(size=n_rows).tolist()})
            for split, n_rows in (("train", 70), ("test", 40))
        }
    )
    return make_task(MockRegressionTask, data, main_score, **{"n_experiments": 3, **attributes})


def make_similarity(main_score: str, **attributes: Any) -> AbsTask:
    """50 pairs, some of which share a sentence."""
    first = draw_texts(50, 16)
    first[3:6] = [first[2]] * 3
    scores = np.round(np.random.default_rng(17).uniform(0, 5, 50), 1).tolist()
    data = Dataset.from_dict({"sentence1": first, "sentence2": draw_texts(50, 18), "score": scores})
    return make_task(MockSTSTask, DatasetDict({"test": data}), main_score, **attributes)


def make_pair_labels(main_score: str, *, single_row: bool = False, **attributes: Any) -> AbsTask:
    """60 pairs with labels; a pair stands there twice."""
    first, second = draw_texts(60, 19), draw_texts(60, 20)
    first[1], second[1] = first[0], second[0]
    columns: dict[str, list[Any]] = {
        "sentence1": first,
        "sentence2": second,
        "labels": np.random.default_rng(21).integers(0, 2, 60).tolist(),
    }
    data = Dataset.from_dict({name: [values] for name, values in columns.items()} if single_row else columns)
    return make_task(MockPairClassificationTask, DatasetDict({"test": data}), main_score, **attributes)


def make_clustering(main_score: str = "v_measure", **attributes: Any) -> AbsTask:
    """80 documents in a hierarchy of two levels, the second missing for some."""
    rng = np.random.default_rng(22)
    labels = [[f"a{rng.integers(3)}", f"b{rng.integers(5)}"][: 1 + (row % 4 > 0)] for row in range(80)]
    data = DatasetDict({"test": Dataset.from_dict({"sentences": draw_texts(80, 23), "labels": labels})})
    options = {"max_documents_per_cluster": 40, "max_fraction_of_documents_to_embed": None, "n_clusters": 4}
    return make_task(LegacyMockClusteringFastTask, data, main_score, **{**options, **attributes})


def make_sets() -> AbsTask:
    """Three sets of documents to cluster, one of a single label."""
    sets = [draw_texts(20, seed) for seed in (24, 25, 26)]
    labels = [[row % 4 for row in range(20)], [1] * 20, [row % 3 for row in range(20)]]
    data = DatasetDict({"test": Dataset.from_dict({"sentences": sets, "labels": labels})})
    return make_task(MockClusteringTask, data, "v_measure")


def make_translations(main_score: str) -> AbsTask:
    """50 sentences and their translations; two are the same."""
    first = draw_texts(50, 27)
    second = [" ".join(reversed(text.split()[1:])) for text in first]
    second[5] = second[4]
    data = DatasetDict({"test": Dataset.from_dict({"sentence1": first, "sentence2": second})})
    return make_task(MockBitextMiningTask, data, main_score)


def make_summaries(main_score: str) -> AbsTask:
    """12 texts with six machine summaries; the judges found no difference for one of them."""
    rng = np.random.default_rng(28)
    relevance = rng.integers(0, 5, (12, 6)).tolist()
    relevance[3] = [2] * 6
    data = Dataset.from_dict(
        {
            "text": draw_texts(12, 29, 12),
            "human_summaries": [draw_texts(3, 30 + row) for row in range(12)],
            "machine_summaries": [draw_texts(6, 60 + row) for row in range(12)],
            "relevance": relevance,
        }
    )
    return make_task(MockSummarizationTask, DatasetDict({"test": data}), main_score)


def make_zero_shot(main_score: str) -> AbsTask:
    """40 samples, the labels among them by name."""
    labels = ["river stone", "music paper", "winter field"]
    drawn = np.random.default_rng(31).choice(labels, 40).tolist()
    data = DatasetDict({"test": Dataset.from_dict({"text": draw_texts(40, 32), "label": drawn})})
    return make_task(MockTextZeroShotClassificationTask, data, main_score, get_candidate_labels=lambda _: list(labels))


def _change_judgements(scores: Any, qrels: Any, results: Any, **_: Any) -> dict[str, Any]:
    del scores
    changed = {f"q{row}": [f"d{row}", f"d{row + 1}"] for row in range(12)}
    return evaluate_p_mrr_change(qrels, results, changed, [1, 3, 5, 10])


MADE_TASKS: dict[str, Callable[[], AbsTask]] = {
    **{
        f"retrieval {metric}": lambda metric=metric: make_retrieval(metric)  # type: ignore[misc]
        for metric in (
            "ndcg_at_10",
            "map_at_100",
            "mrr_at_10",
            "recall_at_5",
            "precision_at_1",
            "hit_rate_at_5",
            "accuracy",
        )
    },
    "retrieval, identical ids ignored": lambda: make_retrieval(ignore_identical_ids=True),
    "retrieval, first result skipped": lambda: make_retrieval("mrr_at_10", skip_first_result=True),
    "retrieval, five results": lambda: make_retrieval("ndcg_at_5", k_values=(1, 3, 5)),
    "reranking": make_reranking,
    "reranking, first result skipped": lambda: make_reranking("map_at_10", skip_first_result=True),
    "worst instruction": lambda: make_query_sets(
        "robustness_at_10", ("_a", "_b", "_c"), lambda s, q, r, **_: {"robustness_at_10": robustness_at_10(q, r, s)}
    ),
    "both of a pair": lambda: make_query_sets(
        "paired_accuracy", ("_q1", "_q2"), lambda s, q, r, **_: {"paired_accuracy": paired_accuracy(q, r, s)}
    ),
    "changed instruction": lambda: make_query_sets("p-MRR", ("-og", "-changed"), _change_judgements),
    "best of sub-queries": lambda: make_query_sets(
        "max_over_subqueries_map_at_10",
        ("_1", "_2"),
        lambda s, q, r, **_: max_over_subqueries(q, r, [1, 3, 5, 10, 20, 100, 1000]),  # noqa: ARG005
    ),
    "classification": lambda: make_labelled("accuracy", 4),
    "classification, labels by name": lambda: make_labelled("f1", 4, words=True),
    "classification, weighted": lambda: make_labelled("f1_weighted", 3),
    "classification, two labels": lambda: make_labelled("ap", 2),
    "classification, cross-validated": lambda: make_labelled(
        "accuracy", 3, is_cross_validation=True, train_split="test"
    ),
    **{
        f"label sets {metric}": lambda metric=metric: make_label_sets(metric)  # type: ignore[misc]
        for metric in ("accuracy", "lrap", "f1", "hamming")
    },
    "label sets, drawn": lambda: make_label_sets("f1", max_eval_samples=20),
    **{
        f"regression {metric}": lambda metric=metric: make_regression(metric)  # type: ignore[misc]
        for metric in ("kendalltau", "mse", "mae")
    },
    "regression, drawn": lambda: make_regression("kendalltau", n_samples=30),
    **{
        f"similarity {metric}": lambda metric=metric: make_similarity(metric)  # type: ignore[misc]
        for metric in ("cosine_spearman", "manhattan_spearman", "spearman", "cosine_pearson")
    },
    **{
        f"pairs {metric}": lambda metric=metric: make_pair_labels(metric)  # type: ignore[misc]
        for metric in ("max_ap", "cosine_ap", "manhattan_ap", "max_accuracy", "euclidean_accuracy")
    },
    "pairs in one row": lambda: make_pair_labels("max_ap", single_row=True),
    "clustering": make_clustering,
    "clustering ami": lambda: make_clustering("ami", max_document_to_embed=50),
    "clustering, a fraction, one level": lambda: make_clustering(
        max_fraction_of_documents_to_embed=0.5, max_document_to_embed=None, max_depth=1
    ),
    "sets": make_sets,
    "translations f1": lambda: make_translations("f1"),
    "translations accuracy": lambda: make_translations("accuracy"),
    "summaries": lambda: make_summaries("cosine_spearman"),
    "summaries dot": lambda: make_summaries("dot_pearson"),
    "zero-shot": lambda: make_zero_shot("accuracy"),
    "zero-shot f1": lambda: make_zero_shot("f1"),
}


@cache
def score_made(name: str, prefix: str = "") -> tuple[CellScore, WordEmbed]:
    """A made-up task scored, and what was asked of the function that embedded it."""
    embed = WordEmbed(prefix)
    encoder = MtebEncoder(embed, "org/words", "r1", {"prefix": prefix})
    return score_cell(MADE_TASKS[name](), encoder, "test", "default"), embed
