"""A whole sweep on a cluster whose own process is killed, and the same command typed again."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prefixbench.results.ledger import read_rows
from prefixbench.results.records import CellResult

PREFIXES = ("query", "title")
SWEEP = (
    *("sweep", "--models", "sentence-transformers/all-MiniLM-L6-v2", "--engine", "torch", "--device", "cpu"),
    *("--tasks", ",".join(f"mteb.mocks.mock_tasks.Mock{kind}Task" for kind in ("Retrieval", "STS"))),
    *(part for name in PREFIXES for part in ("--prefix", f'{name}:query="{name}: ",document="{name} of: "')),
    *("--conditions", ",".join(("none", "foreign", "instruction", *(f"custom:{name}" for name in PREFIXES)))),
    "--no-report",
)
"""Some cells in a few seconds, of a model and tasks that come with installed packages."""


def kill_and_resume(address: str, scratch: Path) -> tuple[dict[int, list[Any]], dict[int, Any]]:
    """Kill a sweep after a random number of rows, go on with it, and compare with one process.

    Returns:
        By number of the cell: the scores that the ledger has for it, and the score of one process.
    """
    expected = score_in_one_process()
    # Few workers: every one imports the libraries anew.
    on_cluster = ("--executor", "ray", "--address", address, "--encoders", "2", "--workers", "1")
    process = type_sweep(scratch, *on_cluster)
    wanted = random.randint(1, len(expected) - 2)
    while process.poll() is None and count_rows(scratch) < wanted:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_before = count_rows(scratch)
    if type_sweep(scratch, *on_cluster).wait():
        raise RuntimeError((scratch / "said").read_text())
    sys.stderr.write(f"killed after {n_before} of {len(expected)} rows\n")
    found = read_scores(scratch)
    numbers = dict(enumerate(sorted(expected)))
    return {n: found.get(cell, []) for n, cell in numbers.items()}, {n: expected[cell] for n, cell in numbers.items()}


@functools.cache
def score_in_one_process() -> dict[str, float]:
    """The same sweep without a cluster."""
    with tempfile.TemporaryDirectory() as scratch:
        if type_sweep(Path(scratch), "--workers", "0").wait():
            raise RuntimeError((Path(scratch) / "said").read_text())
        return {cell: scores[0] for cell, scores in read_scores(Path(scratch)).items()}


def type_sweep(scratch: Path, *flags: str) -> subprocess.Popen[bytes]:
    """The sweep as a process of its own; results and cache are in the folder, and what it says."""
    folders = ("--results", str(scratch / "results"), "--cache", str(scratch / "cache"))
    with (scratch / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "prefixbench", *SWEEP, *folders, *flags],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"},
            stdout=said,
            stderr=said,
        )


def count_rows(scratch: Path) -> int:
    """Rows that the ledger has now."""
    ledger = scratch / "results" / "ledger.jsonl"
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def read_scores(scratch: Path) -> dict[str, list[float]]:
    """By cell, the score of every row that the ledger has of it."""
    found: dict[str, list[float]] = {}
    for row in read_rows(scratch / "results"):
        if isinstance(row, CellResult):
            found.setdefault(row.cell_id, []).append(row.score)
    return found
