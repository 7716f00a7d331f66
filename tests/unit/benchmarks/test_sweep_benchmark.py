"""The comparison with the plain loop: without a GPU, cut and gone on with, watched from outside, and its table."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import benchmarks.sweep.compare as compare_module
import benchmarks.sweep.table as table_module
from benchmarks.scaling.measure import count_flops
from benchmarks.sweep import gpu
from benchmarks.sweep.compare import Bench, compare
from benchmarks.sweep.table import largest_difference, render_table
from benchmarks.sweep.watch import watch
from benchmarks.sweep.workload import name_conditions, write_prefixes

RUN_SECONDS = {"plain-one": 8.0, "ours-one": 2.0}


def fake_run(seconds: float, scores: dict[str, float]) -> dict[str, Any]:
    """What a measured run looks like."""
    usage = {"wall_seconds": seconds, "cpu_seconds": 2 * seconds, "peak_pss_bytes": 2**20, "other_cores": 0.0}
    usage["embedding_seconds"] = seconds / 2
    return {**usage, "texts_embedded": 7, "scores": scores, "seconds": dict.fromkeys(scores, 1.0)}


def test_without_a_gpu_one_sentence_is_said_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    gpu.main(["--output", str(tmp_path / "figures")])
    assert capsys.readouterr().out == "torch sees no CUDA device on this machine, so nothing was measured.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_comparison_that_was_cut_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def run(name: str, seconds: float) -> Any:
        def measure(_: Bench) -> dict[str, Any]:
            measured.append(name)
            return fake_run(seconds, {"T:default:test:none": 0.5 + seconds / 1e6})

        return measure

    runs = {"plain-one": run("plain-one", 8.0), "ours-one": run("ours-one", 2.0)}
    monkeypatch.setattr(compare_module, "RUNS", runs)
    bench = Bench("T", tmp_path / "work")
    compare(bench, ["plain-one"], tmp_path, again=False, patience=0.0)
    table = compare(bench, ["plain-one", "ours-one"], tmp_path, again=False, patience=0.0)
    assert measured == ["plain-one", "ours-one"]
    assert table == (tmp_path / "figures.md").read_text()
    assert "| one condition: prefixbench | 2.0 | 4.0 | 4.0 | 4.0 | 1 | 7 | 0.00060 | 0.00 |" in table


def test_a_run_without_its_plain_loop_claims_no_ratio() -> None:
    run = {**fake_run(2.0, {}), "provenance": {"cpu": "a processor", "packages": {"mteb": "2"}}}
    table = render_table({"tasks": "T", "runs": {"ours-eight": run}})
    row = "| eight conditions: prefixbench | 2.0 | not measured | 4.0 | not measured | 1 | 7 | not measured | 0.00 |"
    assert row in table


def test_the_table_says_what_the_processor_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = {"cpu": "a processor", "packages": {}}
    point = {"what": "conditions", "flops": 80.0, "cpu_seconds": 2.0}
    scaling = {"peak_flops_per_second": 50.0, "provenance": machine, "points": [point]}
    monkeypatch.setattr(table_module, "SCALING", tmp_path / "figures.json")
    table_module.SCALING.write_text(json.dumps(scaling))
    runs = {name: {**fake_run(seconds, {"a": 0.5}), "provenance": machine} for name, seconds in RUN_SECONDS.items()}
    table = render_table({"tasks": "T", "runs": runs})
    assert "runs at 80% of the processor's best" in table
    assert (
        "1.0 s of the 2.0 s of one, so that at the full rate and with all else for nothing it could be 10.0 times"
        in table
    )
    elsewhere = {name: {**run, "provenance": {**machine, "cpu": "another"}} for name, run in runs.items()}
    assert "of the processor's best" not in render_table({"tasks": "T", "runs": elsewhere})


def test_runs_of_different_cells_are_not_compared() -> None:
    with pytest.raises(ValueError, match=r"cells of one run only: \['b'\]"):
        largest_difference({"a": 0.1}, {"a": 0.1, "b": 0.2})


def test_a_process_is_watched_with_its_children() -> None:
    child = "import time; kept = b'1' * (80 << 20); time.sleep(2.5)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    usage = watch([sys.executable, "-c", script], {})
    assert usage.peak_rss_bytes > 80 << 20
    assert 0 < usage.cpu_seconds <= usage.wall_seconds * (os.cpu_count() or 1) + 0.1
    with pytest.raises(SystemExit, match="ended with 3"):
        watch([sys.executable, "-c", "raise SystemExit(3)"], {})


def test_eight_conditions_are_named_as_rows_name_them() -> None:
    names = name_conditions(all_eight=True)
    assert len(names) == 8
    assert len(write_prefixes(names)) == 7
    assert write_prefixes(name_conditions(all_eight=False)) == ()


def test_operations_of_a_layer() -> None:
    assert count_flops(1, 2, [3]) == 3 * (24 * 4 + 4 * 3 * 2)
    assert count_flops(2, 2, [3, 3]) == 4 * count_flops(1, 2, [3])
