"""The best of several worthless prefixes looks good, and the other half of the items says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prefixbench.analysis.choose import choices_to_json, choose_run, infer_choice, pick_best, render_choices
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import resample_block
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.errors import SpecError
from typer.testing import CliRunner

from tests.fake_runs import FakeRun, make_table

STARTER = Path(__file__).parents[3] / "results" / "starter"


def test_eight_worthless_prefixes_look_good_and_are_not() -> None:
    rng = np.random.default_rng(0)
    naive, honest, covered = [], [], 0
    for _ in range(200):
        run = FakeRun()
        shared = rng.random(100)
        run.add("none", make_table(shared))
        for number in range(8):
            run.add(f"custom:p{number}", make_table(shared + rng.normal(0, 0.1, 100)))
        ((place, cells),) = group_by_place(run).items()
        block = pair_cells(run, place, cells)
        resampled = resample_block(block, 99, 0)
        picked = pick_best(resampled, range(1, 9), 0, block, 0)
        estimate = infer_choice(picked)
        naive.append(100 * float(resampled.score[1 + picked.naive] - resampled.score[0]))
        honest.append(estimate.delta)
        low, high = estimate.interval(0.05)
        covered += low <= 0 <= high
    assert np.mean(naive) > 1.2
    assert abs(np.mean(honest)) < 0.2
    assert covered / 200 >= 0.93


def test_what_is_picked_is_judged_by_the_other_half() -> None:
    run = FakeRun()
    rng = np.random.default_rng(1)
    run.add("none", make_table(np.full(200, 0.3)))
    run.add("custom:good", make_table(0.5 + rng.normal(0, 0.01, 200)))
    run.add("custom:bad", make_table(0.2 + rng.normal(0, 0.01, 200)))
    ((place, cells),) = group_by_place(run).items()
    block = pair_cells(run, place, cells)
    picked = pick_best(resample_block(block, 99, 0), [1, 2], 0, block, 0)
    assert (picked.naive, picked.halves) == (0, (0, 0))
    assert infer_choice(picked).delta == pytest.approx(20, abs=0.5)


def test_names_of_one_cell_count_once_and_nothing_is_chosen_where_nothing_differs() -> None:
    choices, sentences = choose_run(STARTER, None, "none", AnalysisSettings())
    prefixed = [choice for choice in choices if choice.place.task == "StarterDocRetrieval"]
    assert len({*prefixed[0].candidates}) == len(prefixed[0].candidates) == 7
    assert sentences[9] == (
        "sentence-transformers/all-MiniLM-L6-v2 · StarterDocRetrieval (default): "
        "only 1 of the conditions sends something else than none; choosing needs two."
    )
    assert sentences == sorted(sentences), "whatever order the ledger has"
    text = render_choices(choices, sentences, "none")
    assert "honest:" in text
    document = json.loads(choices_to_json(choices, sentences, AnalysisSettings()))
    assert document["choices"][0]["naive_points"] - document["choices"][0]["delta_points"] == pytest.approx(
        document["choices"][0]["curse_points"]
    )


def test_what_cannot_be_chosen_among_is_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"choosing needs two conditions besides none; there is 1\.$"):
        choose_run(STARTER, ("correct",), "none", AnalysisSettings())
    with pytest.raises(SpecError) as error:
        choose_run(STARTER, ("corect", "wrong"), "none", AnalysisSettings())
    assert error.value.faults[0].startswith("--among: ")


def test_the_command_prints_what_was_picked_and_what_choosing_made() -> None:
    from prefixbench.cli.app import register_commands

    result = CliRunner().invoke(register_commands(), ["choose", str(STARTER), "--among", "correct,wrong,placebo"])
    assert result.exit_code == 0
    assert "made by choosing" in result.output
