"""What a terminal shows: twenty lines of eighty columns, whatever was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from prefixbench.report.answer import build_answer
from prefixbench.report.command import close_sweep
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.summary import MOST_LINES, render_summary
from prefixbench.screen import WIDTH

from tests.fakes_report import CONDITIONS, MODELS, TASKS, FakeAnalysis, FakeSweep, make_fake

HOSTILE = {"x" * 300: ("query: ", "passage: ", 2.0), "me/\x1b[31m\u202e": ("a b\n" * 40, "", 4.0)}


@pytest.mark.parametrize("models", [dict(list(MODELS.items())[:1]), MODELS, HOSTILE], ids=["one", "many", "hostile"])
@pytest.mark.parametrize("missing", [0, 7])
def test_it_fits_a_screen(models: dict[str, tuple[str, str, float]], missing: int, tmp_path: Path) -> None:
    sweep = FakeSweep(models=models, tasks=TASKS, conditions=CONDITIONS, n_items=12, missing=missing)
    run, analysis = make_fake(tmp_path, sweep, without_items=True)
    evidence = gather_evidence([run], [analysis], ReportOptions())
    page = Path("results/fake/report.html")
    evidence = replace(evidence, runs=(replace(run, path=Path("results/fake")),))
    lines = render_summary(evidence, build_answer(evidence), page).splitlines()
    assert len(lines) <= MOST_LINES
    assert max(len(line) for line in lines) <= WIDTH
    assert not any("\x1b" in line or "\u202e" in line for line in lines)
    assert lines[-3:] == [
        "report  results/fake/report.html",
        "next    prefixbench report results/fake --open",
        "        prefixbench compare results/fake --all",
    ]
    everything = render_summary(evidence, build_answer(evidence), page, everything=True)
    assert "and 1 more" not in everything
    assert "… the rest is in the report" not in everything


def test_a_sweep_ends_with_the_answer_and_its_report(tmp_path: Path) -> None:
    models = dict(list(MODELS.items())[:1])
    run, _ = make_fake(tmp_path, FakeSweep(models=models, tasks=TASKS[:2], conditions=("none", "correct"), n_items=30))
    text = close_sweep(run.path)
    assert (run.path / "report.html").is_file()
    assert f"report  {run.path / 'report.html'}\n" in text
    assert "query:·" in text


def test_a_run_without_results_says_so(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(tasks=TASKS[:1], conditions=("none", "correct"), n_items=12))
    bare: tuple[FakeAnalysis, ...] = (
        replace(
            analysis,
            contrasts=analysis.contrasts[:0],
            tasks=analysis.tasks[:0],
            types=analysis.types[:0],
            models=analysis.models[:0],
        ),
    )
    evidence = gather_evidence([replace(run, rows=())], bare, ReportOptions())
    text = render_summary(evidence, build_answer(evidence), Path("report.html"))
    assert "This run did not measure the documented prefix against sending nothing." in text
