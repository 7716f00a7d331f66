from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.errors import ResultsError
from prefixbench.report import report_runs
from prefixbench.report.command import Outputs, load_report
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
    assert f"<h1>{load_report([folder]).answer.sentence}</h1>" in page
    assert f"report: {folder / 'report.html'}" in result.stderr


def test_the_analysis_can_be_told_what_matters(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    arguments = ["report", str(folder), "--output", str(path), "--smallest-effect", "2", "--seed", "7"]
    result = CliRunner().invoke(register_commands(), arguments)
    assert result.exit_code == 0, result.output
    assert "±2 points, too small to matter" in path.read_text(encoding="utf-8")


def test_every_form_is_written_where_asked(folder: Path, tmp_path: Path) -> None:
    outputs = Outputs(
        page=tmp_path / "deep" / "page.html",
        card=tmp_path / "card.png",
        markdown=tmp_path / "answer.md",
        figures=tmp_path / "figures",
    )
    written = report_runs([folder], outputs, texts=False)
    assert written[:3] == (outputs.page, outputs.markdown, outputs.card)
    assert all(path.is_file() for path in written)
    stems = {file.stem for file in (tmp_path / "figures").iterdir()}
    assert stems == {"forest-intfloat-e5-small-v2", "ways-intfloat-e5-small-v2-retrieval"}
    for stem in stems:
        assert {file.suffix for file in (tmp_path / "figures").glob(f"{stem}.*")} == {".pdf", ".png", ".csv"}


def test_the_card_is_a_picture_of_sixteen_to_nine(folder: Path, tmp_path: Path) -> None:
    report_runs([folder], Outputs(page=tmp_path / "page.html", card=tmp_path / "card.png"))
    head = (tmp_path / "card.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) == (1600, 900)


def test_markdown_holds_the_first_screen_and_no_markup_of_names(tmp_path: Path) -> None:
    models = {"me/<img src=x>|[a](javascript:b)": ("query: ", "passage: ", 2.0)}
    run, _ = make_fake(tmp_path, FakeSweep(models=models, tasks=TASKS[:2], conditions=("none", "correct"), n_items=30))
    text = load_report([run.path]).render_markdown()
    lines = text.splitlines()
    assert lines[0].startswith("**")
    assert "| question | answer | numbers |" in lines
    assert "| task | none | correct | Δ points | verdict |" in lines
    assert "<img" not in text
    assert "[a](" not in text
    assert all(line.count("|") == 4 for line in lines if line.startswith("| My index"))


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError) as caught:
        report_runs([tmp_path / "nowhere"])
    assert str(caught.value) == f"{tmp_path / 'nowhere'}: no such results folder."


def test_neither_torch_nor_mteb_nor_a_drawing_library_is_imported_for_the_page() -> None:
    modules = "prefixbench.cli.report, prefixbench.report.command"
    names = "('torch', 'mteb', 'matplotlib')"
    probe = f"import sys, {modules}; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
