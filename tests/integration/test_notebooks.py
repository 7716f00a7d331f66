"""The notebooks run on the committed run, and on any other."""

from __future__ import annotations

import runpy
from pathlib import Path

import jupytext
import pytest

from tests.fakes_report import MODELS, TASKS, FakeSweep, make_fake

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
COMMITTED = ROOT / "results" / "starter"
EXPECTED = {
    "read_a_run.py": "complete: True",
    "ask_your_own_contrast.py": "the analysis",
    "geometry_of_a_prefix.py": "rows of geometry",
}


@pytest.fixture(scope="module")
def made_up_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    conditions = ("none", "correct", "wrong", "instruction")
    run, _ = make_fake(
        tmp_path_factory.mktemp("runs"), FakeSweep(models=models, tasks=TASKS[:3], conditions=conditions, n_items=40)
    )
    return run.path


def run_notebook(notebook: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_RUN", str(folder))
    runpy.run_path(str(notebook))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_a_made_up_run(
    notebook: Path, made_up_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_notebook(notebook, made_up_run, monkeypatch)
    assert EXPECTED[notebook.name] in capsys.readouterr().out


@pytest.mark.skipif(not (COMMITTED / "run.json").exists(), reason="results/starter is not in this checkout")
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_committed_run(
    notebook: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_notebook(notebook, COMMITTED, monkeypatch)
    assert EXPECTED[notebook.name] in capsys.readouterr().out


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_as_one(notebook: Path) -> None:
    cells = jupytext.read(notebook).cells
    assert cells[0].cell_type == "markdown"
    assert sum(cell.cell_type == "code" for cell in cells) >= 4


def test_there_are_three() -> None:
    assert [notebook.name for notebook in NOTEBOOKS] == sorted(EXPECTED)
