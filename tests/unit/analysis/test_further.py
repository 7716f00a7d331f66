"""Further questions: each finds what was planted, and is silent where there is nothing to ask."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from prefixbench.analysis.compare import Selection, compare_run
from prefixbench.analysis.explored import explore
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.tables_explored import render_further
from prefixbench.items.table import Statistic
from prefixbench.spec.conditions import PrefixPair, Side
from prefixbench.vectors.embedder import RoleAudit
from scipy import stats

from tests.fake_runs import FakeRun, make_table

QUICK = AnalysisSettings(n_resamples=199)
RESULTS = Path(__file__).parents[3] / "results"


def make_run(change: NDArray[np.float64], model: str = "org/model", task: str = "Task", seed: int = 0) -> FakeRun:
    run = FakeRun()
    add(run, change, model, task, seed)
    return run


def add(
    run: FakeRun, change: NDArray[np.float64], model: str, task: str, seed: int = 0, kind: str = "Retrieval"
) -> None:
    base = np.random.default_rng(seed).random(len(change))
    for name, values in (("none", base), ("correct", base + change)):
        run.add(name, make_table(values), model=model, task=task, task_type=kind, hits_sha256="0" * 64)


def look(run: FakeRun) -> dict[str, list[dict[str, Any]]]:
    further = explore(run, QUICK)  # type: ignore[arg-type]
    names = ("drift", "rankings", "gains", "interactions", "type_differences", "doses")
    return {name: getattr(further, name).to_dict("records") for name in names}


def test_items_with_longer_texts_that_gain_more_are_found() -> None:
    rng = np.random.default_rng(1)
    words = rng.integers(3, 30, 400)
    change = np.where(words > np.median(words), 0.08, 0.01) + rng.normal(0, 0.1, 400)
    run = make_run(change)
    run.texts = {("Task", "default", f"q{item}"): "w " * int(n) for item, n in enumerate(words)}
    (row,) = look(run)["gains"]
    upper = words > np.median(words)
    assert (row["moderator"], row["verdict"]) == ("length", "helps")
    assert row["upper_points"] == pytest.approx(100 * change[upper].mean())
    assert row["delta_points"] == pytest.approx(100 * (change[upper].mean() - change[~upper].mean()))
    error = np.hypot(stats.sem(change[upper]), stats.sem(change[~upper]))
    assert row["standard_error"] == pytest.approx(100 * error, rel=0.01)
    assert look(make_run(change))["gains"] == []  # no text is stored


def test_the_words_two_texts_share_are_a_moderator_of_pairs() -> None:
    rng = np.random.default_rng(2)
    n = 300
    target = rng.normal(size=n)
    shared = rng.random(n) < 0.5
    run = FakeRun()
    for name, noise in (("none", np.ones(n)), ("correct", np.where(shared, 0.2, 1.0))):
        prediction = target + noise * np.random.default_rng(3).normal(size=n)
        run.add(name, make_table(prediction, Statistic.SPEARMAN, prediction=prediction, target=target), task_type="STS")
    run.texts = {
        ("Task", "default", f"q{item}"): f"a b c {item}\n" + (f"a b c {item} x" if alike else "y z")
        for item, alike in enumerate(shared)
    }
    rows = {row["moderator"]: row for row in look(run)["gains"]}
    assert rows["overlap"]["verdict"] in ("helps", "positive")
    assert "length" in rows


def add_facts(run: FakeRun, **facts: Any) -> None:
    run.tables = {name: replace(table, **facts) for name, table in run.tables.items()}


def make_audit(prefix_tokens: int | None, n_texts: int, n_tokens: int) -> RoleAudit:
    return RoleAudit("query", "query: ", prefix_tokens, n_texts, 0, 0, 0, n_tokens)


def test_numbers_that_were_kept_need_no_texts_and_each_finds_what_was_planted() -> None:
    rng = np.random.default_rng(6)
    letters, overlap = rng.integers(20, 200, 400).astype(float), rng.random(400)
    change = np.where(overlap > np.median(overlap), 0.0, 0.1) + rng.normal(0, 0.05, 400)
    run = make_run(change)
    add_facts(run, words=np.ceil(letters / 5), letters=letters, overlap=overlap)
    n_tokens = int(letters.sum() / 4) + 400 * 6
    run.cells[1] = run.cells[1].model_copy(
        update={"audit": (make_audit(6, 400, n_tokens),), "pair": PrefixPair(Side("query: "), Side())}
    )
    rows = {row["moderator"]: row for row in look(run)["gains"]}
    assert set(rows) == {"length", "overlap", "prefix share"}
    assert (rows["overlap"]["verdict"], rows["length"]["verdict"]) == ("hurts", "inconclusive")
    assert rows["overlap"]["delta_points"] == pytest.approx(-10, abs=1.5)
    share = 6 / (6 + letters / letters.mean() * (n_tokens / 400 - 6))
    assert rows["prefix share"]["median"] == pytest.approx(np.median(share), abs=1e-9)
    upper = share > np.median(share)
    assert rows["prefix share"]["upper_points"] == pytest.approx(100 * change[upper].mean())
    assert rows["overlap"]["upper_prefix_share"] == pytest.approx(share[overlap > np.median(overlap)].mean())


@pytest.mark.parametrize("prefix_tokens", [None, 0])
def test_a_share_that_is_unknown_or_nothing_is_no_moderator(prefix_tokens: int | None) -> None:
    run = make_run(np.random.default_rng(7).normal(0, 0.1, 200))
    add_facts(run, words=np.arange(200.0), letters=np.arange(200.0) * 5)
    run.cells[1] = run.cells[1].model_copy(
        update={"audit": (make_audit(prefix_tokens, 200, 9_000),), "pair": PrefixPair(Side("query: "), Side())}
    )
    (row,) = look(run)["gains"]
    assert row["moderator"] == "length"
    assert np.isnan(row["upper_prefix_share"])


def test_the_tasks_of_a_type_are_averaged_with_their_number() -> None:
    rng, run = np.random.default_rng(8), FakeRun()
    for number in range(3):
        add(run, np.where(np.arange(200) < 100, 0.0, 0.1) + rng.normal(0, 0.05, 200), "org/model", f"R{number}")
    add(run, rng.normal(0, 0.05, 200), "org/model", "S", kind="STS")
    add_facts(run, words=np.arange(200.0), letters=np.arange(200.0) * 5)
    rows = look(run)["gains"]
    own = [row for row in rows if row["task_type"] == "Retrieval" and row["task"]]
    (mean,) = [row for row in rows if not row["task"]]
    assert (mean["n_tasks"], mean["n_items"], mean["verdict"]) == (3, 600, "helps")
    assert mean["delta_points"] == pytest.approx(np.mean([row["delta_points"] for row in own]))
    assert mean["standard_error"] == pytest.approx(np.linalg.norm([row["standard_error"] for row in own]) / 3)
    shown = render_further(explore(run, QUICK))  # type: ignore[arg-type]
    assert "org/model · Retrieval, mean of 3 tasks (600 items)\n" in shown


def test_a_prefix_that_is_worth_more_to_one_model_is_found_item_by_item() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(0, 0.3, 300)
    run = make_run(common + 0.05, "org/one")
    add(run, common + rng.normal(0, 0.02, 300), "org/other", "Task", seed=9)
    (row,) = look(run)["interactions"]
    assert (row["model"], row["other_model"], row["verdict"]) == ("org/one", "org/other", "helps")
    assert row["standard_error"] == pytest.approx(100 * 0.02 / np.sqrt(300), rel=0.2)  # what both share is gone
    add(run, rng.normal(0, 0.1, 301), "org/third", "Task")
    assert len(look(run)["interactions"]) == 1  # other items


def test_types_are_compared_with_the_number_of_their_tasks() -> None:
    rng, run = np.random.default_rng(4), FakeRun()
    for number in range(3):
        add(run, rng.normal(0.1, 0.1, 200), "org/model", f"R{number}", kind="Retrieval")
        add(run, rng.normal(0.0, 0.1, 200), "org/model", f"S{number}", kind="STS")
    (row,) = look(run)["type_differences"]
    assert (row["n_tasks"], row["n_tasks_other"], row["verdict"]) == (3, 3, "helps")
    assert row["standard_error"] == pytest.approx(100 * 0.1 * np.sqrt(2 / 600), rel=0.1)
    assert row["general_low"] < row["general_points"] == pytest.approx(row["delta_points"], abs=1)


def test_more_random_tokens_that_cost_more_have_their_slope() -> None:
    rng = np.random.default_rng(5)
    base, run = rng.random(300), FakeRun()
    for tokens in (0, 5, 20):
        values = base - 0.004 * tokens + rng.normal(0, 0.03, 300)
        run.add("none" if tokens == 0 else f"placebo:{tokens}", make_table(values), hits_sha256="0" * 64)
    (row,) = look(run)["doses"]
    assert (row["doses"], row["verdict"]) == ("0,5,20", "hurts")
    told = render_further(explore(run, QUICK))  # type: ignore[arg-type]
    assert told.splitlines()[1] == "ten random tokens more (slope over placebo:N)"
    assert told.splitlines()[3] == "org/model"
    assert told.splitlines()[4].split()[:2] == ["Task", "0,5,20"]
    assert told.endswith("hurts\n")
    assert row["delta_points"] == pytest.approx(-4, abs=0.5)


def test_the_command_shows_what_a_run_can_be_asked_and_nothing_else() -> None:
    shown = render_further(explore(make_run(np.random.default_rng(0).random(200)), QUICK))  # type: ignore[arg-type]
    assert shown == "\nnothing further can be asked of this run\n"
    document = json.loads(compare_run(RESULTS / "validity", Selection(), as_json=True, further=True))
    assert document["doses"] == []
    assert {row["condition"] for row in document["drift"]} >= {"instruction"}
