from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prefixbench.analysis import analyse
from prefixbench.analysis.export import ExportFormat, escape_frame, export_analysis, export_run
from prefixbench.analysis.gate import Shown, judge_run
from prefixbench.cli.app import register_commands
from prefixbench.errors import ResultsError, SpecError
from prefixbench.plain import escape_markdown
from prefixbench.results import load_run
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from typer.testing import CliRunner, Result

from tests.fake_runs import FakeRun, make_table
from tests.fakes import make_result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``correct`` loses six points on one task and gains six on the other."""
    path = tmp_path_factory.mktemp("gated")
    rng = np.random.default_rng(0)
    conditions = (Condition.parse("none"), Condition.parse("correct"))
    tasks = (TaskSpec(name="Loss"), TaskSpec(name="Gain"))
    spec = SweepSpec(name="check", models=(ModelSpec(name="org/model"),), tasks=tasks, conditions=conditions)
    write_manifest(path, Manifest(spec=spec))
    for task, shift in (("Loss", -0.06), ("Gain", 0.06)):
        base = rng.random(300)
        for condition, values in (("none", base), ("correct", base + shift + rng.normal(0, 0.03, 300))):
            digest = write_items(path, task + condition, make_table(values))
            score = float(values.mean())
            append_row(
                path, make_result(task + condition, condition, score, task=task, items_sha256=digest, n_items=300)
            )
    return path


def gate(folder: Path, *flags: str) -> Result:
    return CliRunner().invoke(register_commands(), ["gate", str(folder), *flags])


def test_a_shown_loss_exits_with_three(folder: Path) -> None:
    result = gate(folder, "--max-loss", "0.5")
    assert result.exit_code == 3
    assert result.stdout.startswith("loss shown: org/model · Loss: −6.0 points [−7.0, −5.0]")
    told = "gate: shown harmful: correct-none, 2 judged, 1 lose more than 0.5 points, 0 may, 0 not judged\n"
    assert result.stdout.endswith(told)


def test_a_loss_surely_within_the_bound_exits_with_nought(folder: Path) -> None:
    result = gate(folder, "--max-loss", "7", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["shown"] == "shown safe"
    assert gate(folder, "--task", "Gain").exit_code == 0


def test_what_is_not_shown_exits_with_four_unless_only_what_is_proven_counts(folder: Path) -> None:
    assert judge_run(folder, "correct-none", 6.0).shown is Shown.NOTHING
    result = gate(folder, "--max-loss", "6")
    assert result.exit_code == 4
    assert result.stdout.startswith("loss possible: org/model · Loss: −6.0 points [−7.0, −5.0]")
    assert gate(folder, "--max-loss", "6", "--only-proven").exit_code == 0


def test_the_gate_judges_any_two_conditions(folder: Path) -> None:
    assert judge_run(folder, "none-correct", 0.5).harmful["task"].tolist() == ["Gain"]


def test_a_cell_that_was_planned_and_not_judged_is_never_safe(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    (copy / "items" / "Losscorrect.parquet").unlink()
    result = gate(copy, "--max-loss", "7")
    assert result.exit_code == 4
    assert "not judged: " in result.stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--contrast", "none-none"], "--contrast: unknown contrast 'none-none'"),
        (["--max-loss", "inf"], "--max-loss: inf is no loss; give points of 0 or more, as in --max-loss 0.5."),
        (["--max-loss", "nan"], "--max-loss: nan is no loss; give points of 0 or more, as in --max-loss 0.5."),
        (["--task", "Los"], "--task: unknown task 'Los'; did you mean Loss?"),
    ],
)
def test_what_cannot_be_judged_is_an_error(folder: Path, flags: list[str], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        CliRunner().invoke(register_commands(), ["gate", str(folder), *flags], catch_exceptions=False)
    assert str(caught.value).startswith(told)


def test_cells_compared_with_themselves_are_nothing_to_judge(tmp_path: Path) -> None:
    names = ("none", "correct")
    spec = SweepSpec(
        name="same", models=(ModelSpec(name="org/model"),), tasks=(TaskSpec(name="Task"),),
        conditions=tuple(map(Condition.parse, names)),
    )  # fmt: skip
    write_manifest(tmp_path, Manifest(spec=spec))
    values = np.random.default_rng(0).random(200)
    digest = write_items(tmp_path, "cell", make_table(values))
    row = make_result("cell", "none", float(values.mean()), items_sha256=digest, n_items=200)
    append_row(tmp_path, row.model_copy(update={"conditions": names}))
    with pytest.raises(SpecError, match="every correct-none here compares a cell with itself"):
        judge_run(tmp_path, "correct-none", 0.5)


def test_csv_and_parquet_hold_every_frame_and_column(folder: Path, tmp_path: Path) -> None:
    csv = export_run(folder, "csv", tmp_path / "csv")
    parquet = export_run(folder, "parquet", tmp_path / "parquet")
    names = ["contrasts", "tasks", "types", "models", "movers", "refusals"]
    names += ["drift", "rankings", "gains", "interactions", "type_differences", "doses"]
    assert [path.stem for path in csv] == [path.stem for path in parquet] == names
    from_csv, from_parquet = pd.read_csv(csv[0]), pd.read_parquet(parquet[0])
    assert list(from_csv.columns) == list(from_parquet.columns)
    assert from_csv["delta_points"].to_numpy() == pytest.approx(from_parquet["delta_points"].to_numpy())


def test_markdown_and_latex_are_tables(tmp_path: Path) -> None:
    run = FakeRun()
    values = np.random.default_rng(0).random(50)
    run.add("none", make_table(values), task="a_b|c")
    run.add("correct", make_table(values**2), task="a_b|c")
    analysis = analyse(run)
    markdown = export_analysis(analysis, ExportFormat.MARKDOWN, tmp_path)[0].read_text().splitlines()
    assert markdown[0].startswith("| model | task |")
    assert {line.replace("\\|", "").count("|") for line in markdown} == {12}
    latex = export_analysis(analysis, ExportFormat.LATEX, tmp_path)[0].read_text()
    assert latex.startswith("\\begin{tabular}{llllrrrrlrl}\n\\toprule\n")
    assert "a\\_b|c & default & correct-none" in latex
    assert latex.endswith("\\bottomrule\n\\end{tabular}\n")


def test_mtebs_layout_is_copied_to_a_new_folder_only(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"holds no results in mteb's layout \(no folder 'mteb'\)\.$"):
        export_run(folder, "mteb", tmp_path / "out")
    source = folder / "mteb" / "results" / "model"
    source.mkdir(parents=True)
    (source / "Task.json").write_text("{}")
    export_run(folder, "mteb", tmp_path / "out")
    assert (tmp_path / "out" / "results" / "model" / "Task.json").read_text() == "{}"
    with pytest.raises(ResultsError, match=r"is not empty; mteb's results are written to a new or empty folder\.$"):
        export_run(folder, "mteb", tmp_path / "out")


def test_mteb_reads_what_is_exported(tmp_path: Path) -> None:
    from mteb.cache import ResultCache

    source = Path(__file__).parents[3] / "results" / "validity"
    export_run(source, "mteb", tmp_path / "out")
    cache = ResultCache(cache_path=tmp_path / "out")
    model = "sentence-transformers/all-MiniLM-L6-v2"
    loaded = cache.load_results(models=[model], load_experiments="match_name", include_remote=False)
    read: dict[tuple[str, str], float] = {}
    for result in loaded.model_results:
        assert result.model_name == model
        assert result.model_meta is not None
        assert result.model_meta.experiment_kwargs is not None
        condition = result.model_meta.experiment_kwargs["condition"]
        read |= {(condition, task.task_name): task.get_score() for task in result.task_results}
    cells = load_run(source).results
    assert len(cells) == len(read) == 15
    for cell in cells:
        assert read[cell.conditions[0], cell.task] == pytest.approx(cell.score, abs=1e-5)


def test_an_unknown_format_names_the_valid_ones(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"^--format: unknown format 'xlsx'; valid choices: csv, latex, markdown, mteb"):
        export_run(folder, "xlsx", None)


def test_no_cell_is_taken_for_a_formula_or_markup() -> None:
    frame = pd.DataFrame({"word": ["=1+1", "+a", "@b", "\tc", "plain"], "number": [-1.0, 2.0, 0.5, 0.0, 1.0]})
    assert escape_frame(frame)["word"].tolist() == ["'=1+1", "'+a", "'@b", "'\tc", "plain"]
    assert escape_frame(frame)["number"].tolist() == frame["number"].tolist()
    hostile = "[a](javascript:b) <i>|c"
    assert escape_markdown(hostile) == "\\[a\\](javascript:b) \\<i\\>\\|c"


@pytest.mark.parametrize("kind", ["file", "folder", "loop", "pipe"])
def test_mteb_results_are_never_read_through_a_link(kind: str, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    results = copy / "mteb" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (tmp_path / "secret").write_text("mine")
    if kind == "pipe":
        os.mkfifo(results / "x.json")
    else:
        (results / "x.json").symlink_to({"file": tmp_path / "secret", "folder": tmp_path, "loop": results}[kind])
    with pytest.raises(ResultsError, match=r"x\.json: (is a link|cannot be read \(it is no ordinary file\))"):
        export_run(copy, "mteb", tmp_path / "out")
    assert not any(path.name == "secret" for path in tmp_path.glob("out/**/*"))
