"""A prefix that truncation cuts away is said, counted over all texts; one that leaves no room for any text fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.results import load_run
from prefixbench.results.run import Run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep

from tests.tiny_models import make_model

pytestmark = pytest.mark.filterwarnings("ignore")
LONG = "one two three four five six seven eight nine ten eleven twelve"


def sweep(folder: Path, prefix: str, *, side: str = "right") -> Run:
    """Twelve scored pairs, the last four of them longer than the eight tokens that the model reads."""
    model = make_model(folder / "made")
    path = model / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "truncation_side": side}))
    rows = [
        {"sentence1": f"{LONG} {n}" if n > 7 else f"{n}", "sentence2": f"{n % 5} {n % 3}", "score": n % 5}
        for n in range(12)
    ]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    overrides = Overrides(
        models=(str(model),),
        data=({"path": str(folder / "pairs.jsonl"), "columns": {}, "type": None},),
        conditions=("none",),
        prefixes=(f'own:query="{prefix}",document=""',),
        encoder={"device": "cpu", "engine": "torch", "max_seq_length": 8},
    )
    run_sweep(load_sweep(None, None, overrides), SweepOptions(folder / "run", folder / "cache", workers=0), Progress())
    return load_run(folder / "run")


def test_a_tokenizer_that_cuts_at_the_beginning_cuts_the_prefix_and_that_is_said(tmp_path: Path) -> None:
    rows = {row.conditions[0]: row for row in sweep(tmp_path, "query: ", side="left").results}
    (audit,) = rows["custom:own"].audit
    assert audit.n_prefix_cut == 4
    note = f"The tokenizer cuts long texts at their beginning: of 4 of {audit.n_texts} "
    assert any(one.startswith(note) for one in rows["custom:own"].notes)
    assert not any("at their beginning" in one for one in rows["none"].notes)


def test_a_prefix_that_leaves_no_room_for_any_text_fails_its_cell(tmp_path: Path) -> None:
    run = sweep(tmp_path, "a b c d e f g h i j k ")
    assert [row.conditions for row in run.results] == [("none",)]
    (failure,) = run.failures
    assert failure.status == "failed"
    assert "reads" in failure.reason
    assert "no token" in failure.reason
