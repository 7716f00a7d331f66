"""The gate's exit code for every kind of damage and every verdict: what was planned and not judged is never exit 0."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prefixbench.analysis import analyse
from prefixbench.cli.app import main
from prefixbench.results import load_run
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.live import PlannedCell
from prefixbench.results.records import CellFailure
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.spec.conditions import Condition
from prefixbench.spec.margins import OTHERS
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec

from tests.fake_runs import make_table
from tests.fakes import PROVENANCE, make_result

TARGET = "Loss-correct"


def make_run(folder: Path, shifts: dict[str, float], noise: float = 0.03, n_items: int = 300) -> Path:
    """``correct`` differs from ``none`` by so much on each task; every cell was planned and scored."""
    folder.mkdir()
    spec = SweepSpec(
        name="gated",
        models=(ModelSpec(name="org/model"),),
        tasks=tuple(TaskSpec(name=task) for task in shifts),
        conditions=(Condition.parse("none"), Condition.parse("correct")),
        smallest_effect={OTHERS: 1.0},
    )
    cells = [(task, condition) for task in shifts for condition in ("none", "correct")]
    planned = tuple(
        PlannedCell(
            cell_id=f"{task}-{condition}", model="org/model", task=task, hf_subset="default", hf_split="test",
            conditions=(condition,),
        )
        for task, condition in cells
    )  # fmt: skip
    write_manifest(folder, Manifest(spec=spec, planned=planned))
    rng = np.random.default_rng(0)
    for task, shift in shifts.items():
        base = rng.random(n_items)
        for condition, values in (("none", base), ("correct", base + shift + rng.normal(0, noise, n_items))):
            cell_id = f"{task}-{condition}"
            digest = write_items(folder, cell_id, make_table(values))
            score = float(values.mean())
            append_row(folder, make_result(cell_id, condition, score, task=task, items_sha256=digest, n_items=n_items))
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("sound") / "run", {"Loss": -0.06, "Gain": 0.06})


def gate(folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    monkeypatch.setattr(sys, "argv", ["prefixbench", "gate", str(folder), *flags])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def items(folder: Path) -> Path:
    return folder / "items" / f"{TARGET}.parquet"


def rewrite_ledger(folder: Path, change: Callable[[str], str | None]) -> None:
    """Change the row of the target, or drop it."""
    ledger = folder / "ledger.jsonl"
    lines = ledger.read_text().splitlines()
    kept = [change(line) if f'"{TARGET}"' in line else line for line in lines]
    ledger.write_text("".join(f"{line}\n" for line in kept if line is not None))


def change_score(line: str) -> str:
    row = json.loads(line)
    row["score"] += 0.06
    return json.dumps(row)


def fail(folder: Path, status: str) -> None:
    names = {"cell_id": TARGET, "status": status, "conditions": ("correct",), "model": "org/model"}
    place = {"task": "Loss", "task_type": "Retrieval", "hf_subset": "default", "hf_split": "test"}
    rest = {"model_revision": "abc", "reason": "no memory", "error": "EncodeError", "provenance": PROVENANCE}
    append_row(folder, CellFailure.model_validate(names | place | rest))


def replace_items(folder: Path, make: Callable[[Path], object]) -> None:
    items(folder).unlink()
    make(items(folder))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "an item file short by a byte": lambda run: items(run).write_bytes(items(run).read_bytes()[:-1]),
    "an empty item file": lambda run: items(run).write_bytes(b""),
    "an item file that is gone": lambda run: items(run).unlink(),
    "another cell's item file": lambda run: shutil.copy(run / "items" / "Loss-none.parquet", items(run)),
    "a folder for an item file": lambda run: replace_items(run, Path.mkdir),
    "a pipe for an item file": lambda run: replace_items(run, os.mkfifo),
    "a link for an item file": lambda run: replace_items(run, lambda path: path.symlink_to("Loss-none.parquet")),
    "no items at all": lambda run: shutil.rmtree(run / "items"),
    "a row that is gone": lambda run: rewrite_ledger(run, lambda _: None),
    "a row that is cut": lambda run: rewrite_ledger(run, lambda line: line[: len(line) // 2]),
    "a row with another score": lambda run: rewrite_ledger(run, change_score),
    "a row of another cell": lambda run: rewrite_ledger(run, lambda line: line.replace(TARGET, "Loss-other")),
    "an empty ledger": lambda run: (run / "ledger.jsonl").write_bytes(b""),
    "no ledger": lambda run: (run / "ledger.jsonl").unlink(),
    "no manifest": lambda run: (run / "run.json").unlink(),
    "a cell that failed later": lambda run: fail(run, "failed"),
    "a cell that was skipped later": lambda run: fail(run, "skipped"),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("flags", ["--max-loss 7", "--max-loss 0.5", "--only-proven", "--task Loss --max-loss 7"])
def test_damage_never_passes(
    kind: str, flags: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(sound, tmp_path / "run")
    DAMAGE[kind](tmp_path / "run")
    code = gate(tmp_path / "run", monkeypatch, *flags.split())
    told = capsys.readouterr()
    assert code in {2, 4}, told.out
    assert "not judged: " in told.out or told.err.startswith("error: ")
    assert "Traceback" not in told.err


def test_the_same_run_unharmed_is_judged(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gate(sound, monkeypatch, "--max-loss", "7") == 0
    assert gate(sound, monkeypatch, "--max-loss", "0.5") == 3
    assert gate(sound, monkeypatch, "--task", "Gain") == 0


VERDICTS = {
    "helps": ({"Task": 0.06}, 0.03, 300, 0),
    "hurts": ({"Task": -0.06}, 0.03, 300, 3),
    "equivalent": ({"Task": 0.0}, 0.02, 1000, 0),
    "positive": ({"Task": 0.012}, 0.05, 300, 0),
    "negative": ({"Task": -0.012}, 0.05, 300, 4),
    "inconclusive": ({"Task": 0.0}, 0.5, 300, 4),
    "described": ({"Task": -0.06}, 0.03, 12, 4),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_its_code(verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shifts, noise, n_items, code = VERDICTS[verdict]
    folder = make_run(tmp_path / "run", shifts, noise, n_items)
    (row,) = analyse(load_run(folder)).contrasts.to_dict("records")
    assert row["verdict"] == verdict
    assert gate(folder, monkeypatch, "--max-loss", "1") == code
