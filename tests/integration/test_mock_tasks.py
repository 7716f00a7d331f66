"""A sweep over mteb's own mock tasks gives, under ``none``, what mteb itself gives."""

from __future__ import annotations

import warnings
from pathlib import Path

import mteb
import pytest
from mteb.mocks import mock_tasks
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.starter import locate_model
from sentence_transformers import SentenceTransformer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASKS = (
    "MockRetrievalTask",
    "MockRerankingTask",
    "MockClassificationTask",
    "MockPairClassificationTask",
    "MockSTSTask",
    "MockBitextMiningTask",
)

pytestmark = pytest.mark.filterwarnings("ignore")  # mteb and sklearn warn of data sets this small


def test_none_gives_what_mteb_gives(tmp_path: Path) -> None:
    names = tuple(f"mteb.mocks.mock_tasks.{name}" for name in TASKS)
    spec = load_sweep(None, None, Overrides(models=(MODEL,), tasks=names, conditions=("none", "instruction")))
    options = SweepOptions(tmp_path / "run", tmp_path / "cache", workers=0)
    assert run_sweep(spec, options, Progress()) == 0
    frame = load_run(tmp_path / "run").frame()
    ours = frame[frame["condition"] == "none"].groupby("task")["score"].mean().to_dict()

    model = SentenceTransformer(str(locate_model(MODEL)), device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tasks = [getattr(mock_tasks, name)() for name in TASKS]
        result = mteb.evaluate(model, tasks, cache=None, co2_tracker=False, show_progress_bar=False)
    theirs = {one.task_name: one.get_score() for one in result.task_results}
    assert ours.keys() == theirs.keys()
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert set(frame["condition"]) == {"none", "instruction"}
