"""Real tasks with a real model: nothing and one prefix score as by plain ``mteb.evaluate`` in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.hub
@pytest.mark.timeout(600)
def test_nothing_and_a_prefix_score_as_by_plain_mteb(hub_endpoint: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faithful.real_tasks", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HF_ENDPOINT": hub_endpoint, "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours, theirs = json.loads(done.stdout.splitlines()[-1])
    assert len(theirs) == 8
    assert ours == pytest.approx(theirs, abs=0.01)
    assert theirs["LIMITSmallRetrieval, test, none"] != theirs["LIMITSmallRetrieval, test, custom:own"]
