"""Killed anywhere, a sweep goes on where it was and ends as if it had never been cut."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prefixbench.results import load_run

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("Retrieval", "STS", "PairClassification")
ARGUMENTS = [
    *("--models", "sentence-transformers/all-MiniLM-L6-v2"),
    *(
        "--tasks",
        ",".join(f"mteb.mocks.mock_tasks.Mock{name}Task" for name in ("Retrieval", "STS", "PairClassification")),
    ),
    *("--conditions", "none,foreign,instruction"),
    *("--workers", "1", "--engine", "torch"),  # none is converted and timed, which is not what is killed here
]

pytestmark = pytest.mark.timeout(600)


def start(folder: Path, cache: Path) -> subprocess.Popen[str]:
    """A sweep in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "prefixbench", "sweep", *ARGUMENTS, "--results", str(folder), "--cache", str(cache)],
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def scores(folder: Path) -> dict[str, float]:
    return {row.cell_id: row.score for row in load_run(folder).results}


def count_rows(folder: Path) -> int:
    ledger = folder / "ledger.jsonl"
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def test_kill_and_resume_equals_an_uninterrupted_run(tmp_path: Path) -> None:
    # Its reader goes away after the first line, as `head -1` does, which is no fault of any cell.
    whole = start(tmp_path / "whole", tmp_path / "cache-a")
    for stream in (whole.stderr, whole.stdout):
        assert stream is not None
        assert stream is whole.stdout or stream.readline()
        stream.close()
    assert whole.wait() == 0
    assert not load_run(tmp_path / "whole").failures

    cut, cache = tmp_path / "cut", tmp_path / "cache-b"
    process = start(cut, cache)
    while process.poll() is None and count_rows(cut) < 3:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (cut / "ledger.jsonl").write_bytes((cut / "ledger.jsonl").read_bytes()[:-30])
    left = [json.loads(line) for line in (cut / "ledger.jsonl").read_bytes().split(b"\n")[:-1]]
    kept = {row["cell_id"] for row in left if row["kind"] != "probe"}

    process = start(cut, cache)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert scores(cut) == scores(tmp_path / "whole")
    finished = [json.loads(line) for line in (cut / "ledger.jsonl").read_bytes().splitlines()]
    by_cell = [row["cell_id"] for row in finished if row["kind"] != "probe"]
    assert len(by_cell) == len(set(by_cell)), "a finished cell was done twice"
    assert kept <= set(by_cell)
    run = load_run(cut)
    assert run.complete
    assert all(run.items(row.cell_id).n_items == row.n_items for row in run.results)


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path / "run", tmp_path / "cache")
    while process.poll() is None and not (tmp_path / "run" / "run.json").exists():
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Run the same command again to go on." in said
    assert "Traceback" not in said
