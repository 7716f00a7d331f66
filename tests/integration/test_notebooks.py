"""The notebook that people run: its cells work, and what it shows is what they say."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from prefixbench.cli.app import register_commands
from typer.testing import CliRunner

from tests.fakes_report import MODELS, TASKS, FakeSweep, make_fake

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "should_i_reindex.ipynb"


@pytest.fixture(scope="module")
def cells() -> list[nbformat.NotebookNode]:
    return list(nbformat.read(NOTEBOOK, as_version=4).cells)  # type: ignore[no-untyped-call]


def list_code(cells: list[nbformat.NotebookNode]) -> list[str]:
    return [cell.source for cell in cells if cell.cell_type == "code"]


def test_it_is_the_only_one_and_shown_with_its_outputs(cells: list[nbformat.NotebookNode]) -> None:
    assert [path.name for path in NOTEBOOK.parent.iterdir() if path.suffix in {".ipynb", ".py"}] == [NOTEBOOK.name]
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert len(code) == 3
    assert all(cell.outputs for cell in code)
    answer = "".join(output.text for output in code[1].outputs)
    assert "search_query:·" in answer
    assert "the documented prefix" in answer
    assert "report  reindex/report.html" in answer
    assert "query-only" in code[2].outputs[0].data["text/plain"]


def test_its_cells_work(cells: list[nbformat.NotebookNode], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs, sweep, table = list_code(cells)
    names: dict[str, object] = {}
    made = subprocess.run([sys.executable, "-c", pairs], capture_output=True, text=True, check=True)
    assert made.stdout.startswith("300 pairs")
    head, command = sweep.split("\n!")
    exec(compile(head, "sweep", "exec"), names)
    words = shlex.split(command.format(**names))
    assert words[1:4] == ["-m", "prefixbench", "sweep"]
    # The same flags, laid out instead of run: embedding 1,776 texts is not what this test is about.
    arguments = ["plan", *(word for word in words[4:] if not word.startswith("2>")), "--cache", "cache"]
    result = CliRunner().invoke(register_commands(), arguments)
    assert result.exit_code == 0, result.output
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    conditions = ("none", "correct", "query-only")
    make_fake(tmp_path, FakeSweep(name="reindex", models=models, tasks=TASKS[:1], conditions=conditions, n_items=40))
    exec(compile(table, "table", "exec"), names)
