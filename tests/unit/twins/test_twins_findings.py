from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from prefixbench.analysis.blocks import Place
from prefixbench.analysis.rules import Verdict
from prefixbench.twins.findings import Answer, Difference, answer_questions, estimate_mean
from prefixbench.twins.findings_page import find, list_intervals, render_findings
from prefixbench.twins.questions import LENT, OWN_ADAPTER, QUESTIONS, Arm, read_model

from tests.fake_runs import FakeRun, make_table

PLACE = Place("", "Task", "Retrieval", "default", "test")


def difference(rng: np.random.Generator, n_seeds: int, n_items: int, seed_spread: float) -> Difference:
    """A true difference of one point, items that spread by thirty, seeds by what is asked."""
    items, seeds = rng.normal(1, 30, (1, n_items, 1)), rng.normal(0, seed_spread, (n_seeds, 1, 1))
    return Difference(PLACE, items + seeds + rng.normal(0, 15, (n_seeds, n_items, 1)), np.ones(n_items))


@pytest.mark.parametrize("seed_spread", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("n_tasks", [1, 3])
def test_intervals_over_items_and_seeds_cover_the_truth(seed_spread: float, n_tasks: int) -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        tasks = [difference(rng, 3, 600 * (1 + task), seed_spread) for task in range(n_tasks)]
        low, high = estimate_mean(tasks).interval(0.05)
        covered += low <= 1 <= high
    assert 0.92 <= covered / 400 <= 0.995


def test_one_seed_leaves_the_items_alone() -> None:
    contributions = np.arange(20.0).reshape(1, 20, 1)
    estimate = estimate_mean([Difference(PLACE, contributions, np.ones(20))])
    own = np.std(np.arange(20.0), ddof=1) / np.sqrt(20)
    assert estimate.delta == pytest.approx(9.5)
    assert estimate.error == pytest.approx(own)
    assert estimate.unseen == pytest.approx(100 * np.sqrt(2 / (22 * 21)))


def test_seeds_that_disagree_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    alike = rng.normal(2, 1, (1, 50, 1)) + np.zeros((3, 1, 1))
    apart = alike + np.array([-3.0, 0.0, 3.0]).reshape(3, 1, 1)
    narrow, wide = (estimate_mean([Difference(PLACE, one, np.ones(50))]) for one in (alike, apart))
    assert narrow.delta == pytest.approx(wide.delta)
    assert wide.error > narrow.error
    assert wide.interval(0.05)[0] < narrow.interval(0.05)[0]


def test_models_are_read_from_their_names() -> None:
    assert read_model("sentence-transformers/all-MiniLM-L6-v2") == ("base", 0)
    assert read_model("prefixbench/minilm-prefixed") == ("prefixed", 1)
    assert read_model("prefixbench/minilm-plain-seed3") == ("plain", 3)
    assert read_model("prefixbench/minilm-adapters") == ("adapters", 1)
    assert read_model("prefixbench/minilm-adapters-prefix") == ("adapters+prefix", 1)
    assert read_model("prefixbench/minilm-other") is None
    assert read_model("org/model") is None


def test_the_own_adapter_follows_the_task_type() -> None:
    assert Arm("adapters+prefix", OWN_ADAPTER).resolve("Reranking") == "adapter:search"
    assert Arm("adapters", f"{LENT}+{OWN_ADAPTER}").resolve("STS") == f"{LENT}+adapter:similarity"
    assert Arm("plain", "none").resolve("STS") == "none"


def fill(run: FakeRun, model: str, condition: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    run.add(condition, make_table(values), model=model)


N = 800


@pytest.fixture
def run() -> FakeRun:
    rng = np.random.default_rng(3)
    own, made = rng.uniform(0.2, 0.6, N), FakeRun()
    for name in ("prefixbench/minilm-prefixed", "prefixbench/minilm-prefixed-seed2"):
        fill(made, name, "none", own + rng.normal(0, 0.01, N))
        fill(made, name, "correct", own + 0.1 + rng.normal(0, 0.01, N))
        fill(made, name, "wrong", own - 0.2 + rng.normal(0, 0.01, N))
    fill(made, "prefixbench/minilm-plain", "none", own + rng.normal(0, 0.01, N))
    fill(made, "sentence-transformers/all-MiniLM-L6-v2", "none", own + rng.normal(0, 0.2, N))
    return made


def answers_of(run: FakeRun, label: str) -> tuple[Answer, ...]:
    return next(own for one in answer_questions(run) for key, own in one.answers.items() if key.label == label)


def test_planted_differences_are_found(run: FakeRun) -> None:
    by_type, by_task = answers_of(run, "correct − none")
    assert (by_type.scope, by_type.is_task, by_type.verdict, by_type.n_seeds) == (
        "Retrieval", False, Verdict.HELPS, 2,
    )  # fmt: skip
    assert by_task.delta == by_type.delta == pytest.approx(10, abs=0.5)
    assert answers_of(run, "wrong − none")[0].verdict is Verdict.HURTS
    assert answers_of(run, "plain, none − base, none")[0].verdict is Verdict.INCONCLUSIVE
    assert answers_of(run, "query-only − none") == ()


def test_a_seed_that_one_arm_lacks_is_left_out(run: FakeRun) -> None:
    assert answers_of(run, "prefixed, correct − plain, none")[0].n_seeds == 1


def test_arms_with_other_items_are_not_compared(run: FakeRun) -> None:
    other = make_table(np.linspace(0, 1, N), first_item=5)
    run.add("none", other, model="prefixbench/minilm-adapters")
    run.add("correct", other, model="prefixbench/minilm-adapters")
    assert answers_of(run, "adapters − plain, none") == ()


@dataclass
class Folder(FakeRun):
    name: str = "twins"
    path: Path = Path("results/twins")


def test_the_page_says_it_all(run: FakeRun) -> None:
    findings = find([Folder(run.cells, run.failed, run.tables)])  # type: ignore[list-item]  # all it reads
    page = render_findings(findings)
    lead = page.split("The twins are one base model")[0]
    assert "- To a model trained with it, the right prefix against none: better on Retrieval (" in lead
    assert "- Queries prefixed over a bare index against both sides prefixed: not run." in lead
    assert list_intervals(findings)[0] == "Retrieval"
    assert "prefixbench twins findings results/twins`" in page
    assert "over training seeds (plain 1; prefixed 2)" in page
    assert all(f". {one.title}" in page and f"Expected: {one.expected}" in page for one in QUESTIONS)
    assert "- correct − none: better on Retrieval." in page
    assert "- prefixed, none − plain, none: no difference that matters on Retrieval (one training seed" in page
    assert "Not run here: correct − placebo." in page
    assert "queries' side carries most.\n\nNot run.\n" in page
    row = next(line for line in page.splitlines() if line.startswith("| **Retrieval** |"))
    assert row.count("helps") == 2
