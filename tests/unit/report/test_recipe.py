from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.errors import SpecError
from prefixbench.report.effects import DECIDED
from prefixbench.report.recipe import CARD, Recipe, load_recipe, recipe_to_json, render_recipe
from prefixbench.report.snippets import list_tools
from typer.testing import CliRunner

from tests.fakes_report import FakeSweep, make_fake

ROOT = Path(__file__).resolve().parents[3]
E5 = "intfloat/multilingual-e5-small"
RETRIEVAL, STS = ("SciFact", "Retrieval", "ndcg_at_10"), ("STSBenchmark", "STS", "cosine_spearman")


@functools.cache
def load_answer(model: str) -> Recipe:
    """A run of models that people use."""
    return load_recipe(ROOT / "results" / "answer", model)


def make_run(
    folder: Path, strength: float, *, tasks: tuple[tuple[str, str, str], ...] = (RETRIEVAL,), conditions: str = ""
) -> Path:
    """Shown to help where the strength is above zero, to hurt below: effects on the first task are 1.5 times it."""
    models = {"org/model-name": ("ask: ", "told: ", strength)}
    names = ("none", "correct", *conditions.split(",")) if conditions else ("none", "correct")
    return make_fake(folder, FakeSweep(models=models, tasks=tasks, conditions=names, n_items=800, probes=False))[0].path


def test_a_prefix_shown_to_help_is_sent_with_its_evidence(tmp_path: Path) -> None:
    recipe = load_recipe(make_run(tmp_path, 6.0))
    (choice,) = recipe.choices
    assert (choice.condition, choice.is_shown) == ("correct", True)
    assert choice.why.startswith("as documented: helps, +")
    assert "against nothing (SciFact)" in choice.why
    assert recipe.strings.prompts == {"query": "ask: ", "document": "told: "}


def test_a_prefix_shown_to_hurt_is_left_out(tmp_path: Path) -> None:
    recipe = load_recipe(make_run(tmp_path, -6.0))
    assert recipe.choices[0].why.startswith("nothing: the documented prefix hurts, −")
    assert recipe.strings.prompts == {"query": "", "document": ""}
    assert 'encode(queries, prompt="")' in render_recipe(recipe, "python")  # a stored prompt would be sent otherwise


def test_where_nothing_is_shown_the_documented_strings_are_given_and_that_is_said() -> None:
    recipe = load_answer(E5)
    retrieval = next(choice for choice in recipe.choices if choice.task_type == "Retrieval")
    assert (retrieval.condition, retrieval.is_shown) == ("correct", False)
    assert retrieval.why.startswith("as documented: nothing shown, +0.7 points")
    assert (recipe.strings.prompts["query"], recipe.strings.prompts["document"]) == ("query: ", "passage: ")


def test_a_string_that_beats_the_documented_one_says_among_how_many_it_was_picked() -> None:
    recipe = load_answer(E5)
    pairs = next(choice for choice in recipe.choices if choice.task_type == "PairClassification")
    assert pairs.condition == "instruction"
    assert "best of 3; `prefixbench choose`" in pairs.why
    assert recipe.strings.prompts["PairClassification"].startswith("Retrieve text")


@pytest.mark.parametrize("strength", [-6.0, -0.3, 0.0, 0.3, 6.0])
def test_no_sentence_claims_more_than_its_verdict(tmp_path: Path, strength: float) -> None:
    tasks = (RETRIEVAL, STS)
    recipe = load_recipe(make_run(tmp_path, strength, tasks=tasks, conditions="instruction,placebo,shuffled"))
    for choice in recipe.choices:
        assert choice.effect is not None
        assert choice.is_shown == (choice.effect.verdict in DECIDED)
        for word, verdict in (
            ("helps", "helps"),
            ("hurts", "hurts"),
            ("beats", "helps"),
            ("no difference", "equivalent"),
        ):
            assert word not in choice.why or choice.effect.verdict == verdict
        assert choice.condition in {"none", "correct", "instruction"}  # nobody sends a placebo


def test_a_title_takes_its_place() -> None:
    recipe = load_answer("google/embeddinggemma-300m")
    assert recipe.strings.prompts["document"] == "title: none | text: "
    assert "title:·{title}·|·text:·" in render_recipe(recipe)


def test_one_tool_alone_and_all_in_json() -> None:
    recipe = load_answer(E5)
    settings = recipe_to_json(recipe)["settings"]
    assert isinstance(settings, dict)
    for tool in list_tools(recipe.strings):
        assert render_recipe(recipe, tool) == f"{settings[tool]}\n"
        assert "passage:" in settings[tool]
    card = render_recipe(recipe, CARD)
    assert '- `"query: "` (query: retrieval)' in card
    assert sum(line.startswith("- ") for line in card.splitlines()) == len(recipe.prompts) + len(recipe.choices)


def test_what_cannot_be_asked_is_one_sentence(tmp_path: Path) -> None:
    models = dict.fromkeys(("org/one", "org/two"), ("ask: ", "", 6.0))
    several = make_fake(
        tmp_path, FakeSweep(models=models, tasks=(RETRIEVAL,), conditions=("none", "correct"), name="s")
    )
    with pytest.raises(SpecError, match="holds 2 models; name one with --model: org/one, org/two"):
        load_recipe(several[0].path)
    with pytest.raises(SpecError, match="--model: unknown model 'e5'"):
        load_recipe(several[0].path, "e5")
    recipe = load_recipe(make_run(tmp_path, 6.0, tasks=(STS,)))
    with pytest.raises(
        SpecError, match="this run has no task with queries and documents; choices: config, python, card"
    ):
        render_recipe(recipe, "vespa")
    with pytest.raises(SpecError, match="--for: unknown tool 'pyton'; did you mean python"):
        render_recipe(recipe, "pyton")


def test_the_command_prints_a_screenful_or_json(tmp_path: Path) -> None:
    folder = str(make_run(tmp_path, 6.0))
    shown = CliRunner().invoke(register_commands(), ["recipe", folder])
    assert shown.exit_code == 0, shown.output
    assert "  query                ask:·  retrieval" in shown.output
    assert len(shown.output.splitlines()) < 45
    told = CliRunner().invoke(register_commands(), ["recipe", folder, "--json"])
    assert json.loads(told.output)["prompts"] == {"query": "ask: ", "document": "told: "}
