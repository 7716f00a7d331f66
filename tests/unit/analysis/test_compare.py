from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import prefixbench as pb
import pytest
from prefixbench.analysis.compare import Selection, choose_settings, compare_run
from prefixbench.analysis.gate import Shown, judge_run
from prefixbench.analysis.settings import Asked
from prefixbench.cli.app import register_commands
from prefixbench.errors import SpecError
from prefixbench.results import load_run
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from typer.testing import CliRunner

from tests.fake_runs import make_table
from tests.fakes import make_result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder of one model on two tasks: a loss on one, nothing to see on the other."""
    path = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    spec = SweepSpec(
        name="check",
        models=(ModelSpec(name="org/model"),),
        tasks=(TaskSpec(name="Loss"), TaskSpec(name="Level")),
        conditions=tuple(Condition.parse(name) for name in ("none", "correct", "query-only")),
    )
    write_manifest(path, Manifest(spec=spec))
    for task, shift in (("Loss", -0.06), ("Level", 0.0)):
        base = rng.random(300)
        for condition in ("none", "correct", "query-only"):
            values = base + (0 if condition == "none" else shift + rng.normal(0, 0.03, 300))
            cell_id = f"{task}-{condition}"
            digest = write_items(path, cell_id, make_table(values))
            score = float(values.mean())
            row = make_result(cell_id, condition, score, task=task, items_sha256=digest, n_items=300)
            append_row(path, row.model_copy(update={"scores": {**row.scores, "map_at_10": score}}))
    return path


def test_the_table_shows_every_contrast_with_its_verdict(folder: Path) -> None:
    text = compare_run(folder, Selection(), as_json=False, everything=True)
    assert "org/model\n" in text
    lines = text.splitlines()
    line = next(line for line in lines[lines.index("  Loss (300 items)") :] if "correct-none" in line)
    assert line.split()[-1] == "hurts"
    assert "±0.5 matters; seed 42" in text


def test_the_answer_fits_a_screen_of_eighty_columns(folder: Path) -> None:
    lines = compare_run(folder, Selection(), as_json=False).splitlines()
    assert lines[0] == "org/model: harmful"
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert next(line for line in lines if line.split()[:1] == ["Loss"]).endswith("hurts")


def test_selecting_rows_changes_no_number(folder: Path) -> None:
    whole = json.loads(compare_run(folder, Selection(), as_json=True))["contrasts"]
    one = json.loads(compare_run(folder, Selection("correct-none", task="Loss"), as_json=True))
    assert one["contrasts"] == [row for row in whole if row["task"] == "Loss" and row["contrast"] == "correct-none"]


def test_names_with_hyphens_are_told_apart(folder: Path) -> None:
    rows: list[dict[str, Any]] = json.loads(compare_run(folder, Selection("none-query-only"), as_json=True))[
        "contrasts"
    ]
    assert {(row["condition"], row["baseline"]) for row in rows} == {("none", "query-only")}
    assert next(row for row in rows if row["task"] == "Loss")["verdict"] == "helps"


def test_an_unknown_contrast_names_the_nearest(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"^--contrast: unknown contrast 'corect-none'; did you mean correct-none"):
        compare_run(folder, Selection("corect-none"), as_json=False)
    with pytest.raises(SpecError, match=r"^--task: unknown task 'Los'; did you mean Loss\?$"):
        compare_run(folder, Selection(task="Los"), as_json=False)


def test_a_metric_without_items_is_refused_and_says_which_has_them(folder: Path) -> None:
    document = json.loads(compare_run(folder, Selection(), Asked(metric="map_at_10"), as_json=True))
    assert document["contrasts"] == []
    assert {row["reason"] for row in document["refusals"]} == {
        "map_at_10 has no per-item scores here; ndcg_at_10, the main score, can be compared."
    }


def test_a_metric_that_no_cell_has_is_named_with_those_there_are(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"^--metric: unknown metric 'nonsense'; valid choices: .*ndcg_at_10"):
        choose_settings(load_run(folder), Asked({}, metric="nonsense"))


def test_the_margin_is_the_runs_own_unless_asked_otherwise(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(folder, copy)
    run = load_run(copy)
    spec = run.spec.model_copy(update={"smallest_effect": {"default": 0.3, "ndcg_at_10": 7.0}})
    write_manifest(copy, run.manifest.model_copy(update={"spec": spec}))
    run = load_run(copy)
    assert [choose_settings(run, asked).margin_of("ndcg_at_10") for asked in (None, Asked({"default": 2.0}))] == [7, 2]
    assert choose_settings(run, Asked({"ndcg_at_10": 1.0})).describe_margins() == "±0.3, ndcg_at_10 ±1"
    rows = pb.load(copy).tasks()
    assert set(rows["margin"]) == {7.0}
    loss = rows[(rows["task"] == "Loss") & (rows["contrast"] == "correct-none")].iloc[0]
    assert loss["verdict"] == "equivalent"
    assert judge_run(copy, "correct-none", None).shown is Shown.SAFE
    assert "±0.3, ndcg_at_10 ±7 matters" in compare_run(copy, Selection())
    with pytest.raises(SpecError, match=r"^--smallest-effect: unknown metric 'ndcg_at_01'; did you mean ndcg_at_10"):
        compare_run(copy, Selection(), Asked({"ndcg_at_01": 1.0}))


def test_the_library_gives_the_same_frame(folder: Path) -> None:
    frame = pb.load(folder).contrasts()
    assert set(frame["contrast"]) == {"correct-none", "query-only-none", "query-only-correct"}
    assert frame["n_items"].dtype == np.int64


def test_the_command_prints_one_json_document(folder: Path) -> None:
    result = CliRunner().invoke(register_commands(), ["compare", str(folder), "--json", "--contrast", "correct-none"])
    assert result.exit_code == 0
    assert {row["contrast"] for row in json.loads(result.stdout)["contrasts"]} == {"correct-none"}
