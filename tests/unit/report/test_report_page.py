from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prefixbench.analysis import analyse
from prefixbench.report import ReportOptions, build_report
from prefixbench.report.words import format_points
from prefixbench.results.run import Run

from tests.fakes_report import MODELS, TASKS, FakeAnalysis, FakeSweep, make_fake


class PageReader(HTMLParser):
    """Collects what links, ids and outside references a page holds."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fragments: set[str] = set()
        self.outside: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id" and value is not None:
                self.ids.append(value)
            if name in {"href", "src"} and value is not None:
                if value.startswith("#"):
                    self.fragments.add(value[1:])
                elif not value.startswith("data:"):
                    self.outside.append(value)


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, FakeAnalysis]:
    models = {name: MODELS[name] for name in list(MODELS)[:2]}
    sweep = FakeSweep(models=models, tasks=(TASKS[0], TASKS[4], TASKS[6]), n_items=12)
    return make_fake(tmp_path_factory.mktemp("runs"), sweep)


@pytest.fixture(scope="module")
def page(fake: tuple[Run, FakeAnalysis]) -> str:
    return build_report([fake[0]], [fake[1]])


def read_page(page: str) -> PageReader:
    reader = PageReader()
    reader.feed(page)
    return reader


def test_ids_are_unique_and_every_fragment_resolves(page: str) -> None:
    reader = read_page(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.fragments <= set(reader.ids)
    assert {"answer", "matter", "sent"} <= reader.fragments


def test_texts_asked_for_embedded_and_reused_are_stated(fake: tuple[Run, FakeAnalysis], page: str) -> None:
    n_cells = len(fake[0].results)
    assert (
        f"The cells asked for {1300 * n_cells:,} vectors: {1200 * n_cells:,} texts were embedded, and "
        f"{100 * n_cells:,} vectors were there already, from another cell, another task or a former sweep."
    ) in page


def test_nothing_is_fetched(page: str) -> None:
    assert read_page(page).outside == []
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_the_same_input_gives_the_same_page(fake: tuple[Run, FakeAnalysis], page: str) -> None:
    assert build_report([fake[0]], [fake[1]]) == page


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    hostile = [
        "<script>alert(1)</script>",
        "\"quoted'&amp; $x_1$ {{ 7*7 }} {% raw %}",
        "\u202eevil \u05e9\u05dc\u05d5\u05dd \x1b[31m",
        "x" * 300,
    ]
    sweep = FakeSweep(
        models=dict.fromkeys(hostile, ("<b>&\"' ", "</style>", 2.0)),
        tasks=tuple((name[:250].replace(":", ""), "Retrieval", "ndcg_at_10") for name in hostile),
        conditions=("none", "correct"),
        n_items=12,
    )
    run, analysis = make_fake(tmp_path, sweep)
    page = build_report([run], [analysis])
    reader = read_page(page)
    assert reader.tags.count("script") == 1
    assert reader.tags.count("style") == 1
    assert "<script>alert" not in page
    assert "$x_1$ {{ 7*7 }} {% raw %}" in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.fragments <= set(reader.ids)


def test_a_run_that_lacks_cells_is_marked_so(tmp_path: Path) -> None:
    run, analysis = make_fake(
        tmp_path, FakeSweep(tasks=TASKS[:2], conditions=("none", "correct"), missing=5, n_items=12)
    )
    page = build_report([run], [analysis])
    planned = len(run.manifest.planned)
    assert (
        f"fake: 5 of {planned} planned cells have no score that counts (missing-0; missing-1; missing-2; and 2 more); "
        "run the sweep again." in page
    )


def test_one_analysis_a_run_is_asked_for(fake: tuple[Run, FakeAnalysis]) -> None:
    with pytest.raises(ValueError, match=r"^a report needs one analysis a run, but there are 1 runs and 0\.$"):
        build_report([fake[0]], [])


def test_what_the_run_lacks_is_said_in_one_line_with_the_flag(tmp_path: Path) -> None:
    sweep = FakeSweep(tasks=TASKS[:2], conditions=("none", "correct"), n_items=12, geometry=False, probes=False)
    run, analysis = make_fake(tmp_path, sweep)
    page = build_report([run], [analysis])
    for sentence in (
        "No run has a wrong prefix beside the documented one. Add --conditions wrong.",
        "No run has these conditions. Add --conditions correct,placebo,shuffled.",
        "No run has these conditions. Add --conditions query-only,document-only,swapped.",
        "No run has these conditions. Add --conditions paraphrase:1,paraphrase:2,mangled.",
        "No run holds geometry: sweep again with --overwrite always to measure it.",
        "No run holds the example sentences: sweep again with --overwrite always to embed them.",
    ):
        assert page.count(sentence) == 1


def test_failed_and_skipped_cells_are_listed_with_their_reasons(page: str) -> None:
    assert "out of memory: 3 GiB asked, 1 GiB free." in page
    assert "the model has no adapters." in page
    assert "the cell foreign has failed." in page


def test_prefixes_are_shown_letter_for_letter_with_their_source(page: str) -> None:
    assert '<code class="exact">search_query:␣</code>' in page
    assert "card: https://huggingface.co/nomic-ai/nomic-embed-text-v1.5" in page


def test_texts_of_items_are_escaped_and_can_be_left_out(fake: tuple[Run, FakeAnalysis], page: str) -> None:
    quoted = "Does aspirin number 0 &lt;b&gt;lower&lt;/b&gt; the risk?"
    assert quoted in page
    assert "Does aspirin" not in build_report([fake[0]], [fake[1]], ReportOptions(texts=False))


def test_two_runs_of_one_model_stand_side_by_side(tmp_path: Path) -> None:
    models = dict(list(MODELS.items())[:1])
    pairs = [
        make_fake(
            tmp_path,
            FakeSweep(models=models, tasks=TASKS[:2], conditions=("none", "correct"), n_items=12, name=name, seed=seed),
        )
        for seed, name in enumerate(("before", "after"))
    ]
    page = build_report([run for run, _ in pairs], [analysis for _, analysis in pairs])
    reader = read_page(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert "intfloat/e5-small-v2 · before" in page
    assert "intfloat/e5-small-v2 · after" in page
    assert "0 verdicts differ between the runs, over all conditions both hold." in page
    assert "Of 2 answers for 1 model" in page or "for all 2 answers for 1 model" in page


def test_a_run_without_any_result_still_gives_a_page(tmp_path: Path) -> None:
    run, _ = make_fake(tmp_path, FakeSweep(tasks=TASKS[:1], conditions=("none", "correct"), n_items=12))
    bare = Run(run.path, run.manifest, ())
    page = build_report([bare], [analyse(bare)])
    assert "so there is no answer. Add --conditions none,correct." in page
    assert read_page(page).fragments <= set(read_page(page).ids)


def test_a_model_without_documented_prefix_is_not_called_harmless(tmp_path: Path) -> None:
    name = "sentence-transformers/all-MiniLM-L6-v2"
    sweep = FakeSweep(
        models={name: MODELS[name]}, tasks=TASKS[:2], conditions=("none", "correct", "instruction"), n_items=12
    )
    run, analysis = make_fake(tmp_path, sweep)
    same = analysis.contrasts["condition"] == "correct"
    page = build_report([run], [replace(analysis, contrasts=analysis.contrasts.assign(identical=same))])
    others = analysis.contrasts[~same]["verdict"]
    helped, hurt = int((others == "helps").sum()), int((others == "hurts").sum())
    assert (
        "all-MiniLM-L6-v2 documents no prefix for these tasks; "
        f"sending one all the same helps in {helped} and hurts in {hurt} of {len(others)} comparisons."
    ) in page
    assert f"{name}: no prefix is documented, so correct and none send the same on 2 tasks" in page


def test_a_skipped_condition_is_explained_where_its_section_would_be(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(tasks=TASKS[:1], conditions=("none", "correct"), n_items=12))
    skipped = run.failures[0].model_copy(
        update={"cell_id": "s", "conditions": ("placebo",), "reason": "no prefix to match."}
    )
    page = build_report([Run(run.path, run.manifest, (*run.rows, skipped))], [analysis])
    assert '<p class="absent">placebo skipped: no prefix to match.</p>' in page


def test_pooled_answers_are_listed_by_scope(fake: tuple[Run, FakeAnalysis], page: str) -> None:
    pooled = fake[1].pooled
    rows = pooled[pooled["contrast"] == "correct-none"]
    table = page[page.index('id="pooled"') : page.index('id="where"')]
    assert table.count("<tr>") == len(rows) + 1
    for delta in rows["delta_points"]:
        assert f">{format_points(delta)}<" in table
