from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.errors import ResultsError
from prefixbench.report import report_runs
from typer.testing import CliRunner

from tests.fakes_report import MODELS, TASKS, FakeSweep, make_fake


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    conditions = ("none", "correct", "wrong")
    run, _ = make_fake(
        tmp_path_factory.mktemp("runs"), FakeSweep(models=models, tasks=TASKS[:2], conditions=conditions, n_items=30)
    )
    return run.path


def test_the_page_lands_in_the_runs_folder(folder: Path) -> None:
    result = CliRunner().invoke(register_commands(), ["report", str(folder)])
    assert result.exit_code == 0, result.output
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "For e5-small-v2 the documented prefix is" in page or "Whether e5-small-v2 needs" in page
    assert f"report: {folder / 'report.html'}" in result.stderr


def test_output_and_figures_are_written_where_asked(folder: Path, tmp_path: Path) -> None:
    path = report_runs([folder], output=tmp_path / "deep" / "page.html", figures=tmp_path / "figures", texts=False)
    assert path == tmp_path / "deep" / "page.html"
    stems = {file.stem for file in (tmp_path / "figures").iterdir()}
    assert {"forest-intfloat-e5-small-v2", "heatmap-intfloat-e5-small-v2", "mixup", "shift-gain"} <= stems
    for stem in stems:
        assert {file.suffix for file in (tmp_path / "figures").glob(f"{stem}.*")} == {".pdf", ".png", ".csv"}


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError) as caught:
        report_runs([tmp_path / "nowhere"])
    assert str(caught.value) == f"{tmp_path / 'nowhere'}: no such results folder."


def test_neither_torch_nor_mteb_is_imported() -> None:
    modules = "prefixbench.cli.report, prefixbench.report.command"
    probe = f"import sys, {modules}; print([name for name in ('torch', 'mteb') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
