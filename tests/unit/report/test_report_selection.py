"""A report about part of a run says so, and its numbers are those of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.analysis.compare import Selection
from prefixbench.errors import SpecError
from prefixbench.report.command import Outputs, load_report, report_runs

STARTER = Path(__file__).resolve().parents[3] / "results" / "starter"
MODEL, TASK = "prefixbench/minilm-prefixed", "StarterDocRetrieval"


def test_one_model_and_task_keep_their_numbers() -> None:
    whole = load_report([STARTER]).answer.models[0]
    report = load_report([STARTER], selection=Selection(model=MODEL, task=TASK))
    (model,) = report.answer.models
    (row,) = model.forest
    assert row.effect == next(one.effect for one in whole.forest if one.effect.name == TASK)
    assert {one.task for one in report.evidence.runs[0].results} == {TASK}
    page = report.render_html()
    assert f"Only the model {MODEL}, the task {TASK}; the runs hold more." in page
    assert "Partial." not in page
    assert "StarterClustering" not in page


def test_a_contrast_is_what_the_first_screen_is_about() -> None:
    report = load_report([STARTER], selection=Selection(contrast="swapped-none"))
    (model,) = report.answer.models
    assert {row.effect.pair for row in model.forest} == {("swapped", "none")}
    assert model.ladders == ()
    assert report.answer.sentence.startswith("Both sides swapped against nothing: ")
    page = report.render_html()
    assert "Add the documented prefix?" not in page
    assert '<span role="columnheader" class="n">none</span><span role="columnheader" class="n">swapped</span>' in page


def test_every_condition_against_another_than_nothing() -> None:
    report = load_report([STARTER], selection=Selection(against="correct", model=MODEL))
    ladder = report.answer.models[0].ladders[0]
    assert ladder.baseline == "as documented"
    assert {way.effect.pair[1] for way in ladder.ways if way.effect} == {"correct"}
    assert {"none", "swapped", "placebo"} <= {way.condition for way in ladder.ways}


def test_a_part_never_replaces_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written = report_runs([STARTER], Outputs(page=tmp_path / "a.html"), selection=Selection(task=TASK))
    assert written == (tmp_path / "a.html",)
    from prefixbench.report.selection import name_page

    assert name_page(Selection()) == "report.html"
    assert name_page(Selection(task=TASK)) == "report-starterdocretrieval.html"


def test_names_that_no_run_holds_are_refused_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        load_report([STARTER], selection=Selection(model="minilm-prefixd", task="StarterDocRetrieva"))
    assert [fault.split(";")[0] for fault in caught.value.faults] == [
        "--model: unknown model 'minilm-prefixd'",
        "--task: unknown task 'StarterDocRetrieva'",
    ]
