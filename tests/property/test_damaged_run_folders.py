"""Every mutation of every file of a run folder ends in the right numbers, in less that is named, or in one sentence."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.errors import PrefixbenchError, ResultsError
from prefixbench.items.hits import collect_hits
from prefixbench.items.table import ItemTable
from prefixbench.results import Run, load_run
from prefixbench.results.guard import hold_folder
from prefixbench.results.hits import write_hits
from prefixbench.results.items import read_table, write_items
from prefixbench.results.ledger import append_row
from prefixbench.results.live import PlannedCell
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.results.texts import add_item_texts
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec

from tests.fake_runs import make_table
from tests.fakes import make_result

TASKS = ("First", "Second")
CONDITIONS = ("none", "correct")
QUICK = AnalysisSettings(n_resamples=99)
FILES = (
    "run.json",
    "ledger.jsonl",
    "items/First-none.parquet",
    "items/Second-correct.parquet",
    "hits/First-none.parquet",
    "texts.parquet",
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model, two tasks, two conditions, as a sweep leaves them."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    folder.mkdir()
    spec = SweepSpec(
        name="small",
        models=(ModelSpec(name="org/model"),),
        tasks=tuple(TaskSpec(name=task) for task in TASKS),
        conditions=tuple(map(Condition.parse, CONDITIONS)),
    )
    cells = [(task, condition) for task in TASKS for condition in CONDITIONS]
    planned = tuple(
        PlannedCell(
            cell_id=f"{task}-{condition}",
            model="org/model",
            task=task,
            hf_subset="default",
            hf_split="test",
            conditions=(condition,),
        )
        for task, condition in cells
    )
    write_manifest(folder, Manifest(spec=spec, planned=planned))
    rng = np.random.default_rng(0)
    for task, condition in cells:
        values = rng.random(12)
        cell_id = f"{task}-{condition}"
        digest = write_items(folder, cell_id, make_table(values))
        found = {f"q{number}": [f"d{n}" for n in rng.permutation(9)] for number in range(12)}
        row = make_result(
            cell_id,
            condition,
            float(values.mean()),
            task=task,
            items_sha256=digest,
            hits_sha256=write_hits(folder, cell_id, collect_hits(found)),
            n_items=12,
        )
        append_row(folder, row)
        add_item_texts(folder, task, "default", {f"q{number}": f"what is {number}?" for number in range(12)})
    return folder


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def truth(sound: Path) -> dict[tuple[str, str], float]:
    return read_deltas(load_run(sound))[0]


def read_deltas(run: Run) -> tuple[dict[tuple[str, str], float], set[str]]:
    """Deltas by task and contrast, and the tasks of which a contrast is refused by name."""
    analysis = analyse(run, QUICK)
    rows = analysis.contrasts.to_dict("records")
    return {(row["task"], row["contrast"]): row["delta_points"] for row in rows}, set(analysis.refusals["task"])


def check(folder: Path, truth: dict[tuple[str, str], float]) -> None:
    """Read the folder as compare, gate and report do."""
    try:
        run = load_run(folder)
        found, refused = read_deltas(run)
        assert run.describe_missing() == "" or "\n" not in run.describe_missing()
        assert len(repr(run)) < 500
    except PrefixbenchError as error:
        check_sentence(error)
        return
    for key, delta in truth.items():
        assert found.get(key, delta) == delta, f"another number for {key}"
        assert key in found or run.missing or key[0] in refused, f"{key} is gone without a word"
    assert found.keys() <= truth.keys()
    try:
        run.item_texts()
        for row in run.results:
            run.hits(row.cell_id)
    except PrefixbenchError as error:
        check_sentence(error)


def check_sentence(error: PrefixbenchError) -> None:
    assert str(error).strip()
    assert "\n" not in str(error)
    assert "Traceback" not in str(error)


def replace_by(kind: str, path: Path, outside: Path) -> None:
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(outside)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "empty":
        path.touch()
    elif kind == "noise":
        path.write_bytes(random.Random(0).randbytes(3000))
    elif kind == "deep":
        path.write_text("[" * 100_000)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["gone", "folder", "pipe", "link", "loop", "empty", "noise", "deep"])
def test_a_file_that_is_another_thing(
    name: str, kind: str, copy: Path, sound: Path, truth: dict[tuple[str, str], float]
) -> None:
    replace_by(kind, copy / name, sound / name)
    check(copy, truth)


@pytest.mark.parametrize("name", FILES)
def test_cut_and_flipped_bytes(name: str, copy: Path, truth: dict[tuple[str, str], float]) -> None:
    rng = random.Random(name)
    content = (copy / name).read_bytes()
    for number in range(16):
        at = rng.randrange(len(content))
        flipped = content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
        (copy / name).write_bytes(content[:at] if number % 4 == 0 else flipped)
        check(copy, truth)


VALUES: tuple[Any, ...] = (None, "", "\x00../x", "\u202e\x1b[2J", -1, 10**400, 1.5, [], {}, [[]], True)


@pytest.mark.parametrize("name", ["run.json", "ledger.jsonl"])
def test_fields_of_other_values(name: str, copy: Path, truth: dict[tuple[str, str], float]) -> None:
    lines = (copy / name).read_text().splitlines() if name == "ledger.jsonl" else [(copy / name).read_text()]
    rng = random.Random(name)
    for _ in range(60):
        row = json.loads(lines[0])
        place, key = rng.choice(list(walk(row)))
        place[key] = rng.choice(VALUES)
        (copy / name).write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")
        check(copy, truth)


def walk(value: Any) -> Any:
    """Every place of a JSON value that can be set to another."""
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, part in items:
        yield value, key
        if isinstance(part, dict | list):
            yield from walk(part)


@pytest.mark.parametrize("dropped", [{0}, {1}, {3}, {2, 3}, {0, 1, 2, 3}])
def test_rows_that_are_gone_are_counted_and_named(dropped: set[int], copy: Path) -> None:
    path = copy / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for number, line in enumerate(lines) if number not in dropped))
    run = load_run(copy)
    assert len(run.missing) == len(dropped)
    assert run.describe_missing().startswith(f"run: {len(dropped)} of 4 planned cells have no score that counts (")
    assert not run.complete


def rewrite_items(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Another item file for the first cell, its checksum in the ledger that of the new one."""
    path = folder / "items" / "First-none.parquet"
    table = pq.read_table(path)
    columns = change({name: table.column(name).to_pylist() for name in table.column_names})
    sink = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({"statistic": "mean"}), sink)
    path.write_bytes(sink.getvalue())
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    row = json.loads(lines[0]) | {"items_sha256": hashlib.sha256(sink.getvalue()).hexdigest()}
    (folder / "ledger.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]) + "\n")


def int32(columns: dict[str, Any]) -> dict[str, Any]:
    return columns | {"replicate": pa.array(columns["replicate"], pa.int32())}


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("value", [1e300] * 12, "column value holds values that are no numbers or beyond 9e+15."),
        ("value", [float("nan")] * 12, "column value holds values that are no numbers or beyond 9e+15."),
        ("value", ["high"] * 12, "not a table of ours (column value is string, not double)."),
        ("value", [None] * 12, "not a table of ours (column value is null, not double)."),
        ("value", [0.25] * 12, "ndcg_at_10 rebuilt from the items is 0.2500000, but the ledger says"),
        ("item_id", list(range(12)), "not a table of ours (column item_id is int64, not string)."),
        ("item_id", ["same"] * 12, "1 items by mean, where the ledger says 12 by mean; run the cell again."),
        ("extra", [0] * 12, "not a table of ours (column extra is int64, not among its columns)."),
    ],
)
def test_item_values_are_taken_in_only_as_written(
    column: str, value: list[Any], told: str, copy: Path, truth: dict[tuple[str, str], float]
) -> None:
    rewrite_items(copy, lambda columns: int32(columns) | {column: value})
    with pytest.raises(ResultsError) as raised:
        load_run(copy).items("First-none")
    assert str(raised.value).startswith(f"{copy}/items/First-none.parquet: {told}")
    check(copy, truth)


def test_small_files_that_expand_without_end_are_not_read(copy: Path, truth: dict[tuple[str, str], float]) -> None:
    n_rows = 21_000_000
    zeros = np.zeros(n_rows, np.int8)
    constant = {name: pa.DictionaryArray.from_arrays(zeros, pa.array(["q"])) for name in ("item_id", "group_id")}
    path = copy / "items" / "First-none.parquet"
    pq.write_table(pa.table(constant), path, compression="zstd", store_schema=False)
    content = path.read_bytes()
    assert len(content) < 200_000
    with pytest.raises(ResultsError, match=r"21,000,000 rows of [\d,]+ bytes are more than is read\."):
        read_table(path, content, dict.fromkeys(constant, pa.string()), {})
    check(copy, truth)
    text = pa.array(["x" * 2_000_000])
    short = pa.array(["a"])
    zeros = np.zeros(3_000, np.int8)
    columns = {name: pa.DictionaryArray.from_arrays(zeros, short) for name in ("task", "hf_subset", "item_id")}
    columns["text"] = pa.DictionaryArray.from_arrays(zeros, text)
    pq.write_table(pa.table(columns), copy / "texts.parquet", compression="zstd", store_schema=False)
    assert (copy / "texts.parquet").stat().st_size < 100_000
    with pytest.raises(ResultsError, match=r"column text would take 24,000,000,000 bytes in memory\."):
        load_run(copy).item_texts()


@pytest.mark.parametrize("name", ["lock", "ledger.jsonl", "items", "run.json"])
def test_nothing_is_written_through_a_link(name: str, copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    if name == "items":
        shutil.move(copy / name, outside)
    else:
        outside.write_text("mine\n")
        (copy / name).unlink(missing_ok=True)
    before = sorted(outside.iterdir()) if outside.is_dir() else outside.read_text()
    (copy / name).symlink_to(outside)
    with pytest.raises(ResultsError, match="is a link; nothing in a results folder is read or written through one"):
        write_everything(copy)
    assert (sorted(outside.iterdir()) if outside.is_dir() else outside.read_text()) == before


def write_everything(folder: Path) -> None:
    with hold_folder(folder):
        write_items(folder, "new", make_items_of(3))
        append_row(folder, make_result("new"))
        write_manifest(folder, load_run(folder).manifest)


def make_items_of(n_items: int) -> ItemTable:
    return make_table(np.linspace(0, 1, n_items))


def test_proof_of_another_prefix_than_was_sent_is_named(copy: Path) -> None:
    path = copy / "ledger.jsonl"
    lines = path.read_text().splitlines()
    audit = {
        "role": "query",
        "prefix": "passage: ",
        "prefix_tokens": 2,
        "n_texts": 1,
        "n_truncated": 0,
        "n_truncated_without_prefix": 0,
        "tokens_pushed_out": 0,
        "n_tokens": 9,
        "samples": [],
    }
    row = json.loads(lines[1]) | {"audit": [audit]}
    path.write_text("\n".join([lines[0], json.dumps(row), *lines[2:]]) + "\n")
    with pytest.raises(ResultsError) as raised:
        load_run(copy)
    assert str(raised.value) == (
        f"{path}, line 2: result: audit of query names the prefix 'passage: ', sent was 'query: '."
    )
