"""Real MTEB data, from a stand-in of the hub: our scores, items and texts against mteb's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

REAL_TASKS = {
    "Banking77Classification": ("default", 3080),
    "PoemSentimentClassification": ("default", 105),
    "STSBenchmark": ("default", 1379),
    "STS16": ("default", 1186),
    "PawsXPairClassification": ("en", 2000),
    "SciFact": ("default", 300),
    "XQuADRetrieval": ("en", 1185),
    "MBPPRetrieval": ("default", 974),
    "LIMITSmallRetrieval": ("default", 1000),
    "SIB200ClusteringS2S": ("eng_Latn", 10),
    "Tatoeba": ("sqi-eng", 1000),
}
"""Task: one of its subsets, and how many items it has."""

pytestmark = [pytest.mark.hub, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def described(hub_endpoint: str) -> dict[str, dict[str, Any]]:
    arguments = [f"{name}:{hf_subset}" for name, (hf_subset, _) in REAL_TASKS.items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.score_real", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HF_ENDPOINT": hub_endpoint, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {described["task"]: described for described in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", REAL_TASKS)
def test_a_real_task_scores_as_in_mteb_and_is_rebuilt_from_its_items(
    name: str, described: dict[str, dict[str, Any]]
) -> None:
    seen, n_items = described[name], REAL_TASKS[name][1]
    assert seen["n_items"] == n_items
    assert seen["items_with_texts"] == (0 if name == "SIB200ClusteringS2S" else n_items)
    assert seen["rebuilt"] == pytest.approx(
        seen["score"], abs=5.1e-6 if "Retrieval" in name or name == "SciFact" else 1e-6
    )
    is_ranking = "Retrieval" in name or name == "SciFact"
    assert seen["hits"] == (f"{n_items} of {n_items}" if is_ranking else None)
    assert seen["n_scores"] > 3
    assert seen["largest_difference"] <= 1e-9
    assert seen["texts_foreseen"]
