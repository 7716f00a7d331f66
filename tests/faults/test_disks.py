"""A disk that is full or may only be read: one sentence, and what was there before stays whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prefixbench.cli.app import main
from prefixbench.encode.audit_memo import AuditMemo
from prefixbench.encode.cached import CachedEmbedder
from prefixbench.errors import CacheError, PrefixbenchError, ResultsError
from prefixbench.files import default_cache_folder
from prefixbench.results import load_run
from prefixbench.results.items import write_items
from prefixbench.results.ledger import append_row, read_rows
from prefixbench.results.run import Manifest, load_manifest, write_manifest
from prefixbench.results.texts import add_item_texts
from prefixbench.spec.conditions import Condition, Role, Side
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from prefixbench.vectors import VectorStore

from tests.fake_runs import make_table
from tests.fakes import make_result
from tests.unit.encode.test_cached_embedders import HashEmbedder

STARTER = Path(__file__).resolve().parents[2] / "results" / "starter"
SPEC = SweepSpec(
    name="t",
    models=(ModelSpec(name="org/model"),),
    tasks=(TaskSpec(name="Task"),),
    conditions=(Condition.parse("none"),),
)


def mount(place: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a disk")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """192 kB and no more."""
    place = tmp_path / "disk"
    place.mkdir()
    mount(place, "size=192k")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_costs_what_was_being_written_and_nothing_else(small_disk: Path) -> None:
    folder = small_disk / "run"
    folder.mkdir()
    write_manifest(folder, Manifest(spec=SPEC))
    (folder / "ballast").write_bytes(bytes(32 << 10))
    finished: list[str] = []

    def fill() -> None:
        for number in range(500):
            cell_id = f"cell{number}"
            values = np.random.default_rng(number).random(200)
            sha256 = write_items(folder, cell_id, make_table(values))
            row = make_result(cell_id, score=float(values.mean()), items_sha256=sha256, n_items=200, task=cell_id)
            append_row(folder, row)
            finished.append(cell_id)

    with pytest.raises(ResultsError) as raised:
        fill()
    assert str(raised.value).endswith("cannot be written (No space left on device).")
    assert len(finished) > 3
    for write in (
        lambda: write_manifest(folder, Manifest(spec=SPEC, command="x" * 100_000)),
        lambda: append_row(folder, make_result("more", dataset_revision="x" * 100_000)),
        lambda: write_items(folder, "more", make_table(np.random.default_rng(0).random(5000))),
        lambda: add_item_texts(folder, "Task", "default", {str(row): f"text {row * row}" for row in range(9000)}),
    ):
        with pytest.raises(ResultsError, match=r"^\S+: cannot be written \(No space left on device\)\.$"):
            write()
    (folder / "ballast").unlink()
    assert not list(folder.rglob("*.tmp"))
    run = load_run(folder)
    assert [row.cell_id for row in run.results] == finished
    assert [run.items(name).n_items for name in finished] == [200] * len(finished)
    append_row(folder, make_result("last"))
    assert len(read_rows(folder)) == len(finished) + 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("sweep", "--preset", "starter", "--results", "{run}", "--workers", "0"),
        ("publish", "{run}"),
        ("report", "{run}"),
        ("compare", "{run}", "--model", "sentence-transformers/all-MiniLM-L6-v2", "--task", "StarterClassification"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_results_folder_that_may_only_be_read(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    mount(place, "size=64m")
    try:
        shutil.copytree(STARTER, place / "run")
        (place / "run" / "report.html").unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        told = [argument.format(run=place / "run") for argument in arguments]
        monkeypatch.setattr(sys, "argv", ["prefixbench", *told])
        monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr().err
        assert "Traceback" not in said
        if arguments[0] == "compare":
            assert not stopped.value.code
        else:
            assert stopped.value.code == 2
            assert "Read-only file system" in said
            assert len(said.splitlines()) == 1
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_run_folder_that_was_killed_before_its_first_file_can_be_used(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "lock").write_text("process 1 on a machine that is no more")
    (folder / f".{'0' * 16}.tmp").write_text("{")
    from prefixbench.plan.expand import Plan
    from prefixbench.run.folder import make_folder, open_folder

    make_folder(folder)
    open_folder(folder, Plan(SPEC, (), ()), "prefixbench sweep")
    assert load_manifest(folder).spec == SPEC
    assert not list(folder.glob("*.tmp"))


def test_a_user_without_a_home_is_told_to_name_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "PREFIXBENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as for a user whom the system does not know
    with pytest.raises(PrefixbenchError) as raised:
        default_cache_folder()
    assert str(raised.value) == (
        "this user has no home folder to keep a cache in; name one with --cache or PREFIXBENCH_CACHE."
    )


def test_a_cache_that_may_only_be_read_gives_what_it_holds(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    mount(place, "size=8m")
    try:
        texts = [f"text {number}" for number in range(50)]
        CachedEmbedder(HashEmbedder(), VectorStore.open(place / "vectors"), memo=AuditMemo(place / "audits")).audit(
            texts, Side("query: ")
        )
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        model = HashEmbedder()
        cached = CachedEmbedder(model, VectorStore.open(place / "vectors"), memo=AuditMemo(place / "audits"))
        assert cached.audit(texts, Side("query: "), role=Role.QUERY).n_texts == 50  # an audit that is not remembered
        assert cached.counts.texts_embedded == 0
        assert len(cached.embed(texts, Side("query: "))) == 50
        with pytest.raises(CacheError, match="read-only file system"):
            cached.embed(["another"], Side("query: "))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
