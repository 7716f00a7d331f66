"""Own data as mteb's own task objects."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from datasets import ClassLabel, Dataset, DatasetDict
from mteb.abstasks import (
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskMultilabelClassification,
    AbsTaskPairClassification,
    AbsTaskRetrieval,
    AbsTaskSTS,
)
from mteb.abstasks.task_metadata import TaskMetadata

from prefixbench.data.facts import MAIN_SCORES
from prefixbench.data.prepare import Prepared, read_column

if TYPE_CHECKING:
    import mteb

    from prefixbench.spec.tasks import TaskFacts

SPLIT = "test"

CLASSES: dict[str, type[mteb.AbsTask]] = {
    "Retrieval": AbsTaskRetrieval,
    "Reranking": AbsTaskRetrieval,
    "STS": AbsTaskSTS,
    "PairClassification": AbsTaskPairClassification,
    "BitextMining": AbsTaskBitextMining,
    "Clustering": AbsTaskClustering,
    "Classification": AbsTaskClassification,
    "MultilabelClassification": AbsTaskMultilabelClassification,
}


def make_task(facts: TaskFacts, prepared: Prepared) -> mteb.AbsTask:
    """Return a fresh task object over tables that stay on disk."""
    base = CLASSES[facts.task_type]
    members: dict[str, Any] = {"metadata": _describe(facts)}
    if facts.task_type == "Clustering":
        members |= {"max_fraction_of_documents_to_embed": None}
    if facts.task_type == "STS":
        scores = read_column(prepared.folder, SPLIT, "score")
        members |= {"min_score": min(scores), "max_score": max(scores)}
    task: mteb.AbsTask = type(facts.name, (base,), members)()
    fill = _fill_retrieval if base is AbsTaskRetrieval else _fill_rows
    vars(task).update(dataset=fill(facts, prepared), data_loaded=True)
    return task


def _describe(facts: TaskFacts) -> TaskMetadata:
    assert facts.data is not None
    return TaskMetadata.model_validate(
        {
            "name": facts.name,
            "description": "Own data.",
            "type": facts.task_type,
            "category": "t2t",
            "dataset": {"path": facts.name, "revision": facts.dataset_revision},
            "eval_splits": [SPLIT],
            "eval_langs": list(facts.data.languages),
            "main_score": MAIN_SCORES[facts.task_type],
        }
    )


def _map(prepared: Prepared, name: str) -> Dataset:
    return Dataset.from_file(str(prepared.folder / f"{name}.arrow"))


def _fill_rows(facts: TaskFacts, prepared: Prepared) -> DatasetDict:
    tables = {name: _map(prepared, name) for name in prepared.rows}
    if facts.task_type == "Classification":
        codes = {label: code for code, label in enumerate(sorted(set(read_column(prepared.folder, SPLIT, "label"))))}
        for name, table in tables.items():
            codes |= {label: len(codes) for label in sorted(set(table["label"]) - codes.keys())}
            coded = [codes[label] for label in table["label"]]
            tables[name] = table.remove_columns("label").add_column("label", coded)
        named = ClassLabel(names=list(codes))
        tables = {name: table.cast_column("label", named) for name, table in tables.items()}
    return DatasetDict(tables)


def _fill_retrieval(facts: TaskFacts, prepared: Prepared) -> dict[str, Any]:
    corpus = _map(prepared, "corpus")
    if not prepared.extra.get("has_titles", True):
        corpus = corpus.remove_columns("title")
    relevant: dict[str, dict[str, int]] = defaultdict(dict)
    columns = (read_column(prepared.folder, "qrels", name) for name in ("query", "document", "score"))
    for query, document, score in zip(*columns, strict=True):
        relevant[query][document] = score
    split = {
        "queries": _map(prepared, "queries"),
        "corpus": corpus,
        "relevant_docs": dict(relevant),
        "top_ranked": None
        if facts.task_type == "Retrieval"
        else {name: list(found) for name, found in relevant.items()},
    }
    return {"default": {SPLIT: split}}
