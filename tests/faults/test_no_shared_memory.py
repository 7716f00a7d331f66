"""A machine whose /dev/shm may not be written to, as in some containers: a sweep with workers runs all the same."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefixbench.results import load_run

from tests.tiny_models import make_model

TAKE_AWAY = "mount -t tmpfs -o ro,size=4k tmpfs /dev/shm && ! touch /dev/shm/x 2>/dev/null"


@pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run(["unshare", "-m", "sh", "-c", TAKE_AWAY], capture_output=True, check=False).returncode != 0,
    reason="this user may not take /dev/shm away from a process",
)
@pytest.mark.timeout(300)
def test_a_sweep_needs_no_shared_memory(tmp_path: Path) -> None:
    data = tmp_path / "pairs.jsonl"
    rows = [{"query": f"river {number}", "passage": f"bank {number} of the river"} for number in range(12)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model, results = make_model(tmp_path / "model"), tmp_path / "run"
    sweep = [sys.executable, "-m", "prefixbench", "sweep", "--models", str(model), "--data", str(data)]
    sweep += ["--conditions", "none", "--prefix", 'mine:query="ask: ",document=""', "--workers", "2", "--no-report"]
    sweep += ["--engine", "torch"]
    sweep += ["--results", str(results)]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"{TAKE_AWAY} && exec {shlex.join(sweep)}"],
        env={**os.environ, "PREFIXBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(load_run(results).results) == 2
