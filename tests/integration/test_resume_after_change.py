"""A retrained model and changed data of one's own are noticed when a sweep is gone on with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefixbench.results import load_run

from tests.tiny_models import make_model

ROOT = Path(__file__).resolve().parents[2]
TASK = """
import json
from pathlib import Path

from mteb.mocks.mock_tasks import MockSTSTask


class Mine(MockSTSTask):
    def load_data(self, **kwargs):
        scores = json.loads((Path(__file__).parent / "scores.json").read_text())
        super().load_data(**kwargs)
        self.dataset["test"] = self.dataset["test"].remove_columns("score").add_column("score", scores)
"""

pytestmark = pytest.mark.timeout(600)


def sweep(here: Path, model: Path) -> str:
    command = [sys.executable, "-m", "prefixbench", "sweep", "--models", str(model), "--tasks", "own_task.Mine"]
    command += ["--conditions", "none", "--workers", "0", "--engine", "torch"]
    command += ["--results", str(here / "run"), "--cache", str(here / "cache")]
    path = os.pathsep.join([str(here), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_retrained_model_and_changed_data_are_scored_again(tmp_path: Path) -> None:
    (tmp_path / "own_task.py").write_text(TASK)
    (tmp_path / "scores.json").write_text(json.dumps([1.0, 2.0]))
    model = make_model(tmp_path / "first")
    assert "1 cells, 0 done before" in sweep(tmp_path, model)
    first = load_run(tmp_path / "run").results[0]

    other = make_model(tmp_path / "second", seed=1)
    shutil.rmtree(model)
    shutil.copytree(other, model)
    assert "1 cells, 0 done before" in sweep(tmp_path, model)
    retrained = load_run(tmp_path / "run").results[0]
    assert retrained.encoder.weights_digest != first.encoder.weights_digest

    (tmp_path / "scores.json").write_text(json.dumps([2.0, 1.0]))
    assert "1 cells, 0 done before" in sweep(tmp_path, model)
    run = load_run(tmp_path / "run")
    assert run.results[0].dataset_sha256 != retrained.dataset_sha256
    assert run.results[0].score == pytest.approx(-retrained.score)
    assert run.complete
    assert len(run.history) == 2
