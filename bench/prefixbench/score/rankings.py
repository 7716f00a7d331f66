"""Per-query scores of retrieval and reranking, with and without instructions."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from mteb._evaluators.retrieval_metrics import calculate_retrieval_scores, get_rank_from_dict, rank_score
from mteb.abstasks import AbsTaskRetrieval

from prefixbench.items.hits import MOST_HITS, Hits, collect_hits
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.score.data import read_column
from prefixbench.score.evaluated import Evaluated, make_table
from prefixbench.score.ids import group_sharers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Ranking = Mapping[str, float]
    Rankings = Mapping[str, Ranking]
    Qrels = Mapping[str, Mapping[str, int]]

MEASURES = {
    "ndcg": "ndcg_cut_{}",
    "map": "map_cut_{}",
    "recall": "recall_{}",
    "precision": "P_{}",
    "hit_rate": "success_{}",
}
"""mteb's metric to pytrec_eval's measure."""

OF_SUBQUERIES = "max_over_subqueries_"
"""How the name of a metric begins that takes the best of several sub-queries."""


def extract_rankings(evaluated: Evaluated) -> ItemTable:
    """One row a query: the main metric of that query, and the rank of its first relevant document.

    Metrics defined over sets of queries have one row a set: the worst instruction (``robustness_at_10``), both of a
    pair (``paired_accuracy``), original and changed instruction (``p-MRR``), the best of several sub-queries
    (``max_over_subqueries_…``).

    Queries that share a relevant document, or are turns of one dialogue, are one group, see `group_sharers`; a set of
    queries is its own.

    Raises:
        ScoreError: The main score has no per-query form.
    """
    if evaluated.main_score in PER_SET:
        values = PER_SET[evaluated.main_score](evaluated)
        return make_table(Statistic.MEAN, np.array(list(values), dtype=np.str_), list(values.values()))
    rankings = _drop_first(evaluated)
    if evaluated.main_score.startswith(OF_SUBQUERIES):
        return _extract_merged(evaluated, rankings)
    qrels = evaluated.captured.qrels
    query_ids = list(evaluated.captured.query_scores)
    ranks = [find_first_relevant(rankings[query_id], qrels[query_id]) for query_id in query_ids]
    values_of = _read_measure(evaluated, evaluated.main_score, evaluated.captured.query_scores, ranks)
    openings = _read_openings(evaluated)
    shared = [
        [name for name, grade in qrels[query_id].items() if grade > 0] + openings.get(query_id, [])
        for query_id in query_ids
    ]
    ids = np.array(query_ids, dtype=np.str_)
    alone = getattr(evaluated.task, "items_stand_alone", False)
    groups = ids if alone else group_sharers(query_ids, shared)
    return make_table(Statistic.MEAN, ids, values_of, group_id=groups, rank=ranks)


def extract_hits(evaluated: Evaluated) -> Hits | None:
    """The best documents of each item of a ranking, ties by descending document id as in its score.

    ``None`` for tasks of another kind, and where an item is a set of queries with a ranking each.
    """
    if not isinstance(evaluated.task, AbsTaskRetrieval) or evaluated.main_score in PER_SET:
        return None
    rankings = _drop_first(evaluated)
    if evaluated.main_score.startswith(OF_SUBQUERIES):
        rankings = _merge_subqueries(evaluated, rankings)[0]
    else:
        rankings = {query_id: rankings[query_id] for query_id in evaluated.captured.query_scores}
    return collect_hits({query_id: list_best(ranking) for query_id, ranking in rankings.items()})


def list_best(ranking: Ranking) -> list[str]:
    """The ids of the best documents of a ranking, best first."""
    names, scores = list(ranking), np.fromiter(ranking.values(), np.float64, len(ranking))
    if len(names) > MOST_HITS:  # those that tie with the last may be more than there is room for
        kept = np.flatnonzero(scores >= np.partition(scores, -MOST_HITS)[-MOST_HITS])
        names, scores = [names[place] for place in kept.tolist()], scores[kept]
    best = sorted(zip(scores.tolist(), names, strict=True), reverse=True)
    return [name for _, name in best[:MOST_HITS]]


def _read_openings(evaluated: Evaluated) -> dict[str, list[str]]:
    """The first turn of every query that is a conversation: each turn of a dialogue carries the turns before it."""
    queries = evaluated.data["queries"]
    texts = dict(zip(read_column(queries, "id"), read_column(queries, "text"), strict=True))
    return {name: [f"dialogue opened by {turns[0]}"] for name, turns in texts.items() if isinstance(turns, list)}


def _read_measure(
    evaluated: Evaluated, metric: str, query_scores: Mapping[str, Mapping[str, float]], ranks: Sequence[float]
) -> list[float]:
    name, _, cutoff = ("recall_at_1" if metric == "accuracy" else metric).rpartition("_at_")
    if not re.fullmatch(r"\d+", cutoff):
        raise evaluated.refuse()
    if name == "mrr":
        return [1.0 / rank if rank <= int(cutoff) else 0.0 for rank in ranks]
    if name not in MEASURES:
        raise evaluated.refuse()
    measure = MEASURES[name].format(cutoff)
    return [scores[measure] for scores in query_scores.values()]


def find_first_relevant(ranking: Ranking, relevance: Mapping[str, int]) -> float:
    """The 1-based rank of the best relevant document, ties by descending document id; ``inf`` where none is ranked."""
    found = [(ranking[name], name) for name, grade in relevance.items() if grade > 0 and name in ranking]
    if not found:
        return float("inf")
    score, own = max(found)
    scores = np.fromiter(ranking.values(), np.float64, len(ranking))
    rank = 1.0 + np.count_nonzero(scores > score)
    if np.count_nonzero(scores == score) > 1:
        rank += sum(1 for name, other in ranking.items() if other == score and name > own)
    return rank


def _drop_first(evaluated: Evaluated) -> Rankings:
    """The rankings that were scored: without each query's first result where the task skips it."""
    rankings = evaluated.captured.rankings
    if not getattr(evaluated.task, "skip_first_result", False):
        return rankings
    return {
        query_id: dict(sorted(ranking.items(), key=lambda pair: pair[1], reverse=True)[1:])
        for query_id, ranking in rankings.items()
    }


def _compute_robustness(evaluated: Evaluated) -> dict[str, float]:
    """The lowest nDCG@10 over the instructions of one query (InstructIR, arXiv 2402.14334)."""
    lowest: dict[str, float] = {}
    for query_id in evaluated.captured.qrels:
        name = query_id.split("_", maxsplit=1)[0]
        score = evaluated.captured.query_scores[query_id]["ndcg_cut_10"]
        lowest[name] = min(score, lowest.get(name, 1.0))
    return lowest


def _compute_paired_accuracy(evaluated: Evaluated) -> dict[str, float]:
    """1 where both queries of a pair have their document first (NevIR, arXiv 2305.07614)."""
    names = dict.fromkeys(query_id.split("_", maxsplit=1)[0] for query_id in evaluated.captured.qrels)
    scores = evaluated.captured.query_scores
    return {name: float(all(scores[f"{name}_{side}"]["recall_1"] == 1 for side in ("q1", "q2"))) for name in names}


def _compute_changes(evaluated: Evaluated) -> dict[str, float]:
    """The mean p-MRR of a query's documents that the changed instruction makes irrelevant (arXiv 2403.15246)."""
    rankings = evaluated.captured.rankings
    changes: dict[str, float] = {}
    for query_id, documents in evaluated.captured.changed_qrels.items():
        original, changed = rankings.get(f"{query_id}-og"), rankings.get(f"{query_id}-changed")
        if original is None or changed is None or not documents:
            continue
        moved = []
        for document in documents:
            before = get_rank_from_dict(dict(original), document)[0]
            after = get_rank_from_dict(dict(changed), document)[0]
            moved.append(rank_score({"og_rank": before, "new_rank": after}))
        changes[query_id] = float(np.mean(moved))
    return changes


def _merge_subqueries(evaluated: Evaluated, rankings: Rankings) -> tuple[dict[str, dict[str, float]], Qrels]:
    """One ranking a set of sub-queries, a document scored by the best of them; and what is relevant to the set."""
    qrels: dict[str, dict[str, int]] = {}
    merged: dict[str, dict[str, float]] = defaultdict(dict)
    for query_id, relevance in evaluated.captured.qrels.items():
        name = query_id.rpartition("_")[0]
        qrels[name] = dict(relevance)
        for document, score in rankings[query_id].items():
            merged[name][document] = max(score, merged[name].get(document, -np.inf))
    return merged, qrels


def _extract_merged(evaluated: Evaluated, rankings: Rankings) -> ItemTable:
    """One row a set of sub-queries."""
    merged, qrels = _merge_subqueries(evaluated, rankings)
    cutoffs = getattr(evaluated.task, "k_values", (1, 3, 5, 10, 20, 100, 1000))
    query_scores = calculate_retrieval_scores(merged, qrels, list(cutoffs)).all_scores
    ranks = [find_first_relevant(merged[name], qrels[name]) for name in query_scores]
    metric = evaluated.main_score.removeprefix(OF_SUBQUERIES)
    values = _read_measure(evaluated, metric, query_scores, ranks)
    return make_table(Statistic.MEAN, np.array(list(query_scores), dtype=np.str_), values, rank=ranks)


PER_SET: dict[str, Callable[[Evaluated], dict[str, float]]] = {
    "robustness_at_10": _compute_robustness,
    "paired_accuracy": _compute_paired_accuracy,
    "p-MRR": _compute_changes,
}
"""Metrics over sets of queries, a value a set."""
