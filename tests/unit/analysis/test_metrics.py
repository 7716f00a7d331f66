"""Another metric than the main score, from the items of the committed runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pytest
from prefixbench.analysis.blocks import Block
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import resample_block
from prefixbench.errors import AnalysisError
from prefixbench.results import load_run

RESULTS = Path(__file__).parents[3] / "results"


@lru_cache(maxsize=8)
def load_block(folder: str, task: str) -> Block:
    run = load_run(RESULTS / folder)
    place, cells = next((place, cells) for place, cells in group_by_place(run).items() if place.task == task)
    return pair_cells(run, place, cells)


@pytest.mark.parametrize(
    ("folder", "task", "metric"),
    [
        ("starter", "StarterDocRetrieval", "mrr_at_10"),
        ("starter", "StarterDocRetrieval", "hit_rate_at_3"),
        ("starter", "StarterReranking", "mrr_at_1000"),
        ("validity", "STSBenchmark", "cosine_pearson"),
        ("validity", "Tatoeba", "accuracy"),
    ],
)
def test_the_items_give_what_mteb_recorded(folder: str, task: str, metric: str) -> None:
    block = choose_metric(load_block(folder, task), metric)
    assert block.metric == metric
    resampled = resample_block(block, 19, 0)
    assert list(resampled.score) == pytest.approx([cell.scores[metric] for cell in block.cells], abs=2e-5)
    assert resampled.contribution.mean(axis=(1, 2)) == pytest.approx(resampled.score)


@pytest.mark.parametrize("metric", [None, "ndcg_at_10"])
def test_the_main_score_is_what_is_compared_unless_asked_otherwise(metric: str | None) -> None:
    block = load_block("starter", "StarterDocRetrieval")
    assert choose_metric(block, metric) is block


def test_a_metric_that_items_do_not_hold_is_refused_and_the_valid_ones_are_named() -> None:
    with pytest.raises(AnalysisError) as refused:
        choose_metric(load_block("validity", "STSBenchmark"), "recall_at_10")
    assert str(refused.value) == (
        "recall_at_10 has no per-item scores here; cosine_spearman, the main score, can be compared; "
        "so can cosine_pearson."
    )
    with pytest.raises(AnalysisError, match=r"hit_rate_at_1, hit_rate_at_3, .*mrr_at_100, mrr_at_1000\.$"):
        choose_metric(load_block("starter", "StarterDocRetrieval"), "recall_at_10")


def test_what_the_items_rebuild_otherwise_than_mteb_is_not_offered() -> None:
    # The best accuracy may be another similarity's than the best average precision.
    block = load_block("starter", "StarterPairClassification")
    changed = [cell.model_copy(update={"scores": {**cell.scores, "max_accuracy": 0.123}}) for cell in block.cells]
    with pytest.raises(AnalysisError, match=r"^max_accuracy has no per-item scores here; max_ap, the main score, can"):
        choose_metric(Block(**{**vars(block), "cells": tuple(changed)}), "max_accuracy")
