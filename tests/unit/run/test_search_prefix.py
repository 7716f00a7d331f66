from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.errors import SpecError
from prefixbench.results import load_run
from prefixbench.run.search_prefix import plan_rungs
from typer.testing import CliRunner, Result

from tests.score_fakes import draw_texts
from tests.tiny_models import make_model
from tests.unit.data.test_read_data import write_jsonl

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("n_candidates", "n_queries", "limits"),
    [(2, 20, [20]), (3, 50, [25, 50]), (12, 275, [34, 68, 137, 275]), (12, 100, [25, 50, 100]), (12, 39, [39])],
)
def test_queries_double_until_the_half_is_used_up(n_candidates: int, n_queries: int, limits: list[int]) -> None:
    assert plan_rungs(n_candidates, n_queries) == limits


def test_too_few_queries_are_refused() -> None:
    with pytest.raises(SpecError, match="one half of the task holds 19 queries; 20 are the fewest"):
        plan_rungs(4, 19)


def search(folder: Path, *words: str) -> Result:
    model, results, cache = (str(folder / name) for name in ("my-model", "results", "cache"))
    arguments = ["search-prefix", "--models", model, "--results", results, "--cache", cache, "--workers", "0", *words]
    return CliRunner().invoke(register_commands(), arguments)


def test_strings_are_halved_on_one_half_and_the_winner_is_judged_by_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))
    make_model(tmp_path / "made").rename(tmp_path / "my-model")
    pairs = [
        {"query": f"{query} {n}", "positive": f"{query} {text}"}
        for n, (query, text) in enumerate(zip(draw_texts(90, 0, 3), draw_texts(90, 1), strict=True))
    ]
    data = ["--data", str(write_jsonl(tmp_path / "pairs.jsonl", pairs))]
    own = [word for name in ("one", "two") for word in ("--prefix", f'{name}:query="{name}: ",document="never sent"')]
    told = search(tmp_path, *data, *own, "--conditions", "none,placebo:3", "--index", "none", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [one["name"] for one in found["candidates"]] == ["none", "placebo:3", "custom:one", "custom:two"]
    assert [(rung["queries"], rung["kept"]) for rung in found["rungs"]] == [(22, 2), (45, 1)]
    assert found["winner"]["name"] == next(iter(found["rungs"][-1]["scores"]))
    assert found["document"] == ""
    (held_out,) = found["held_out"]
    assert held_out["baseline"] == "none"
    assert held_out["n_units"] <= 45
    assert held_out["verdict"] == "described"  # fewer than a hundred queries
    whole, rung = load_run(tmp_path / "results" / "whole"), load_run(tmp_path / "results" / "rung-2")
    assert {row.limit for row in rung.results} == {45}
    assert {row.pair.document.prefix for row in (*whole.results, *rung.results)} == {""}
    embedded = [row.cost.texts_embedded for row in rung.results]
    assert max(embedded) <= 45  # queries alone: documents were embedded once, for the whole task

    refused = search(tmp_path, *data, "--conditions", "none,custom:one", *own[:2])
    assert "searching needs 2 strings besides nothing, and the conditions send 1" in str(refused.exception)
    refused = search(tmp_path, "--tasks", "StarterClassification", *own)
    assert "search-prefix looks for what to send with queries" in str(refused.exception)
