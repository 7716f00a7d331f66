from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from prefixbench.errors import CacheError, SpecError
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore, retire
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors
from prefixbench.vectors.keys import Keys, Namespace, vector_keys
from prefixbench.vectors.stats import collect_stats
from prefixbench.vectors.tables import format_bytes, render_prune, render_stats, render_verify
from prefixbench.vectors.upkeep import PruneReport, parse_age, parse_size, prune_store, verify_store

IDENTITY = EmbedderIdentity("org/model", "abcdef0123", "f" * 64, 256, "mean", "float32", "torch")
OTHER = replace(IDENTITY, model="org/other")
NOW = 1_800_000_000.0


def put(store: VectorStore, identity: EmbedderIdentity, *texts: str, days_ago: float = 0.0) -> tuple[Keys, Vectors]:
    """One segment, last used so many days before ``NOW``."""
    side = Side("query: ")
    keys = vector_keys(identity, side, texts)
    vectors = np.arange(1, len(texts) * 4 + 1, dtype=np.float32).reshape(-1, 4)
    before = set(store.folder.rglob("*.arrow"))
    store.put_many(keys, vectors, Namespace.of(identity, side))
    (path,) = set(store.folder.rglob("*.arrow")) - before
    os.utime(path, (NOW - days_ago * 86_400,) * 2)
    return keys, vectors


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore.open(tmp_path / "vectors")


def test_stats_count_vectors_and_bytes_by_model(store: VectorStore) -> None:
    put(store, OTHER, "a")
    put(store, IDENTITY, "a", "b", "c", days_ago=3)
    put(store, IDENTITY, "d", days_ago=2)
    stats = collect_stats(store)
    assert [(one.model, one.n_vectors, len(one.segments)) for one in stats.namespaces] == [
        ("org/model", 4, 2),
        ("org/other", 1, 1),
    ]
    document = stats.to_json()
    assert document["vectors"] == 5
    assert document["bytes"] == sum(path.stat().st_size for path in store.folder.rglob("*.arrow"))
    assert document["namespaces"][0] | {"namespace": "", "bytes": 0, "created": ""} == {
        "namespace": "",
        "model": "org/model",
        "revision": "abcdef0123",
        "weights_digest": "f" * 64,
        "max_seq_length": 256,
        "pooling": "mean",
        "dtype": "float32",
        "dim": 4,
        "adapter": None,
        "api": {},
        "prefix_pooling": None,
        "route": None,
        "created": "",
        "segments": 2,
        "vectors": 4,
        "bytes": 0,
        "last_used": "2027-01-13T08:00:00+00:00",
    }
    lines = render_stats(stats).splitlines()
    assert lines[0].startswith(f"{store.folder}: 5 vectors, ")
    assert lines[3].startswith("org/model  abcdef01, float32, 256 tokens, dim 4  4 ")


def test_an_empty_store_says_so(store: VectorStore) -> None:
    assert render_stats(collect_stats(store)) == f"{store.folder}: no vectors stored.\n"
    assert verify_store(store).n_vectors == 0
    assert prune_store(store) == PruneReport()


def test_steering_shows_in_the_table(store: VectorStore) -> None:
    side = Side(adapter="text-matching", api=(("task_type", "CLUSTERING"),))
    store.put_many(vector_keys(IDENTITY, side, ["a"]), np.ones((1, 4), np.float32), Namespace.of(IDENTITY, side))
    assert "dim 4, adapter text-matching, task_type=CLUSTERING" in render_stats(collect_stats(store))


def test_verify_reads_all_names_the_damage_and_drops_it(store: VectorStore) -> None:
    keys, vectors = put(store, IDENTITY, "a", "b", "c")
    put(store, OTHER, "a")
    assert render_verify(verify_store(store)) == "4 vectors in 2 segments read: all are as written.\n"
    path = next(path for path in store.folder.rglob("*.arrow") if "-3-" in path.name)
    content = path.read_bytes()
    path.write_bytes(content.replace(vectors[1].tobytes(), vectors[2].tobytes()))
    report = verify_store(VectorStore.open(store.folder))
    sentence = f"{path}: damaged record 1 (the checksum differs); dropped, to be embedded again."
    assert render_verify(report) == f"{sentence}\n4 vectors in 2 segments read: damage in 1.\n"
    assert report.to_json()["damage"] == [
        {"segment": str(path), "records": [1], "reason": "the checksum differs"},
    ]
    again = VectorStore.open(store.folder)
    assert verify_store(again).damage == ()
    assert again.contains_many(keys).tolist() == [True, False, True]


def test_prune_by_age(store: VectorStore) -> None:
    old, _ = put(store, IDENTITY, "old", "older", days_ago=40)
    new, _ = put(store, IDENTITY, "new", days_ago=1)
    report = prune_store(store, older_than=30 * 86_400, now=NOW)
    assert (report.n_segments, report.n_vectors) == (1, 2)
    assert VectorStore.open(store.folder).contains_many(np.concatenate([old, new])).tolist() == [False, False, True]


def test_reading_counts_as_use(store: VectorStore) -> None:
    keys, _ = put(store, IDENTITY, "a", days_ago=400)
    path = next(store.folder.rglob("*.arrow"))
    os.utime(path, (1000.0, 1000.0))
    VectorStore.open(store.folder).contains_many(keys)
    assert path.stat().st_mtime == 1000.0
    VectorStore.open(store.folder).get_many(keys)
    assert path.stat().st_mtime > time.time() - 60


def test_prune_by_model(store: VectorStore) -> None:
    kept, _ = put(store, OTHER, "a")
    gone, _ = put(store, IDENTITY, "a", "b")
    size = sum(path.stat().st_size for path in store.folder.rglob("*-2-*.arrow"))
    assert prune_store(store, model="org/model") == PruneReport(1, 2, size, 0)
    reader = VectorStore.open(store.folder)
    assert reader.contains_many(np.concatenate([kept, gone])).tolist() == [True, False, False]
    with pytest.raises(CacheError) as raised:
        prune_store(store, model="org/modle")
    assert str(raised.value) == f"{store.folder}: holds no vectors of 'org/modle'; it has org/other."


def test_prune_by_size_takes_the_least_recently_used(store: VectorStore) -> None:
    keys = [put(store, IDENTITY, f"text {age}", days_ago=age)[0] for age in (5, 1, 9)]
    sizes = [path.stat().st_size for path in store.folder.rglob("*.arrow")]
    report = prune_store(store, max_bytes=2 * max(sizes))
    assert report.n_segments == 1
    reader = VectorStore.open(store.folder)
    assert reader.contains_many(np.concatenate(keys)).tolist() == [True, True, False]
    assert prune_store(store, max_bytes=2 * max(sizes)).n_segments == 0
    assert prune_store(store, max_bytes=0, older_than=3 * 86_400, now=NOW).n_segments == 1


def test_prune_without_options_deletes_only_remnants(store: VectorStore) -> None:
    keys, _ = put(store, IDENTITY, "a")
    folder = next(store.folder.rglob("*.arrow")).parent
    fresh, condemned = folder / ".0123.tmp", folder / "1-1-a.damaged"
    fresh.write_bytes(b"12345")
    condemned.write_bytes(b"123")
    assert prune_store(store) == PruneReport(0, 0, 3, 0)
    assert fresh.exists()  # its writer may still be at it
    assert not condemned.exists()
    assert store.contains_many(keys).all()


def test_lost_temporary_files_go_after_a_day(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, IDENTITY, "a")
    lost = next(store.folder.rglob("*.arrow")).parent / ".0123.tmp"
    lost.write_bytes(b"12345")
    monkeypatch.setattr(retire, "GRACE_SECONDS", 0.0)
    assert prune_store(store).n_bytes == 5
    assert not lost.exists()


def test_pruning_never_breaks_a_reader(store: VectorStore) -> None:
    keys, vectors = put(store, IDENTITY, "a", "b", "c")
    reader = VectorStore.open(store.folder)
    assert reader.contains_many(keys).all()
    held = reader.get_many(keys)[1]
    assert prune_store(store, max_bytes=0).n_segments == 1
    np.testing.assert_array_equal(held, vectors)
    np.testing.assert_array_equal(reader.get_many(keys)[1], vectors)
    assert not VectorStore.open(store.folder).contains_many(keys).any()


def test_on_a_shared_folder_pruned_files_wait_for_their_readers(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, IDENTITY, "a")
    monkeypatch.setattr(retire, "is_local", lambda _: False)
    report = prune_store(store, model="org/model")
    assert report.n_bytes == report.n_bytes_waiting > 0
    assert [path.suffix for path in store.folder.rglob("*-1-*")] == [".retired"]
    assert render_prune(report).endswith("of it are free once the store is pruned again in a day.\n")
    assert prune_store(store).n_bytes == 0
    monkeypatch.setattr(retire, "GRACE_SECONDS", 0.0)
    assert prune_store(store).n_bytes == report.n_bytes
    assert list(store.folder.rglob("*-1-*")) == []


def test_a_file_system_of_this_machine_is_told_from_a_shared_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mount:
        def __init__(self, mountpoint: str, fstype: str) -> None:
            self.mountpoint, self.fstype = mountpoint, fstype

    mounts = [Mount("/", "ext4"), Mount(str(tmp_path.resolve() / "share"), "nfs4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    retire.is_local.cache_clear()
    assert retire.is_local(tmp_path)
    assert not retire.is_local(tmp_path / "share" / "vectors")
    retire.is_local.cache_clear()


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500MB", 500_000_000), ("2.5 gb", 2_500_000_000), ("4GiB", 4 << 30), ("1k", 1000), ("7B", 7)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "1 XB", "1i", "1e9"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(SpecError) as raised:
        parse_size(text)
    assert str(raised.value) == f"--max-size {text!r} is no size; write one like 500MB, 20GB or 4GiB."


def test_ages_are_read_as_people_write_them() -> None:
    assert [parse_age(text) for text in ("90m", "12h", "1.5d", "2 w")] == [5400, 43_200, 129_600, 1_209_600]
    with pytest.raises(SpecError) as raised:
        parse_age("30")
    assert str(raised.value) == "--older-than '30' is no age; write one like 90m, 12h, 30d or 8w."


def test_sizes_are_shown_in_powers_of_a_thousand() -> None:
    assert [format_bytes(n) for n in (0, 999, 1500, 2_000_000, 3_210_000_000, 4 * 10**12)] == [
        "0 B",
        "999 B",
        "1.5 kB",
        "2.0 MB",
        "3.2 GB",
        "4.0 TB",
    ]
