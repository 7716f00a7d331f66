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
    sweep = FakeSweep(models=models, tasks=(TASKS[0], TASKS[1], TASKS[4], TASKS[6]), n_items=12)
    return make_fake(tmp_path_factory.mktemp("runs"), sweep)


@pytest.fixture(scope="module")
def page(fake: tuple[Run, FakeAnalysis]) -> str:
    return build_report([fake[0]], [fake[1]])


def read_page(page: str) -> PageReader:
    reader = PageReader()
    reader.feed(page)
    return reader


def read_headline(page: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page)
    assert found is not None
    return found[1]


def test_ids_are_unique_and_every_fragment_resolves(page: str) -> None:
    reader = read_page(page)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.fragments <= set(reader.ids)


def test_deep_links_of_old_still_lead_somewhere(page: str) -> None:
    ids = read_page(page).ids
    assert {"answer", "matter", "mixup", "meaning", "side", "winners", "sent", "cost", "method", "verdicts"} <= set(ids)
    assert {"model-intfloat-e5-small-v2", "verdict-intfloat-e5-small-v2-scifact"} <= set(ids)


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


def test_what_was_not_measured_is_one_line_with_the_flag_and_no_empty_part(tmp_path: Path) -> None:
    sweep = FakeSweep(
        models={name: MODELS[name] for name in list(MODELS)[:1]},
        tasks=TASKS[:1],
        conditions=("none", "correct"),
        n_items=12,
        geometry=False,
        probes=False,
    )
    run, analysis = make_fake(tmp_path, sweep)
    page = build_report([run], [analysis])
    for flag in ("query-only", "wrong,swapped", "placebo"):
        assert page.count(f'<dd class="detail">add --conditions {flag}</dd>') == 1
    assert 'id="example"' not in page
    assert "<tbody>\n</tbody>" not in page


def test_missing_cells_are_two_sentences_and_their_reasons_a_table(page: str) -> None:
    assert "1 cell left out by rule: adapter:retrieval 1." in page
    assert "1 cell failed: foreign 1." in page
    for reason in (
        "out of memory: 3 GiB asked, 1 GiB free.",
        "the model has no adapters.",
        "the cell foreign has failed.",
    ):
        assert reason in page


def test_prefixes_are_shown_letter_for_letter_with_their_source(page: str) -> None:
    assert '<code class="exact">search_query:·</code>' in page
    assert "card: https://huggingface.co/nomic-ai/nomic-embed-text-v1.5" in page


def test_the_documented_strings_can_be_pasted(page: str) -> None:
    assert "&#34;query&#34;: &#34;search_query: &#34;" in page
    assert "query_instruction=&#34;search_query: &#34;" in page


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
    assert "e5-small-v2 · before" in page
    assert "e5-small-v2 · after" in page


def test_runs_that_contradict_each_other_are_a_surprise(tmp_path: Path) -> None:
    models = dict(list(MODELS.items())[:1])
    sweep = FakeSweep(models=models, tasks=TASKS[:1], conditions=("none", "correct"), n_items=12)
    (run, first), (other, second) = (make_fake(tmp_path, replace(sweep, name=name)) for name in ("before", "after"))
    told = [
        replace(one, tasks=one.tasks.assign(verdict=verdict, delta_points=delta))
        for one, verdict, delta in ((first, "helps", 2.0), (second, "hurts", -3.0))
    ]
    page = build_report([run, other], told)
    assert "e5-small-v2 on retrieval: before helps (+2.0) and after hurts (−3.0)." in page


def test_a_run_without_any_result_still_gives_a_page(tmp_path: Path) -> None:
    run, _ = make_fake(tmp_path, FakeSweep(tasks=TASKS[:1], conditions=("none", "correct"), n_items=12))
    bare = Run(run.path, run.manifest, ())
    page = build_report([bare], [analyse(bare)])
    assert read_headline(page) == "This run did not measure the documented prefix against sending nothing."
    assert read_page(page).fragments <= set(read_page(page).ids)


def test_a_model_without_documented_prefix_is_one_line_and_never_drawn(tmp_path: Path) -> None:
    name = "sentence-transformers/all-MiniLM-L6-v2"
    sweep = FakeSweep(
        models={name: MODELS[name]}, tasks=TASKS[:2], conditions=("none", "correct", "instruction"), n_items=12
    )
    run, analysis = make_fake(tmp_path, sweep)
    same = (analysis.tasks["condition"] == "correct").map({True: "same strings", False: "inconclusive"})
    page = build_report([run], [replace(analysis, tasks=analysis.tasks.assign(verdict=same))])
    assert read_headline(page).startswith("all-MiniLM-L6-v2 documents no prefix for these tasks")
    assert "Does it help, task by task?" not in page
    assert "correct − none" not in page


def test_seeds_of_one_recipe_are_one_row(tmp_path: Path) -> None:
    models = {f"me/twin{suffix}": ("query: ", "passage: ", 2.0) for suffix in ("", "-seed2", "-seed3")}
    models["me/other"] = ("query: ", "passage: ", 2.0)
    sweep = FakeSweep(models=models, tasks=TASKS[:1], conditions=("none", "correct"), n_items=12)
    run, analysis = make_fake(tmp_path, sweep)
    frame = analysis.tasks.assign(verdict=["helps", "hurts", "helps", "helps"], delta_points=[1.0, 2.0, 6.0, 5.0])
    page = build_report([run], [replace(analysis, tasks=frame)])
    matrix = page[page.index('class="matrix"') : page.index("</section>", page.index('class="matrix"'))]
    assert matrix.count('role="rowheader"><a') == 2
    assert "twin</a> <small>3 seeds</small>" in matrix
    assert "○</span> +3.0" in matrix
    assert "seeds differ: helps, hurts" in page


def test_every_contrast_is_listed_with_the_largest_first(fake: tuple[Run, FakeAnalysis], page: str) -> None:
    table = page[page.index('id="verdicts"') :]
    table = table[: table.index("</table>")]
    frame = fake[1].contrasts
    assert table.count("<tr") == len(frame) + 1
    largest = frame.iloc[frame["delta_points"].abs().argmax()]
    first = table[table.index("<tbody>") :][:600]
    assert f">{largest['condition']} − {largest['baseline']}<" in first
    assert f">{format_points(largest['delta_points'])}<" in first
