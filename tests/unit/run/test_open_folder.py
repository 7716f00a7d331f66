from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prefixbench.errors import ResultsError
from prefixbench.items.hits import collect_hits
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.prefixes.sources import NOTHING_SOURCE
from prefixbench.results import load_run
from prefixbench.results.hits import write_hits
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.live import PlannedCell
from prefixbench.results.records import CellFailure
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.run.folder import Present, examine_present, find_pending, make_folder, open_folder
from prefixbench.run.mteb_results import write_task_result
from prefixbench.run.rows import make_unplanned
from prefixbench.spec.conditions import Condition, Mechanism, PrefixPair
from prefixbench.spec.sweep import EncoderSettings, ModelSpec, Overwrite, SweepSpec, TaskSpec
from prefixbench.spec.tasks import TaskFacts

from tests.fakes import PROVENANCE, make_items, make_result


def make_spec(**changes: object) -> SweepSpec:
    fields = {
        "name": "t",
        "models": (ModelSpec(name="a/b"),),
        "tasks": (TaskSpec(name="X", subsets=("en",)),),
        "conditions": (Condition.parse("none"),),
    }
    return SweepSpec.model_validate(fields | changes)


class NamedCell(Cell):
    """A cell whose identity is chosen, not computed."""

    @property
    def cell_id(self) -> str:
        return self.notes[0]


def plan_of(*ids: str, **changes: object) -> Plan:
    """Cells of these identities, each on a task of its own name."""
    cells = tuple(make_cell(cell_id) for cell_id in ids)
    return Plan(make_spec(**changes), cells, ())


def make_cell(cell_id: str, condition: str = "none", task: str | None = None) -> Cell:
    return NamedCell(
        model=ModelSpec(name="org/model"),
        conditions=(Condition.parse(condition),),
        task=TaskFacts(task or cell_id, "STS", "cosine_spearman"),
        hf_subset="default",
        hf_split="test",
        pair=PrefixPair(),
        mechanism=Mechanism.NONE,
        settings=EncoderSettings(),
        sources=(NOTHING_SOURCE, NOTHING_SOURCE),
        notes=(cell_id,),
    )


def test_a_folder_grows_with_what_is_asked_of_it(tmp_path: Path) -> None:
    open_folder(tmp_path / "run", plan_of("a"), "first")
    more = {
        "models": (ModelSpec(name="c/d"),),
        "tasks": (TaskSpec(name="X", subsets=("de",)), TaskSpec(name="Y")),
        "conditions": (Condition.parse("none"), Condition.parse("correct")),
    }
    run = open_folder(tmp_path / "run", plan_of("b", **more), "second")
    assert [cell.cell_id for cell in run.manifest.planned] == ["a", "b"]
    assert [model.name for model in run.spec.models] == ["a/b", "c/d"]
    assert [(task.name, task.subsets) for task in run.spec.tasks] == [("X", ("en", "de")), ("Y", ())]


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 7}, "seed is 42, asked for is 7"),
        ({"limit": 50}, "limit is None, asked for is 50"),
        ({"encoder": EncoderSettings(max_seq_length=64)}, "encoder.max_seq_length is None, asked for is 64"),
        ({"encoder": {"dtype": "bfloat16"}}, "encoder.dtype is float32, asked for is bfloat16"),
    ],
)
def test_other_settings_are_refused(tmp_path: Path, changes: dict[str, object], difference: str) -> None:
    open_folder(tmp_path / "run", plan_of("a"), "first")
    with pytest.raises(ResultsError) as raised:
        open_folder(tmp_path / "run", plan_of("a", **changes), "second")
    assert str(raised.value) == (
        f"{tmp_path}/run: made with other settings ({difference}); choose another folder with --results."
    )


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    with pytest.raises(ResultsError, match="is a file, not a results folder"):
        make_folder(tmp_path / "run")


@pytest.mark.parametrize(
    ("overwrite", "pending"),
    [
        (Overwrite.ONLY_MISSING, {"failed", "new"}),
        (Overwrite.NEVER, {"new"}),
        (Overwrite.ALWAYS, {"done", "failed", "skipped", "new"}),
    ],
)
def test_what_is_pending(tmp_path: Path, overwrite: Overwrite, pending: set[str]) -> None:
    plan = plan_of("done", "failed", "skipped", "new")
    folder = tmp_path / "run"
    open_folder(folder, plan, "")
    digest = write_items(folder, "done", make_items([0.0, 0.5, 1.0]))
    append_row(folder, make_result("done", task="done", items_sha256=digest))
    for status in ("failed", "skipped"):
        row = CellFailure(
            cell_id=status,
            status=status,
            conditions=("none",),
            model="org/model",
            model_revision=None,
            task=status,
            task_type="STS",
            hf_subset="default",
            hf_split="test",
            reason="why",
            error="Error",
            provenance=PROVENANCE,
        )
        append_row(folder, row)
    assert find_pending(plan, load_run(folder), overwrite) == pending


def test_subsets_share_a_result_file_and_replace_only_themselves(tmp_path: Path) -> None:
    def result(subset: str, score: float) -> dict[str, object]:
        return {"dataset_revision": "r", "scores": {"test": [{"hf_subset": subset, "main_score": score}]}}

    for subset, score in (("en", 0.1), ("de", 0.2), ("en", 0.3)):
        write_task_result(tmp_path, "m/X.json", result(subset, score))
    import json

    entries = json.loads((tmp_path / "mteb" / "m" / "X.json").read_text())["scores"]["test"]
    assert [(entry["hf_subset"], entry["main_score"]) for entry in entries] == [("de", 0.2), ("en", 0.3)]


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Plan, Path]:
    """A folder with one scored cell, whose task is the user's own."""
    cell = replace(make_cell("done"), task=TaskFacts("done", "STS", "cosine_spearman", source="mine:Task"))
    plan, folder = Plan(make_spec(), (cell,), ()), tmp_path / "run"
    make_folder(folder)
    open_folder(folder, plan, "")
    digest = write_items(folder, "done", make_items([0.0, 0.5, 1.0]))
    hits = write_hits(folder, "done", collect_hits({"q0": ["a", "b"], "q1": ["b"], "q2": ["a"]}))
    append_row(folder, make_result("done", task="done", items_sha256=digest, hits_sha256=hits))
    return plan, folder


def pending(plan: Plan, folder: Path, **present: Any) -> set[str]:
    facts = {"mteb": "2.26.24", **present}
    return find_pending(plan, load_run(folder), Overwrite.ONLY_MISSING, Present(**facts))


def test_what_a_score_rests_on_is_compared_with_what_is_there_now(finished: tuple[Plan, Path]) -> None:
    plan, folder = finished
    place = Place.of(plan.cells[0])
    assert pending(plan, folder, weights={"org/model": "w"}, data={place: "0" * 64}) == set()
    assert pending(plan, folder, weights={"org/model": "retrained"}) == {"done"}
    assert pending(plan, folder, data={place: "1" * 64}) == {"done"}
    assert pending(plan, folder, mteb="3.0.0") == {"done"}


def test_only_own_data_and_models_with_scores_are_looked_at(finished: tuple[Plan, Path]) -> None:
    plan, folder = finished
    public = Plan(plan.spec, (*plan.cells, make_cell("new")), ())
    present = examine_present(
        public, load_run(folder), lambda model: f"of {model.name}", lambda place: place.facts.name
    )
    assert present.weights == {"org/model": "of org/model"}
    assert present.data == {Place.of(plan.cells[0]): "done"}
    absent = examine_present(public, load_run(folder), lambda _: None, lambda _: None)
    assert (absent.weights, absent.data) == ({}, {})


@pytest.mark.parametrize("kind", ["items", "hits"])
@pytest.mark.parametrize("damage", ["gone", "short", "foreign", "linked"])
def test_a_cell_of_which_a_file_is_damaged_is_computed_again(
    finished: tuple[Plan, Path], damage: str, kind: str
) -> None:
    plan, folder = finished
    assert pending(plan, folder) == set()
    path = folder / kind / "done.parquet"
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(path.read_bytes()[:-1])
    elif damage == "linked":
        path.rename(folder / "elsewhere.parquet")
        path.symlink_to(folder / "elsewhere.parquet")
    elif kind == "items":
        write_items(folder, "done", make_items([0.0, 0.5, 0.9]))
    else:
        write_hits(folder, "done", collect_hits({"q0": ["b", "a"], "q1": ["b"], "q2": ["a"]}))
    assert pending(plan, folder) == {"done"}


def test_a_changed_reason_of_a_skip_is_written_anew(tmp_path: Path) -> None:
    def skip(reason: str) -> Plan:
        task = TaskFacts("X", "STS", "cosine_spearman")
        cell = UnplannedCell(
            ModelSpec(name="org/model"), Condition.parse("wrong"), task, "default", "test", "skipped", reason
        )
        return Plan(make_spec(), (), (cell,))

    folder = tmp_path / "run"
    run = open_folder(folder, skip("it has one prefix."), "")
    append_row(folder, make_unplanned(skip("it has one prefix.").unplanned[0], PROVENANCE))
    run = load_run(folder)
    assert find_pending(skip("it has one prefix."), run, Overwrite.ONLY_MISSING) == set()
    assert len(find_pending(skip("it has none."), run, Overwrite.ONLY_MISSING)) == 1


def test_a_folder_left_by_a_kill_before_its_first_manifest_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "lock").write_text("process 1 on gone")
    (folder / f".{'0' * 16}.tmp").write_text("{ha")
    make_folder(folder)
    open_folder(folder, plan_of("a"), "")
    assert {path.name for path in folder.iterdir()} == {"lock", "run.json"}


def test_a_folder_of_the_first_schema_gets_names_from_its_rows(tmp_path: Path) -> None:
    manifest = Manifest(spec=make_spec(), planned=(PlannedCell(cell_id="old"), PlannedCell(cell_id="lost")))
    write_manifest(tmp_path, manifest)
    append_row(tmp_path, make_result("old", "correct", task="Task"))
    run = open_folder(tmp_path, Plan(make_spec(), (make_cell("new", "correct", "Task"),), ()), "")
    assert [cell.describe() for cell in run.missing] == ["lost", "org/model · Task · correct"]
    assert [row.cell_id for row in run.history] == ["old"]
