"""Fewer items, for a quick look: the same ones in every condition and every run."""

from __future__ import annotations

import copy
import hashlib
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import (
    AbsTaskClustering,
    AbsTaskClusteringLegacy,
    AbsTaskMultilabelClassification,
    AbsTaskRetrieval,
)
from mteb.abstasks.retrieval import _filter_queries_without_positives

from prefixbench.errors import ScoreError
from prefixbench.score.data import Task, fresh_task, read_column, read_in_blocks, unpack_single_row
from prefixbench.score.sampling import count_embedded, select_evaluated_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mteb.abstasks import AbsTask


def limit_task(task: Task, limit: int, seed: int) -> Task:
    """A copy of a task with at most ``limit`` items in each evaluation split.

    Which items stay is decided by a hash of seed and place, so it depends on nothing else. Queries keep the whole
    corpus (in reranking, their candidates), and test samples the whole training split: an item that stays scores
    as it would in the whole task. Bitext mining and clustering are the exceptions, there the other items are the
    task: sentences are matched among those that stay, and ``limit`` documents are clustered (each set of an old
    clustering task is cut to ``limit`` documents).

    Raises:
        ScoreError: The data have a form that cannot be cut.
    """
    clone = fresh_task(task)
    assert clone.dataset is not None
    if isinstance(clone, AbsTaskRetrieval):
        for splits in clone.dataset.values():
            for data in splits.values():
                _limit_queries(clone, data, limit, seed)
        return clone
    evaluated = set(clone.eval_splits)
    if any(split in clone.dataset for split in evaluated):
        vars(clone)["dataset"] = _limit_splits(clone, clone.dataset, evaluated, limit, seed)
    else:
        vars(clone)["dataset"] = {
            subset: _limit_splits(clone, splits, evaluated, limit, seed) for subset, splits in clone.dataset.items()
        }
    if isinstance(clone, AbsTaskClustering):
        clone.max_fraction_of_documents_to_embed = clone.max_document_to_embed = None
    return clone


def choose_places(keys: Sequence[str], limit: int, seed: int) -> list[int]:
    """Places of the ``limit`` keys whose seeded hashes are smallest, in their own order."""
    if len(keys) <= limit:
        return list(range(len(keys)))
    hashes = [hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest() for key in keys]
    return sorted(sorted(range(len(keys)), key=hashes.__getitem__)[:limit])


def _limit_splits(task: AbsTask, splits: Any, evaluated: set[str], limit: int, seed: int) -> Any:  # noqa: ANN401
    limited = {
        name: _limit_rows(task, data, limit, seed) if name in evaluated else data for name, data in splits.items()
    }
    return DatasetDict(limited) if isinstance(splits, DatasetDict) else limited


def _limit_rows(task: AbsTask, data: Any, limit: int, seed: int) -> Dataset:  # noqa: ANN401 - Dataset or dictionary
    if isinstance(task, AbsTaskClusteringLegacy):
        return _limit_sets(task, data, limit, seed)
    unpacked = unpack_single_row(data)
    if not isinstance(unpacked, Dataset):
        if not isinstance(data, Dataset):
            raise ScoreError(f"task {task.metadata.name!r} keeps its data in a form that cannot be limited.")
        unpacked = Dataset.from_dict(unpacked)
    rows = np.arange(len(unpacked))
    if isinstance(task, AbsTaskMultilabelClassification):
        rows = np.sort(select_evaluated_rows(task, unpacked))
    if isinstance(task, AbsTaskClustering):
        limit = min(limit, count_embedded(task, len(unpacked)) or limit)
    return unpacked.select(rows[choose_places([str(row) for row in rows], limit, seed)])


def _limit_sets(task: AbsTaskClusteringLegacy, data: Dataset, limit: int, seed: int) -> Dataset:
    columns: dict[str, list[Any]] = {name: [] for name in (task.input_column_name, task.label_column_name)}
    chosen = choose_places([str(row) for row in range(len(data))], limit, seed)
    for row in chosen:
        places = choose_places([str(place) for place in range(len(data[row][task.label_column_name]))], limit, seed)
        for name, cut in columns.items():
            cut.append([data[row][name][place] for place in places])
    return Dataset.from_dict(columns)


def _limit_queries(task: AbsTaskRetrieval, data: Any, limit: int, seed: int) -> None:  # noqa: ANN401 - mteb's dictionary
    relevant, queries = _filter_queries_without_positives(data["relevant_docs"], data["queries"])
    ids = read_column(queries, "id")
    sets = list(dict.fromkeys(name_query_set(task.metadata.main_score, query_id) for query_id in ids))
    kept_sets = {sets[place] for place in choose_places(sets, limit, seed)}
    kept = [
        place for place, query_id in enumerate(ids) if name_query_set(task.metadata.main_score, query_id) in kept_sets
    ]
    kept_ids = {ids[place] for place in kept}
    data["queries"] = queries.select(kept)
    data["relevant_docs"] = {query_id: grades for query_id, grades in relevant.items() if query_id in kept_ids}
    if data["top_ranked"] is None:
        return
    data["top_ranked"] = {name: copy.copy(ranked) for name, ranked in data["top_ranked"].items() if name in kept_ids}
    candidates = {document for ranked in data["top_ranked"].values() for document in ranked}
    corpus_ids = itertools.chain.from_iterable(read_in_blocks(data["corpus"], "id"))
    data["corpus"] = data["corpus"].select([row for row, name in enumerate(corpus_ids) if name in candidates])


def name_query_set(main_score: str, query_id: str) -> str:
    """The item a query belongs to: itself, or the set of queries that the metric is defined over."""
    if main_score == "p-MRR":
        return query_id.removesuffix("-og").removesuffix("-changed")
    if main_score in {"robustness_at_10", "paired_accuracy"}:
        return query_id.split("_", maxsplit=1)[0]
    if main_score.startswith("max_over_subqueries_"):
        return query_id.rpartition("_")[0]
    return query_id
