"""Scores real tasks in a process of its own, since the hub's address is read when its library is imported.

Prints one JSON line a task: ``python -m tests.score_real STS16:default …``.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from typing import Any

import datasets
import mteb
import numpy as np
from prefixbench.items.hits import Hits
from prefixbench.items.statistics import compute_statistic
from prefixbench.score import MtebEncoder, item_texts, list_texts, score_cell

from tests.score_fakes import WordEmbed, evaluate_plainly, make_encoder


def describe_task(name: str, hf_subset: str) -> dict[str, Any]:
    """How one task was scored by us and by mteb, and which texts were asked for and foreseen."""
    task = mteb.get_task(name, hf_subsets=[hf_subset])
    task.load_data()
    if name == "Banking77Classification":
        vars(task)["n_experiments"] = 1  # ten take mteb a minute
    hf_split = task.eval_splits[0]
    embed = WordEmbed()
    cell = score_cell(task, MtebEncoder(embed, "org/words"), hf_split, hf_subset)
    asked = Counter((role, text) for role, texts, _ in embed.asked for text in texts)
    parts = list_texts(task, hf_split, hf_subset).parts
    foreseen = Counter((part.role, text) for part in parts for text in part.texts)
    reference, predictions = evaluate_plainly(task, make_encoder(), hf_split, hf_subset)
    scalars = {name: value for name, value in reference.items() if isinstance(value, float) and np.isfinite(value)}
    return {
        "task": name,
        "n_items": cell.items.n_items,
        "rebuilt": compute_statistic(cell.items),
        "score": cell.score,
        "largest_difference": max(abs(cell.scores[name] - value) for name, value in scalars.items()),
        "n_scores": len(scalars),
        "hits": None if cell.hits is None else _compare_hits(cell.hits, predictions[hf_subset][hf_split]),
        "texts_foreseen": foreseen == asked,
        "items_with_texts": len(set(cell.items.item_id.tolist()) & set(item_texts(task, hf_split, hf_subset))),
    }


def _compare_hits(hits: Hits, rankings: dict[str, dict[str, float]]) -> str:
    """How many of the queries have the hundred best documents of the ranking that mteb saved, in its order."""
    same = 0
    for query, row in zip(hits.item_id.tolist(), hits.document, strict=True):
        scores = rankings[query]
        best = sorted(scores, key=lambda name: (scores[name], name), reverse=True)[:100]
        same += [hits.names[code] for code in row if code >= 0] == best
    return f"{same} of {len(hits.item_id)}"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    for argument in sys.argv[1:]:
        print(json.dumps(describe_task(*argument.split(":"))), flush=True)  # noqa: T201 - the parent reads it
