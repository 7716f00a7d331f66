"""A sweep on a cluster writes the rows that a sweep in one process writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep

pytest.importorskip("ray")

from prefixbench.run.cluster import ClusterSettings

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


def read_rows(folder: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Everything of each row that does not tell when and how long."""
    rows = {}
    for row in load_run(folder).live:
        content = row.model_dump(mode="json", exclude={"cost", "provenance"})
        rows[row.task, row.hf_subset, *row.conditions] = content
    return rows


def write_data(folder: Path) -> list[Path]:
    """Questions with their answers, and scored pairs."""
    questions, pairs = folder / "questions.jsonl", folder / "pairs.jsonl"
    rows = [{"query": f"what follows {n}?", "passage": f"{n + 1} comes after {n}."} for n in range(12)]
    scored = [{"sentence1": f"{n} apples", "sentence2": f"{n % 5} pears", "score": n % 5} for n in range(12)]
    for path, content in ((questions, rows), (pairs, scored)):
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
    return [questions, pairs]


def test_a_sweep_on_a_cluster_writes_the_rows_of_one_process(tmp_path: Path) -> None:
    spec = load_sweep(
        None,
        None,
        Overrides(
            models=("sentence-transformers/all-MiniLM-L6-v2",),
            data=tuple({"path": str(path), "columns": {}, "type": None} for path in write_data(tmp_path)),
            conditions=("none", "correct", "foreign"),
            encoder={"device": "cpu", "engine": "torch"},
        ),
    )
    assert run_sweep(spec, SweepOptions(tmp_path / "one", tmp_path / "cache-one", workers=0), Progress()) == 0
    cluster = ClusterSettings(tmp_path / "cache-many", encoders=1, scorers=1)
    options = SweepOptions(tmp_path / "many", cluster.cache, cluster=cluster)
    assert run_sweep(spec, options, Progress()) == 0
    one, many = read_rows(tmp_path / "one"), read_rows(tmp_path / "many")
    assert len(one) == 4
    assert many == one
    assert run_sweep(spec, options, Progress()) == 0
    assert read_rows(tmp_path / "many") == one
