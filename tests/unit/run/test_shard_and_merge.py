"""Shares of a plan are disjoint and whole; joined, they are the sweep that was never cut."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from prefixbench.errors import ResultsError, SpecError
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.expand import Plan
from prefixbench.results import load_run
from prefixbench.results.run import load_manifest, write_manifest
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.merge import merge_runs
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.progress import Progress
from prefixbench.run.shard import Shard
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.spec.sweep import SweepSpec

from tests.tiny_models import make_model

TASKS = ("mteb.mocks.mock_tasks.MockSTSTask", "mteb.mocks.mock_tasks.MockRetrievalTask")

pytestmark = pytest.mark.filterwarnings("ignore")  # mteb warns of data sets this small


def make_spec(model: Path | str, tasks: tuple[str, ...] = TASKS) -> SweepSpec:
    return load_sweep(None, None, Overrides(models=(str(model),), tasks=tasks, conditions=("none", "foreign", "wrong")))


def list_cells(plan: Plan) -> list[Cell | UnplannedCell]:
    return [*plan.cells, *plan.unplanned]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_disjoint_and_whole_and_keep_a_place_together(count: int) -> None:
    spec = make_spec("sentence-transformers/all-MiniLM-L6-v2", tasks=("STS12", "STS13", "SciFact", "ArguAna", "STS22"))
    plan, _ = make_plan(spec, find_local_folder)
    shares = [Shard(index, count).choose(plan) for index in range(1, count + 1)]
    assert sorted(cell_id for share in shares for cell_id in share) == sorted(plan.cell_ids)
    for share in shares:
        places = {
            (cell.model.name, cell.task.name, cell.hf_subset) for cell in list_cells(plan) if cell.cell_id in share
        }
        whole = [cell for cell in list_cells(plan) if (cell.model.name, cell.task.name, cell.hf_subset) in places]
        assert {cell.cell_id for cell in whole} == share
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 2 * 3


@pytest.mark.parametrize("text", ["0/4", "5/4", "1", "1/0", "-1/4", "a/b", "1/4/2", ""])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as raised:
        Shard.parse(text)
    assert str(raised.value) == (
        f"--shard {text!r}: write I/N with I from 1 to N, such as 1/4 for the first of four shares."
    )


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shares and the whole of one sweep."""
    here = tmp_path_factory.mktemp("shards")
    spec = make_spec(make_model(here / "model"))
    for name, shard in (("whole", None), ("one", Shard(1, 2)), ("two", Shard(2, 2))):
        options = SweepOptions(here / name, here / "cache", workers=0, shard=shard)
        assert run_sweep(spec, options, Progress()) == 0
    return here


@pytest.fixture
def copies(shards: Path, tmp_path: Path) -> Path:
    for name in ("one", "two"):
        shutil.copytree(shards / name, tmp_path / name)
    return tmp_path


def test_joined_shares_are_the_sweep_that_was_never_cut(shards: Path, copies: Path) -> None:
    one, two = load_run(copies / "one"), load_run(copies / "two")
    assert not one.complete
    assert not {row.cell_id for row in one.live} & {row.cell_id for row in two.live}
    merged = merge_runs([copies / "one", copies / "two"], copies / "merged")
    whole = load_run(shards / "whole")
    assert merged.complete
    assert {row.cell_id: row.score for row in merged.results} == {row.cell_id: row.score for row in whole.results}
    assert {row.cell_id for row in merged.failures} == {row.cell_id for row in whole.failures}
    assert {row.cell_id: row.geometry for row in merged.results} == {row.cell_id: row.geometry for row in whole.results}
    assert all(merged.items(row.cell_id).n_items == row.n_items for row in merged.results)
    for row in merged.results:
        hits, known = merged.hits(row.cell_id), merged.items(row.cell_id)
        assert (hits is None) == (row.hits_sha256 is None) == (row.task_type != "Retrieval")
        assert known.words is not None
        assert known.overlap is not None
        if hits is not None:
            quoted = {(row.task, row.hf_subset, name) for name in hits.name_first().values()}
            assert quoted <= merged.document_texts().keys()
    assert merged.document_texts() == whole.document_texts()
    assert len(merged.probes) == len(whole.probes) > 0
    results = {path.relative_to(shards / "whole") for path in (shards / "whole" / "mteb").rglob("*.json")}
    assert {path.relative_to(copies / "merged") for path in (copies / "merged" / "mteb").rglob("*.json")} == results
    options = SweepOptions(copies / "merged", shards / "cache", workers=0)
    assert run_sweep(make_spec(load_run(copies / "one").spec.models[0].name), options, Progress()) == 0
    assert len(load_run(copies / "merged").rows) == len(merged.rows), "there was nothing left to do"


def edit_rows(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    """Change the first scored row of a ledger."""
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    place = next(index for index, line in enumerate(lines) if '"kind":"result"' in line)
    row = json.loads(lines[place])
    change(row)
    lines[place] = json.dumps(row)
    (folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")


def test_runs_that_do_not_belong_together_are_refused_by_name(copies: Path) -> None:
    one, two, output = copies / "one", copies / "two", copies / "merged"

    def refusal(*folders: Path) -> str:
        with pytest.raises(ResultsError) as raised:
            merge_runs(folders, output)
        assert not output.exists(), "refused, but something was written"
        return str(raised.value)

    assert refusal(one) == "nothing to join: name two results folders at least."
    manifest = load_manifest(two)
    write_manifest(two, manifest.model_copy(update={"spec": manifest.spec.model_copy(update={"seed": 7})}))
    assert refusal(one, two) == f"{two}: its plan is not that of {one}; they differ in seed."
    write_manifest(two, manifest.model_copy(update={"planned": manifest.planned[1:]}))
    lost = manifest.planned[0]
    assert refusal(one, two) == (
        f"{two}: its plan is not that of {one}, though the same was asked for; 1 cells are in one of them only "
        f"({lost.describe()}). Were prefixes, revisions or versions others on one of the machines?"
    )


def test_two_scores_of_one_cell_must_agree(copies: Path) -> None:
    again = copies / "again"
    shutil.copytree(copies / "one", again)
    merge_runs([copies / "one", again, copies / "two"], copies / "merged")
    edit_rows(again, lambda row: row.update(score=0.125))
    with pytest.raises(ResultsError, match=r"scored 0\.12500 there and [-0-9.]+ in .*; leave one of the runs out\.$"):
        merge_runs([copies / "one", again, copies / "two"], copies / "other")


def test_a_damaged_item_file_and_a_full_folder_are_refused(copies: Path) -> None:
    with pytest.raises(ResultsError, match=r"holds something already; name a new folder with --results\.$"):
        merge_runs([copies / "one", copies / "two"], copies / "two")
    next((copies / "two" / "items").glob("*.parquet")).write_bytes(b"torn")
    with pytest.raises(ResultsError, match="differ from the checksum in the ledger"):
        merge_runs([copies / "one", copies / "two"], copies / "merged")
    assert not (copies / "merged").exists()
