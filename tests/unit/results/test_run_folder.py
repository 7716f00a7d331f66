from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from prefixbench.errors import ResultsError
from prefixbench.results import load_run
from prefixbench.results.guard import hold_folder
from prefixbench.results.items import load_items, write_items
from prefixbench.results.ledger import append_row, read_rows
from prefixbench.results.live import PlannedCell
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.results.texts import add_document_texts, add_item_texts, read_document_texts, read_item_texts
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec

from tests.fakes import make_items, make_result

SPEC = SweepSpec(
    name="t",
    models=(ModelSpec(name="org/model"),),
    tasks=(TaskSpec(name="Task"),),
    conditions=(Condition.parse("none"), Condition.parse("wrong:clustering")),
)


def planned(*ids: str) -> tuple[PlannedCell, ...]:
    return tuple(PlannedCell(cell_id=cell_id) for cell_id in ids)


def test_a_run_reads_back_what_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(spec=SPEC, planned=planned("a", "b")))
    sha = write_items(tmp_path, "a", make_items([0.0, 0.5, 1.0]))
    append_row(tmp_path, make_result("a", items_sha256=sha))
    add_item_texts(tmp_path, "Task", "default", {"q0": "what?"})
    run = load_run(tmp_path)
    assert run.spec == SPEC
    assert run.results[0] == make_result("a", items_sha256=sha)
    assert run.items("a").value.tolist() == [0.0, 0.5, 1.0]
    assert run.item_texts() == {("Task", "default", "q0"): "what?"}
    assert not run.complete
    assert run.frame()["condition"].tolist() == ["none"]
    append_row(tmp_path, make_result("b", "correct"))
    assert load_run(tmp_path).complete


def test_the_last_row_of_a_cell_counts(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(spec=SPEC))
    append_row(tmp_path, make_result("a", score=0.1))
    append_row(tmp_path, make_result("a", score=0.2))
    run = load_run(tmp_path)
    assert [row.score for row in run.results] == [0.2]
    assert run.history == (make_result("a", score=0.1),)
    assert run.describe_history() == [
        "replaced: org/model · Task (default) · none: ndcg_at_10 0.1000, 2026-01-01T00:00:00+00:00, cell a"
    ]


def test_a_run_is_shown_in_a_line_and_as_a_table(tmp_path: Path) -> None:
    write_manifest(tmp_path, Manifest(spec=SPEC, planned=planned("a", "b", "c")))
    append_row(tmp_path, make_result("a", task="<b>"))
    append_row(tmp_path, make_result("a", task="<b>"))
    append_row(tmp_path, make_result("b", "correct", task="<b>"))
    run = load_run(tmp_path)
    assert repr(run) == f"<Run '{tmp_path}': 1 models, 1 tasks, 2 cells scored, 1 missing, 1 replaced>"
    shown = run._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown.replace(f"<b>{run.name}</b>", "")
    assert run.describe_missing() == (
        f"{tmp_path.name}: 1 of 3 planned cells have no score that counts (c); run the sweep again."
    )


@pytest.mark.parametrize("cut", [1, 20, 400])
def test_a_torn_last_line_is_dropped_and_then_overwritten(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "ledger.jsonl"
    append_row(tmp_path, make_result("a"))
    append_row(tmp_path, make_result("b"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert [row.cell_id for row in read_rows(tmp_path) if row.kind == "result"] == ["a"]
    append_row(tmp_path, make_result("c"))
    assert [row.cell_id for row in read_rows(tmp_path) if row.kind == "result"] == ["a", "c"]


def test_a_corrupt_middle_line_is_named(tmp_path: Path) -> None:
    append_row(tmp_path, make_result("a"))
    path = tmp_path / "ledger.jsonl"
    row = json.loads(path.read_text()) | {"score": "high"}
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(ResultsError, match=r"ledger\.jsonl, line 1: result\.score: must be a number"):
        read_rows(tmp_path)


def test_changed_items_are_refused(tmp_path: Path) -> None:
    sha = write_items(tmp_path, "x", make_items([0.0, 1.0]))
    write_items(tmp_path, "x", make_items([0.0, 0.9]))
    with pytest.raises(ResultsError, match="differ from the checksum in the ledger"):
        load_items(tmp_path, make_result("x", items_sha256=sha, n_items=2))


def test_items_that_do_not_rebuild_their_score_are_refused(tmp_path: Path) -> None:
    sha = write_items(tmp_path, "x", make_items([0.0, 0.9]))
    with pytest.raises(ResultsError) as raised:
        load_items(tmp_path, make_result("x", items_sha256=sha, n_items=2, score=0.4501))
    assert str(raised.value) == (
        f"{tmp_path}/items/x.parquet: ndcg_at_10 rebuilt from the items is 0.4500000, but the ledger says 0.4501000; "
        "run the cell again."
    )


def test_items_keep_every_column(tmp_path: Path) -> None:
    items = make_items([0.0, 1.0])
    ranked = type(items)(
        items.statistic, items.item_id, items.group_id, items.replicate, items.value, rank=np.array([1.0, np.inf])
    )
    sha = write_items(tmp_path, "x", ranked)
    back = load_items(tmp_path, make_result("x", items_sha256=sha, n_items=2))
    assert back.rank is not None
    assert back.rank.tolist() == [1.0, np.inf]
    assert back.prediction is None
    assert back.item_id.tolist() == ["q0", "q1"]


def test_item_texts_of_other_tasks_stay_and_integer_ids_are_names(tmp_path: Path) -> None:
    add_item_texts(tmp_path, "Numbered", "default", {1: "one", 2: "two"})  # type: ignore[dict-item]
    add_item_texts(tmp_path, "Named", "en", {"a": "first"})
    add_item_texts(tmp_path, "Numbered", "default", {"2": "two", "3": "three"})
    texts = {("Named", "en", "a"): "first"} | {
        ("Numbered", "default", str(number)): word for number, word in enumerate(("one", "two", "three"), 1)
    }
    assert read_item_texts(tmp_path) == texts
    assert read_document_texts(tmp_path) == {}
    add_document_texts(tmp_path, "Numbered", "default", {"1": "a document"})
    assert read_item_texts(tmp_path) == texts
    assert read_document_texts(tmp_path) == {("Numbered", "default", "1"): "a document"}
    add_item_texts(tmp_path, "Numbered", "default", {"1": "one"})
    assert read_document_texts(tmp_path) == {("Numbered", "default", "1"): "a document"}
    (tmp_path / "texts.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(ResultsError, match=r"texts\.parquet: not a table of ours"):
        read_item_texts(tmp_path)
    add_item_texts(tmp_path, "Named", "en", {"a": "first"})
    assert read_item_texts(tmp_path) == {("Named", "en", "a"): "first"}


def test_foreign_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="no such results folder"):
        load_run(tmp_path / "absent")
    with pytest.raises(ResultsError, match=r"not a results folder of prefixbench \(it has no run.json\)"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text('{"schema_version": 99, "tool": "prefixbench"}')
    with pytest.raises(ResultsError, match="schema_version is 99, this version reads up to"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text("{torn")
    with pytest.raises(ResultsError, match="cannot be read"):
        load_run(tmp_path)


def test_the_second_writer_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    told = r"process \d+ on .* is writing to this folder"
    with hold_folder(tmp_path), pytest.raises(ResultsError, match=told), hold_folder(tmp_path):
        pytest.fail("two writers hold one folder")
    with hold_folder(tmp_path):
        pass
