"""With ``none``, MiniLM's main scores on MTEB's own data equal the leaderboard's."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASKS = ("STSBenchmark", "PawsXPairClassification:en", "XQuADRetrieval:en", "Tatoeba:deu-eng")

pytestmark = [pytest.mark.hub, pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]


def read_published() -> dict[tuple[str, str, str], float]:
    """Main scores (0–100) by task, split and subset."""
    path = Path(os.environ["PREFIXBENCH_HUB_STANDIN"]) / "published_scores.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["task"], row["split"], row["subset"]): float(row["score"])
            for row in csv.DictReader(file)
            if row["model"] == MODEL and row["metric"] == "main_score" and row["revision"] != "external"
        }


def test_how_batches_are_cut_does_not_break_ties(hub_endpoint: str, tmp_path: Path) -> None:
    """MBPP holds functions of which a model without letter case reads the same tokens."""
    del hub_endpoint
    encoder = {"batch_tokens": 4096, "engine": "torch"}
    overrides = Overrides(models=(MODEL,), tasks=("MBPPRetrieval",), conditions=("none",), encoder=encoder)
    spec = load_sweep(None, None, overrides)
    assert run_sweep(spec, SweepOptions(tmp_path / "run", tmp_path / "cache", workers=1), Progress()) == 0
    (row,) = load_run(tmp_path / "run").results
    assert 100 * row.score == pytest.approx(read_published()["MBPPRetrieval", row.hf_split, row.hf_subset], abs=1e-9)


def test_none_gives_the_published_scores(hub_endpoint: str, tmp_path: Path) -> None:
    del hub_endpoint
    spec = load_sweep(None, None, Overrides(models=(MODEL,), tasks=TASKS, conditions=("none",)))
    assert run_sweep(spec, SweepOptions(tmp_path / "run", tmp_path / "cache", workers=1), Progress()) == 0
    published = read_published()
    compared = {}
    for row in load_run(tmp_path / "run").results:
        place = (row.task, row.hf_split, row.hf_subset)
        if place in published:
            compared[row.task] = (100 * row.score, published[place])
    assert compared.keys() == {task.partition(":")[0] for task in TASKS}
    for task, (ours, theirs) in compared.items():
        assert ours == pytest.approx(theirs, abs=0.01), task
