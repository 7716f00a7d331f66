from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.errors import SpecError
from prefixbench.report.effects import Effect
from prefixbench.report.reindex import Stage, decide_index, load_reindex
from prefixbench.report.reindex_words import render_reindex
from typer.testing import CliRunner

from tests.fakes_report import FakeSweep, make_fake

ROOT = Path(__file__).resolve().parents[3]
TWIN = "prefixbench/minilm-prefixed"


def make_effect(verdict: str) -> Effect:
    return Effect("Retrieval", "Retrieval", ("correct", "query-only"), 1.2, 0.6, 1.8, verdict)


def make_stage(verdict: str) -> Stage:
    return Stage(0.5, make_effect(verdict), None)


@pytest.mark.parametrize(
    ("step", "stages", "decision", "said"),
    [
        (None, [], "not shown", "not both measured"),
        ("same strings", [], "keep", "the documents take no prefix"),
        ("equivalent", [], "keep", "which makes no difference that matters"),
        ("hurts", ["helps"], "keep", "which hurts"),
        ("positive", ["helps"], "not shown", "gains, size open"),
        ("inconclusive", ["helps"], "not shown", "the data cannot tell"),
        ("helps", [], "re-embed", "no mixture was swept"),
        ("helps", ["helps", "equivalent"], "re-embed in the background", "no mixture swept is worse by what matters"),
        ("helps", ["helps", "hurts"], "re-embed", "a mixture of both is worse than the old one"),
        ("helps", ["helps", "inconclusive"], "re-embed", "cannot tell whether a mixture is worse"),
    ],
)
def test_a_decision_needs_the_word_of_a_verdict(step: str | None, stages: list[str], decision: str, said: str) -> None:
    effect = None if step is None else make_effect(step)
    found, why = decide_index(effect, [make_stage(verdict) for verdict in stages])
    assert found == decision
    assert said in why
    assert step in (None, "same strings") or "+1.2 points [+0.6, +1.8]" in why


def test_the_twin_that_was_trained_with_prefixes_needs_its_index_again() -> None:
    answer = load_reindex(ROOT / "results" / "starter", TWIN, documents=1_000_000, price=0.02)
    retrieval = next(one for one in answer.answers if one.task_type == "Retrieval")
    assert retrieval.decision == "re-embed"
    assert answer.thresholds[0]["verdict"] == "hurts"
    assert answer.bill is not None
    assert answer.bill.seconds is not None
    assert 1_000_000 * 20 < (answer.bill.tokens or 0) < 1_000_000 * 200  # short passages of documentation
    assert answer.bill.money == pytest.approx(0.02 * (answer.bill.tokens or 0) / 1e6)
    assert answer.bill.seconds[0] < answer.bill.seconds[1]
    assert answer.missing[0].startswith(f"mixed:0.5 not swept: prefixbench sweep --models {TWIN} --tasks Starter")
    text = render_reindex(answer)
    assert "a threshold set without the prefix, on StarterPairClassification" in text
    assert all(len(line) <= 80 or line.startswith((TWIN, "mixed:0.5 not swept")) for line in text.splitlines())


def test_a_mixture_is_told_against_the_old_and_the_finished_index() -> None:
    answer = load_reindex(ROOT / "results" / "answer", "intfloat/multilingual-e5-small")
    (stage,) = answer.answers[0].stages
    assert stage.share == 0.5
    assert stage.against_old is not None
    assert stage.against_new is not None
    assert "50 % of the index still old: +0.1 points" in render_reindex(answer)
    assert answer.missing == ()


def test_without_an_index_there_is_nothing_to_decide(tmp_path: Path) -> None:
    sweep = FakeSweep(
        models={"org/one": ("ask: ", "", 6.0)}, tasks=(("STSBenchmark", "STS", "cosine_spearman"),), n_items=120
    )
    run, _ = make_fake(tmp_path, sweep)
    answer = load_reindex(run.path)
    assert (answer.answers, answer.bill) == ((), None)
    assert answer.missing[0].startswith("no task of this run searches an index")
    for given, message in (({"documents": 0}, "--documents: 0"), ({"price": -1.0}, "--price: -1")):
        with pytest.raises(SpecError, match=message):
            load_reindex(run.path, **given)


def test_the_command_answers_in_json_too() -> None:
    arguments = ["reindex", str(ROOT / "results" / "starter"), "--model", TWIN, "--json"]
    told = CliRunner().invoke(register_commands(), arguments)
    assert told.exit_code == 0, told.output
    assert {one["decision"] for one in json.loads(told.output)["answers"]} == {"not shown", "re-embed"}
