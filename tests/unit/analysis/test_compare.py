from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import prefixbench as pb
import pytest
from prefixbench.analysis.compare import Selection, compare_run
from prefixbench.cli.app import register_commands
from prefixbench.errors import SpecError
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
            append_row(path, make_result(cell_id, condition, score, task=task, items_sha256=digest, n_items=300))
    return path


def test_the_table_shows_every_contrast_with_its_verdict(folder: Path) -> None:
    text = compare_run(folder, Selection(), None, (0.5, 42), as_json=False, everything=True)
    assert "org/model\n" in text
    line = next(line for line in text.splitlines() if "Loss" in line and "correct-none" in line)
    assert line.split()[-1] == "hurts"
    assert "±0.5 matters; seed 42" in text


def test_the_answer_fits_a_screen_of_eighty_columns(folder: Path) -> None:
    lines = compare_run(folder, Selection(), None, (None, None), as_json=False).splitlines()
    assert lines[0] == "org/model: harmful"
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert next(line for line in lines if line.split()[:1] == ["Loss"]).endswith("hurts")


def test_selecting_rows_changes_no_number(folder: Path) -> None:
    whole = json.loads(compare_run(folder, Selection(), None, (0.5, 42), as_json=True))["contrasts"]
    one = json.loads(compare_run(folder, Selection("correct-none", task="Loss"), None, (0.5, 42), as_json=True))
    assert one["contrasts"] == [row for row in whole if row["task"] == "Loss" and row["contrast"] == "correct-none"]


def test_names_with_hyphens_are_told_apart(folder: Path) -> None:
    rows: list[dict[str, Any]] = json.loads(
        compare_run(folder, Selection("none-query-only"), None, (0.5, 42), as_json=True)
    )["contrasts"]
    assert {(row["condition"], row["baseline"]) for row in rows} == {("none", "query-only")}
    assert next(row for row in rows if row["task"] == "Loss")["verdict"] == "helps"


def test_an_unknown_contrast_names_the_nearest(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"^--contrast: unknown contrast 'corect-none'; did you mean correct-none"):
        compare_run(folder, Selection("corect-none"), None, (0.5, 42), as_json=False)
    with pytest.raises(SpecError, match=r"^--task: unknown task 'Los'; did you mean Loss\?$"):
        compare_run(folder, Selection(task="Los"), None, (0.5, 42), as_json=False)


def test_a_metric_without_items_is_refused_and_says_which_has_them(folder: Path) -> None:
    document = json.loads(compare_run(folder, Selection(), "map_at_10", (0.5, 42), as_json=True))
    assert document["contrasts"] == []
    assert {row["reason"] for row in document["refusals"]} == {
        "map_at_10 has no per-item scores here; ndcg_at_10, the main score, can be compared."
    }


def test_the_library_gives_the_same_frame(folder: Path) -> None:
    frame = pb.load(folder).contrasts()
    assert set(frame["contrast"]) == {"correct-none", "query-only-none", "query-only-correct"}
    assert frame["n_items"].dtype == np.int64


def test_the_command_prints_one_json_document(folder: Path) -> None:
    result = CliRunner().invoke(register_commands(), ["compare", str(folder), "--json", "--contrast", "correct-none"])
    assert result.exit_code == 0
    assert {row["contrast"] for row in json.loads(result.stdout)["contrasts"]} == {"correct-none"}
