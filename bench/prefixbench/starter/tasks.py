"""The starter tasks as mteb's own task objects."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mteb
from datasets import Dataset, DatasetDict
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.pair_classification import AbsTaskPairClassification
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.task_metadata import TaskMetadata

from prefixbench.starter.corpus import load_corpus, read_cached, starter_cache_folder, write_cached
from prefixbench.starter.facts import STARTER_TASKS, StarterTask
from prefixbench.starter.recipe import load_recipe, recipe_digest
from prefixbench.starter.selection import (
    select_classification,
    select_clustering,
    select_code_retrieval,
    select_doc_retrieval,
    select_pairs,
    select_reranking,
)

SPLIT = "test"


def build_rows(cache: Path | None = None) -> dict[str, Any]:
    """Every task's rows, from the cache where the same packages were read with the same recipe before.

    Args:
        cache: Folder of the extraction cache; the user's own where absent.

    Returns:
        By task name: rows as plain dictionaries of lists, strings and numbers.
    """
    path = (cache or starter_cache_folder()) / f"tasks-{recipe_digest()}.json.gz"
    rows = read_cached(path)
    if not isinstance(rows, dict):
        rows = make_rows(cache)
        write_cached(path, rows)
    return rows


def make_rows(cache: Path | None = None) -> dict[str, Any]:
    """The same, made anew."""
    recipe = load_recipe()
    corpus = load_corpus(recipe, cache)
    train, test = select_classification(corpus, recipe)
    rows = {
        "StarterDocRetrieval": asdict(select_doc_retrieval(corpus, recipe)),
        "StarterCodeRetrieval": asdict(select_code_retrieval(corpus, recipe)),
        "StarterReranking": asdict(select_reranking(corpus, recipe.reranking)),
        "StarterPairClassification": asdict(select_pairs(corpus, recipe.pair_classification.pairs)),
        "StarterClassification": {"train": asdict(train), "test": asdict(test)},
        "StarterClustering": asdict(select_clustering(corpus, recipe)),
    }
    return dict(json.loads(json.dumps(rows)))


def hash_rows(rows: object) -> str:
    """sha256 over a task's rows: the content hash of its data."""
    return hashlib.sha256(json.dumps(rows, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def fill_retrieval(rows: dict[str, Any]) -> dict[str, Any]:
    """Fill in what mteb's retrieval reads: queries, corpus, relevance and, for reranking, candidates."""

    def column(texts: dict[str, str]) -> Dataset:
        return Dataset.from_dict({"id": list(texts), "text": list(texts.values())})

    split = {
        "queries": column(rows["queries"]),
        "corpus": column(rows["documents"]),
        "relevant_docs": {query: dict.fromkeys(found, 1) for query, found in rows["relevant"].items()},
        "top_ranked": {query: list(found) for query, found in rows["candidates"].items()} or None,
    }
    return {"default": {SPLIT: split}}


def fill_pairs(rows: dict[str, Any]) -> DatasetDict:
    """Fill in what mteb's pair classification reads."""
    first, second = zip(*rows["texts"], strict=True)
    columns = {"sentence1": list(first), "sentence2": list(second), "labels": rows["linked"]}
    return DatasetDict({SPLIT: Dataset.from_dict(columns)})


def fill_classification(rows: dict[str, Any]) -> DatasetDict:
    """Fill in what mteb's classification reads; labels are numbered in alphabetical order."""
    codes = {label: code for code, label in enumerate(sorted(set(rows["train"]["labels"])))}
    return DatasetDict(
        {
            split: Dataset.from_dict({"text": part["texts"], "label": [codes[label] for label in part["labels"]]})
            for split, part in rows.items()
        }
    )


def fill_clustering(rows: dict[str, Any]) -> DatasetDict:
    """Fill in what mteb's clustering reads."""
    return DatasetDict({SPLIT: Dataset.from_dict({"sentences": rows["texts"], "labels": rows["labels"]})})


BUILDERS: dict[str, tuple[type[mteb.AbsTask], Callable[[dict[str, Any]], Any]]] = {
    "Retrieval": (AbsTaskRetrieval, fill_retrieval),
    "Reranking": (AbsTaskRetrieval, fill_retrieval),
    "PairClassification": (AbsTaskPairClassification, fill_pairs),
    "Classification": (AbsTaskClassification, fill_classification),
    "Clustering": (AbsTaskClustering, fill_clustering),
}


def describe_metadata(task: StarterTask) -> TaskMetadata:
    """State a starter task's facts as mteb does."""
    return TaskMetadata.model_validate(
        {
            "name": task.name,
            "description": task.description,
            "type": task.task_type,
            "category": "t2t",
            "dataset": {"path": f"prefixbench/{task.name}", "revision": recipe_digest()},
            "eval_splits": [SPLIT],
            "eval_langs": ["eng-Latn"],
            "main_score": task.main_score,
            "domains": ["Programming", "Written"],
            "task_subtypes": list(task.subtypes),
            "license": load_recipe().test[0].license,
            "annotations_creators": "derived",
            "sample_creation": "found",
            "dialect": [],
            "bibtex_citation": "",
        }
    )


def define_task(task: StarterTask, cache: Path | None) -> type[mteb.AbsTask]:
    """A task class of mteb's own kind whose ``load_data`` reads installed packages instead of a hub."""
    base, fill = BUILDERS[task.task_type]

    def load_data(self: mteb.AbsTask, **_: object) -> None:
        if not self.data_loaded:
            rows = build_rows(cache)[task.name]
            vars(self).update(dataset=fill(rows), dataset_sha256=hash_rows(rows), data_loaded=True)

    members: dict[str, Any] = {"metadata": describe_metadata(task), "load_data": load_data, "__doc__": task.description}
    if task.task_type == "Clustering":
        size = load_recipe().clustering
        members |= {
            "max_fraction_of_documents_to_embed": None,
            "n_clusters": size.draws,
            "max_documents_per_cluster": size.texts,
        }
    return type(task.name, (base,), members)


@functools.cache
def task_classes(cache: Path | None = None) -> dict[str, type[mteb.AbsTask]]:
    """Every starter task's class, by name."""
    return {task.name: define_task(task, cache) for task in STARTER_TASKS}
