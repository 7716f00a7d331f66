"""A claim is judged by the rows of what it speaks of, and by no others."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from prefixbench.claims import Assessment, Claim, assess
from prefixbench.claims.screen import render_screen, to_json
from prefixbench.results import Run
from prefixbench.screen import LINES, WIDTH

from tests.fake_runs import FakeRun, make_table


class NamedRun(FakeRun):
    """A run with the name and seed that a folder has."""

    name = "made"
    spec = SimpleNamespace(seed=42, smallest_effect={})


def make_claim(name: str = "one", *, models: tuple[str, ...] = ("org/model",), **test: Any) -> Claim:
    fields = {"condition": "correct", "expects": "gain", **({} if "tasks" in test else {"plan": ("T",)}), **test}
    return Claim.model_validate(
        {
            "id": name,
            "vendor": "someone",
            "says": "It helps in some way that takes more than one line of a terminal to tell in full.",
            "models": models,
            "source": "https://example.org/one",
            "date": "2026-11-26",
            "test": fields,
        }
    )


@pytest.fixture(scope="module")
def run() -> Run:
    """A gain of two points on retrieval, a loss of two on STS, and equal strings on classification."""
    made = NamedRun()
    rng = np.random.default_rng(3)
    for task, task_type, gain in (("Search", "Retrieval", 0.02), ("Alike", "STS", -0.02)):
        base = rng.uniform(0.2, 0.8, 400)
        made.add("none", make_table(base), task=task, task_type=task_type)
        made.add("correct", make_table(base + gain + rng.normal(0, 0.01, 400)), task=task, task_type=task_type)
    same = make_table(rng.uniform(0.2, 0.8, 400))
    made.add(("none", "correct"), same, task="Sorts", task_type="Classification")
    return cast("Run", made)


def judge(run: Run, claim: Claim) -> Assessment:
    (one,) = assess([claim], [run])
    return one


def test_only_what_a_claim_names_is_laid_beside_it(run: Run) -> None:
    assert judge(run, make_claim()).outcome == "refuted"
    assert judge(run, make_claim(types=["Retrieval"])).outcome == "confirmed"
    assert judge(run, make_claim(tasks=["Search:en"])).outcome == "confirmed"
    assert judge(run, make_claim(holds="somewhere")).outcome == "confirmed"
    assert judge(run, make_claim(tasks=["Other"])).outcome == "not run"
    assert judge(run, make_claim(models=("org/other",))).outcome == "not run"
    assert judge(run, make_claim(condition="wrong")).outcome == "not run"
    assert judge(run, make_claim(models=())).outcome == "refuted"


def test_equal_strings_tested_nothing(run: Run) -> None:
    assert judge(run, make_claim(types=["Classification"])).outcome == "not run"
    assert judge(run, make_claim(tasks=["Sorts"])).outcome == "not run"


def test_a_size_in_per_cent_is_of_the_baseline(run: Run) -> None:
    one = judge(run, make_claim(types=["Retrieval"], size=[3, 5], unit="percent"))
    assert one.outcome == "confirmed", one.rows
    assert judge(run, make_claim(types=["Retrieval"], size=[1, 2], unit="percent")).outcome == "refuted"


def test_a_measurement_on_few_items_tells_how_many_it_took(run: Run) -> None:
    (row,) = judge(run, make_claim(types=["Retrieval"], measured=1.0, n_items=12)).rows
    (larger,) = judge(run, make_claim(types=["Retrieval"], measured=8.0, n_items=12)).rows
    assert row.outcome == "confirmed"
    assert row.needed is not None
    assert larger.needed is not None
    assert 0 < larger.needed < 400 < row.needed


def test_a_metric_is_asked_for_where_its_claim_was_made_in_it(run: Run) -> None:
    assert judge(run, make_claim(types=["Retrieval"], metric="mrr_at_10")).outcome == "not run"


def test_the_screen_fits_and_names_what_decides(run: Run) -> None:
    claims = [make_claim(), make_claim("two", types=["Retrieval"]), make_claim("three", tasks=["Other"])]
    assessments = assess(claims, [run])
    short = render_screen(assessments, ["made"], everything=False)
    assert "3 claims by made: 1 refuted, 1 confirmed, 0 cannot tell, 1 not run" in short
    assert "n 400" in short
    assert "prefixbench sweep" not in short
    many = render_screen(assess([make_claim(f"c-{n}") for n in range(40)], [run]), ["made"], everything=False)
    assert len(many.splitlines()) <= LINES
    long = render_screen(assessments, ["made"], everything=True)
    assert "--models org/model --tasks Other --conditions none,correct" in " ".join(long.split())
    assert "not read at its source" in " ".join(long.split())
    assert max(len(line) for line in (short + long).splitlines()) <= WIDTH
    document = json.loads(to_json(assessments))
    assert [one["outcome"] for one in document] == ["refuted", "confirmed", "not run"]
    assert document[1]["rows"][0]["n_items"] == 400
