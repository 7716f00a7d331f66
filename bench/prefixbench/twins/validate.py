"""What a twin's prefix is worth on training packages kept out of training; recipes are chosen by this alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, v_measure_score

from prefixbench.starter.corpus import hash_share
from prefixbench.starter.documentation import DocumentedFunction
from prefixbench.starter.recipe import load_recipe
from prefixbench.starter.selection import (
    LabelledRows,
    RetrievalRows,
    keep_large_subpackages,
    label_rows,
    select_doc_retrieval,
    select_pairs,
)
from prefixbench.twins.config import TaskPrefixes, TwinConfig

Encode = Callable[[Sequence[str], str], NDArray[np.float32]]
"""Texts and the prefix they are sent with, to unit vectors of shape ``(n_texts, dim)``."""

BARE = TaskPrefixes(anchor="", other="")
FEWEST_LABELLED, LABELLED, ASKED, PAIRS, DRAWS = 40, 600, 300, 300, 10


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """One task under one condition, in points (0–100)."""

    task: str
    condition: str
    score: float


def score_search(rows: RetrievalRows, encode: Encode, pair: TaskPrefixes) -> float:
    """Mean nDCG@10 with one relevant document a query: 1 / log2(rank + 1), 0 past 10 (Järvelin & Kekäläinen 2002)."""
    names = list(rows.documents)
    queries = encode(list(rows.queries.values()), pair.anchor)
    documents = encode(list(rows.documents.values()), pair.other)
    similarity = queries @ documents.T
    own = similarity[np.arange(len(queries)), [names.index(query) for query in rows.queries]]
    ranks = 1 + (similarity > own[:, None]).sum(axis=1)
    return float(np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0).mean())


def score_clustering(rows: LabelledRows, encode: Encode, pair: TaskPrefixes) -> float:
    """Mean v-measure of k-means with as many clusters as labels, over seeded starts."""
    vectors = encode(rows.texts, pair.anchor)
    n_labels = len(set(rows.labels))
    found = [KMeans(n_labels, n_init=1, random_state=seed).fit_predict(vectors) for seed in range(DRAWS)]
    return float(np.mean([v_measure_score(rows.labels, assigned) for assigned in found]))


def score_classification(rows: LabelledRows, encode: Encode, pair: TaskPrefixes) -> float:
    """Mean accuracy of logistic regression on eight texts a label, over seeded draws."""
    vectors, labels = encode(rows.texts, pair.anchor), np.array(rows.labels)
    scores = []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(len(labels))
        train = np.concatenate([order[labels[order] == label][:8] for label in np.unique(labels)])
        test = np.setdiff1d(order, train)
        classifier = LogisticRegression(max_iter=100).fit(vectors[train], labels[train])
        scores.append(classifier.score(vectors[test], labels[test]))
    return float(np.mean(scores))


def score_similarity(
    texts: Sequence[tuple[str, str]], linked: Sequence[int], encode: Encode, pair: TaskPrefixes
) -> float:
    """Average precision of See Also pairs among unlinked pairs of the same module, by cosine."""
    first, second = (encode(list(side), pair.anchor) for side in zip(*texts, strict=True))
    return float(average_precision_score(linked, (first * second).sum(axis=1)))


def validate_twin(functions: Sequence[DocumentedFunction], encode: Encode, config: TwinConfig) -> list[ValidationScore]:
    """Score each task with no prefix, its own, and another task's: clustering's for search, search's for the rest.

    Args:
        functions: Of the validation packages, deduplicated.
        encode: The twin.
        config: Its prefixes.
    """
    recipe = load_recipe()
    few = recipe.doc_retrieval.model_copy(update={"queries": ASKED, "documents": ASKED})
    retrieval = select_doc_retrieval(functions, recipe.model_copy(update={"doc_retrieval": few}))
    pairs = select_pairs(functions, PAIRS)
    eligible = keep_large_subpackages(functions, FEWEST_LABELLED)
    labelled = label_rows(sorted(eligible, key=lambda one: hash_share(one.qualified_name, "validation"))[:LABELLED])
    scorers: dict[str, Callable[[TaskPrefixes], float]] = {
        "search": lambda pair: score_search(retrieval, encode, pair),
        "clustering": lambda pair: score_clustering(labelled, encode, pair),
        "classification": lambda pair: score_classification(labelled, encode, pair),
        "similarity": lambda pair: score_similarity(pairs.texts, pairs.linked, encode, pair),
    }
    found = []
    for task in (one for one in config.prefixes if one in scorers):
        wrong = config.prefixes.get("clustering" if task == "search" else "search", BARE)
        conditions = {"none": BARE, "correct": config.prefixes[task], "wrong": wrong}
        found += [ValidationScore(task, name, 100 * scorers[task](pair)) for name, pair in conditions.items()]
    return found
