from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.report import build_report
from bench.store.run import Run
from tests.fakes_report import FakeAnalysis, FakeSweep, make_fake


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
    return make_fake(tmp_path_factory.mktemp("runs"), FakeSweep())


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


def test_a_run_still_going_is_marked_so(tmp_path: Path) -> None:
    run, analysis = make_fake(tmp_path, FakeSweep(conditions=("none", "correct"), missing=5, n_items=12))
    page = build_report([run], [analysis])
    planned = len(run.manifest.planned)
    assert f"fake is still going: 5 of {planned} cells are missing, and every figure below may change." in page


def test_one_analysis_a_run_is_asked_for(fake: tuple[Run, FakeAnalysis]) -> None:
    with pytest.raises(ValueError, match=r"^a report needs one analysis a run, but there are 1 runs and 0\.$"):
        build_report([fake[0]], [])
