"""What a reader must be able to tell apart, and what it costs in money."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prefixbench.report.answer import build_answer
from prefixbench.report.command import load_report
from prefixbench.report.contrasts import tabulate_contrasts
from prefixbench.report.cost import tabulate_cost
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.hits import list_hits
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.page import build_report
from prefixbench.report.thresholds import tabulate_thresholds
from prefixbench.report.words import format_interval, format_points
from prefixbench.results.records import CellResult

from tests.fakes_report import TASKS, FakeSweep, make_fake

STARTER = Path(__file__).resolve().parents[3] / "results" / "starter"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("runs/a/final", "runs/b/final"), ("final (a)", "final (b)")),
        (("a/x/final", "b/x/final"), ("final (a/x)", "final (b/x)")),
        (("one/e5", "two/e5"), ("e5 (one)", "e5 (two)")),
    ],
)
def test_models_of_one_last_name_are_told_apart_everywhere(
    names: tuple[str, str], shown: tuple[str, str], tmp_path: Path
) -> None:
    models = {name: ("query: ", "passage: ", gain) for name, gain in zip(names, (3.0, 6.0), strict=True)}
    run, analysis = make_fake(tmp_path, FakeSweep(models=models, tasks=TASKS[:2], n_items=12))
    page = build_report([run], [analysis])
    last = names[0].rpartition("/")[2]
    assert all(f">{name}<" in page for name in shown)
    assert not re.search(rf">{last}<", page)
    assert f'SentenceTransformer("{names[0]}"' in page.replace("&#34;", '"')


def test_seeds_of_one_recipe_stay_one_where_names_clash(tmp_path: Path) -> None:
    names = ("a/final-seed1", "a/final-seed2", "b/final-seed1")
    models = dict.fromkeys(names, ("query: ", "passage: ", 3.0))
    run, analysis = make_fake(tmp_path, FakeSweep(models=models, tasks=TASKS[:2], n_items=12), without_items=True)
    evidence = gather_evidence([run], [analysis], ReportOptions())
    assert evidence.subjects == ("a/final-seed1 (a)", "a/final-seed2", "b/final-seed1 (b)")
    assert evidence.models_of["b/final-seed1 (b)"] == "b/final-seed1"


def test_money_is_told_where_a_price_exists(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(tasks=TASKS[:2], n_items=12), without_items=True)
    labels = {column.label for column in tabulate_cost(gather_evidence([run], [analysis], ReportOptions())).columns}
    assert "Money added" not in labels
    priced = [model.model_copy(update={"price_per_million_tokens": 2.0}) for model in run.spec.models[:1]]
    spec = run.spec.model_copy(update={"models": (*priced, *run.spec.models[1:])})
    run = replace(run, manifest=run.manifest.model_copy(update={"spec": spec}))
    evidence = gather_evidence([run], [analysis], ReportOptions())
    table = tabulate_cost(evidence)
    place = [column.label for column in table.columns].index("Money added")
    own = [row for row in run.results if row.model == run.spec.models[0].name]
    audits = {name: [one for row in own if name in row.conditions for one in row.audit] for name in ("none", "correct")}
    tokens = {name: sum(one.n_tokens or 0 for one in parts) for name, parts in audits.items()}
    expected = 2.0 * (tokens["correct"] - tokens["none"]) / sum(one.n_texts for one in audits["correct"])
    assert table.lines[0].entries[0].text == "as documented"
    assert table.lines[0].entries[place].text == f"{expected:,.2f}"
    assert table.lines[-1].entries[place].text == "–"


def test_a_threshold_kept_from_none_is_shown_for_labelled_pairs() -> None:
    table = tabulate_thresholds(load_report([STARTER]).evidence)
    assert {line.entries[1].text for line in table.lines} == {"StarterPairClassification"}
    shares = [abs(line.entries[4].sort or 0.0) for line in table.lines]
    assert shares == sorted(shares, reverse=True)
    assert all(re.fullmatch(r"\d+ % → \d+ %", line.entries[4].text) for line in table.lines)


def test_a_long_table_of_contrasts_keeps_what_the_first_screen_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefixbench.report.contrasts.MOST_LINES", 20)
    run, analysis = make_fake(tmp_path, FakeSweep(tasks=TASKS[:3], n_items=12), without_items=True)
    evidence = gather_evidence([run], [analysis], ReportOptions())
    answer = build_answer(evidence)
    table = tabulate_contrasts(evidence, (*answer.models, *answer.undocumented))
    assert len(table.lines) == 20
    assert "20 are shown, those of the first screen among them; the CSV has all" in table.caption
    assert sum(bool(line.anchor) for line in table.lines) == sum(
        len(one.reading.tasks("correct")) for one in answer.models
    )


def test_the_line_that_compare_prints_quotes_the_numbers_of_the_page() -> None:
    report = load_report([STARTER])
    lines = dict(zip(report.evidence.models["model"], report.evidence.models["sentence"], strict=True))
    for answer in report.answer.models:
        measured = [effect for effect in answer.types.values() if effect.is_measured]
        shown = {
            f"{one.task_type} ({format_points(one.delta)} {format_interval(one.low, one.high)})" for one in measured
        }
        assert shown == set(re.findall(r"\w+ \([^)]+\)", lines[answer.name]))


def test_items_that_moved_show_what_stood_first_cut_to_a_line_and_as_text(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(models={"org/one": ("query: ", "passage: ", 3.0)}, n_items=20))
    hits = list_hits(gather_evidence([run], [analysis], ReportOptions()))
    assert len(hits) >= 4
    for hit in hits:
        number = int(re.findall(r"number (\d+)", hit.text)[0])
        for text, shift in zip(hit.found, (0, 7 * (number % 2)), strict=True):
            name = (number + shift) % 30
            assert text.startswith(f"Document {name} <i>on</i>" if name % 3 else f"document d{name}")
            assert len(text) <= 111
    page = build_report([run], [analysis])
    assert "&lt;i&gt;on&lt;/i&gt; aspirin &amp; the risk" in page
    assert "<i>on</i>" not in page
    assert "first hit, either way" in page
    assert "<small>first hit, nothing</small>" in page
    unquoted = list_hits(gather_evidence([run], [analysis], ReportOptions(texts=False)))
    assert all(text.startswith("document d") for hit in unquoted for text in hit.found)


def test_without_hits_nothing_is_said_of_them(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(n_items=20))
    damaged = make_fake(tmp_path / "damaged", FakeSweep(n_items=20))[0]
    for path in (damaged.path / "hits").iterdir():
        path.write_bytes(b"torn")
    rows = tuple(
        row.model_copy(update={"hits_sha256": None}) if isinstance(row, CellResult) else row for row in run.rows
    )
    bare = replace(analysis, rankings=analysis.rankings[:0], gains=analysis.gains[:0])
    for one in (replace(run, rows=rows), damaged):
        page = build_report([one], [bare])
        assert "moved most" in page
        assert not any(words in page for words in ("first hit", "same-documents", "who-gains"))
