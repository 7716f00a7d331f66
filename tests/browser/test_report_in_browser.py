"""The report in a real browser: silent, offline, usable by keyboard, eye and printer."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from prefixbench.report import build_report, write_report

from tests.fakes_report import CONDITIONS, MODELS, TASKS, FakeSweep, make_fake

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

A4_WIDTH, A4_HEIGHT = 695, 1017
"""CSS pixels of an A4 page between its margins (184 × 269 mm)."""
MOST_PAGES = 6
CUT = """[...document.querySelectorAll("main *")].filter(one => {
  const box = one.getBoundingClientRect();
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && !one.closest(".unseen, svg, .axis");
}).map(one => one.outerHTML.slice(0, 120))"""
"""Elements that reach beyond the screen."""
CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    named = os.environ.get("PREFIXBENCH_BROWSER", "")
    path = named if Path(named).is_file() else next((found for one in CANDIDATES if (found := shutil.which(one))), None)
    arguments = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    models = {
        **{name: MODELS[name] for name in list(MODELS)[:2]},
        "<script>alert(1)</script>": ("<b>", "\"'", 1.0),
    }
    run, analysis = make_fake(folder, FakeSweep(models=models, n_items=20, missing=1))
    write_report(folder / "report.html", build_report([run], [analysis]))
    return folder / "report.html"


@pytest.fixture(scope="module")
def single_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("single")
    models = {name: MODELS[name] for name in list(MODELS)[:1]}
    tasks = (
        *TASKS[:1],
        ("A-task-with-an-unusually-long-name-for-a-small-screen", "Retrieval", "ndcg_at_10"),
        *TASKS[4:6],
    )
    run, analysis = make_fake(folder, FakeSweep(models=models, tasks=tasks, n_items=20))
    write_report(folder / "report.html", build_report([run], [analysis]))
    return folder / "report.html"


@pytest.fixture(scope="module")
def large_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    tasks = tuple(
        (f"{name.partition(':')[0]}V{copy}", kind, metric) for copy in range(5) for name, kind, metric in TASKS
    )
    models = {f"organisation/model-number-{index}-v1.5": ("query: ", "passage: ", index - 3.0) for index in range(10)}
    sweep = FakeSweep(models=models, tasks=tasks[:40], conditions=CONDITIONS[:10])
    run, analysis = make_fake(folder, sweep, without_items=True)
    write_report(folder / "report.html", build_report([run], [analysis]))
    return folder / "report.html"


class Visit:
    """An open page with everything it asked for and complained about."""

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(path.as_uri())


@pytest.fixture
def visit(browser: Browser, report: Path) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield Visit(page, report)
    page.close()


def test_no_request_leaves_and_nothing_is_complained_about(visit: Visit, report: Path) -> None:
    visit.page.mouse.wheel(0, 20_000)
    visit.page.wait_for_load_state("load")
    outside = [url for url in visit.requests if not url.startswith(("data:", report.as_uri()))]
    assert outside == []
    assert visit.complaints == []


def test_tables_sort_both_ways(visit: Visit) -> None:
    visit.page.locator("#contrasts > summary").click()
    table = visit.page.locator("#verdicts table")
    button = table.locator("thead button", has_text="Δ points")
    column = "rows => rows.map(row => parseFloat(row.cells[3].dataset.v))"
    button.click()
    ascending = table.locator("tbody tr").evaluate_all(column)
    assert ascending == sorted(ascending)
    assert table.locator("th[aria-sort=ascending]").inner_text() == "Δ points"
    button.press("Enter")
    descending = table.locator("tbody tr").evaluate_all(column)
    assert descending == sorted(ascending, reverse=True)
    assert len(set(ascending)) > 5


def test_tables_filter(visit: Visit) -> None:
    visit.page.locator("#contrasts > summary").click()
    box = visit.page.locator("#verdicts")
    rows = box.locator("tbody tr")
    box.get_by_label("Filter").fill("e5-small scifact")
    shown = [row for row in rows.all() if row.is_visible()]
    assert 0 < len(shown) < rows.count()
    assert all("e5-small-v2" in row.inner_text() for row in shown)
    assert box.locator("output").inner_text() == f"{len(shown)} of {rows.count()}"
    box.get_by_label("Filter").fill("")
    assert rows.last.is_visible()


def test_every_anchor_resolves_and_deep_links_land(visit: Visit, report: Path) -> None:
    missing = visit.page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => !document.getElementById(id))"
    )
    assert missing == []
    visit.page.goto(f"{report.as_uri()}#verdict-intfloat-e5-small-v2-scifact")
    row = visit.page.locator("#verdict-intfloat-e5-small-v2-scifact")
    assert row.is_visible()
    assert row.bounding_box()["y"] < 800  # type: ignore[index] # it is on the page


def test_a_models_forest_is_one_click_away(visit: Visit) -> None:
    model = visit.page.locator("details.model").first
    assert not model.locator(".forest").first.is_visible()
    visit.page.locator(".matrix .name a").first.click()
    assert model.locator(".forest").first.is_visible()


def test_it_is_whole_without_javascript(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("h1").is_visible()
    assert page.locator(".matrix .row").count() == 4
    page.locator("#contrasts > summary").click()
    assert page.locator("#verdicts tbody tr").last.is_visible()
    assert page.locator("#verdicts button").count() == 0
    context.close()


def test_hostile_names_stay_text(visit: Visit) -> None:
    assert visit.page.evaluate("document.scripts.length") == 1
    assert visit.page.locator(".matrix .name", has_text="script>").count() == 1


def test_dark_and_light_follow_the_reader(browser: Browser, report: Path) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(report.as_uri())
        seen[scheme] = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('.matrix "
            "a')).color]"
        )
        context.close()
    assert seen["light"][0] == "rgb(255, 255, 255)"
    assert seen["dark"][0] == "rgb(21, 24, 28)"
    assert seen["light"][1] != seen["dark"][1]


def test_it_prints_on_a4_in_light_and_the_answer_is_page_one(
    browser: Browser, single_report: Path, tmp_path: Path
) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.set_viewport_size({"width": A4_WIDTH, "height": A4_HEIGHT})
    page.goto(single_report.as_uri())
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == A4_WIDTH
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.querySelector('.ladder').getBoundingClientRect().bottom") < A4_HEIGHT
    printed = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    boxes = re.findall(rb"/MediaBox\s*\[([^\]]+)\]", printed)
    assert 1 <= len(boxes) <= MOST_PAGES
    width, height = (float(number) for number in boxes[0].split()[2:])
    assert (round(width), round(height)) == (595, 842)
    context.close()


def test_the_first_screen_answers(browser: Browser, single_report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(single_report.as_uri())
    assert page.locator("h1").inner_text().endswith(".")
    assert page.locator(".replies > div").count() == 4
    for part in (".replies", ".forest", ".ladder"):
        assert page.evaluate(f"document.querySelector('{part}').getBoundingClientRect().bottom") < 800, part
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report", "single_report"])
def test_axe_finds_no_serious_violation(
    browser: Browser, name: str, scheme: str, request: pytest.FixtureRequest
) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type] # one of its literals
    page = context.new_page()
    page.goto(request.getfixturevalue(name).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == []
    context.close()


@pytest.mark.parametrize("width", [375, 768, 1280])
@pytest.mark.parametrize("name", ["report", "single_report", "large_report"])
def test_nothing_is_wider_than_the_page(
    browser: Browser, name: str, width: int, request: pytest.FixtureRequest
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(request.getfixturevalue(name).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CUT) == []
    page.close()


@pytest.mark.parametrize("width", [375, 1280])
def test_items_show_what_stood_first_and_nothing_of_it_is_cut(browser: Browser, report: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(report.as_uri())
    page.evaluate("document.getElementById('winners').open = true")
    first = page.locator("#winners .hits > li").first
    assert first.locator(".found li").count() in {1, 2}
    told = page.locator("#winners .found q").all_inner_texts()
    assert any("<i>on</i> aspirin & the risk" in text for text in told)
    assert page.locator("#winners i, #winners b").count() == 0
    boxes = [one.bounding_box() for one in page.locator("#winners .found li").all()]
    assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for anchor in ("same-documents", "who-gains"):
        page.evaluate(f"document.getElementById('{anchor}').open = true")
        assert page.locator(f"#{anchor} tbody tr").count() >= 3
    assert page.evaluate(CUT) == []
    page.close()


def test_ten_models_forty_tasks_ten_conditions_are_light(browser: Browser, large_report: Path) -> None:
    assert large_report.stat().st_size < 3_000_000
    page = browser.new_page()
    page.goto(large_report.as_uri())
    painted = page.evaluate(
        "new Promise(done => new PerformanceObserver(list => done(list.getEntriesByName('first-contentful-paint')[0]"
        ".startTime)).observe({type: 'paint', buffered: true}))"
    )
    assert painted < 1000 * float(os.environ.get("PREFIXBENCH_BROWSER_SLOWNESS", "1"))
    page.close()
