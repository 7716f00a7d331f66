"""A store whose segments are shared at an address: what one machine embeds, the others have, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
from prefixbench.errors import CacheError
from prefixbench.files import default_cache_folder
from prefixbench.spec.conditions import Side
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors
from prefixbench.vectors.keys import Keys, Namespace, vector_keys
from prefixbench.vectors.mirror import open_cache

IDENTITY = EmbedderIdentity("org/model", None, "0" * 64, 512, "mean", "float32", "torch", "cpu")
SPACE = Namespace.of(IDENTITY, Side())
Machine = Callable[[str], VectorStore]


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """A loopback server that speaks S3, where ``moto[server]`` and ``s3fs`` are installed."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param != "s3":
        yield f"file://{tmp_path}/shared" if request.param == "file" else "memory://bucket/shared"
        fsspec.filesystem("memory").store.clear()
        return
    monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_server"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    bucket = f"bucket-{tmp_path.name.lower().replace('_', '-')[-40:]}"
    system.mkdir(bucket)
    yield f"s3://{bucket}/shared"


@pytest.fixture
def machine(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The store as opened on a machine of this name, which has a cache folder of its own."""

    def open_on(name: str) -> VectorStore:
        monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / name))
        return VectorStore.open(open_cache(url) / STORE_FOLDER)

    return open_on


def make(first: int, n: int = 8) -> tuple[Keys, Vectors]:
    keys = vector_keys(IDENTITY, Side(), [f"text {number}" for number in range(first, first + n)])
    return keys, np.random.default_rng(first).standard_normal((n, 4)).astype(np.float32)


def list_there(url: str) -> list[str]:
    system, root = fsspec.core.url_to_fs(url)
    return sorted(path for path in system.find(root) if path.endswith(".arrow"))


def test_what_one_machine_stores_another_has_to_the_last_bit(machine: Machine) -> None:
    keys, vectors = make(0)
    reader = machine("b")
    assert not reader.check_many(keys).any()
    machine("a").put_many(keys, vectors, SPACE)
    found, read = reader.get_many(keys)
    assert found.all()
    assert read.tobytes() == vectors.tobytes()
    assert reader.records().keys() == {SPACE.digest.hex()}


def test_only_segments_that_hold_what_is_asked_for_are_fetched(machine: Machine) -> None:
    writer, reader = machine("a"), machine("b")
    for first in (0, 100, 200):
        writer.put_many(*make(first), SPACE)
    assert reader.contains_many(make(100)[0]).all()
    assert not list(reader.folder.rglob("*.arrow"))
    assert reader.check_many(make(100)[0]).all()
    assert len(list(reader.folder.rglob("*.arrow"))) == 1


def test_a_segment_sent_in_part_or_changed_never_counts(machine: Machine, url: str) -> None:
    keys, vectors = make(0)
    machine("a").put_many(keys, vectors, SPACE)
    (there,) = list_there(url)
    system, _ = fsspec.core.url_to_fs(url)
    whole = system.cat_file(there)
    step = max(1, len(whole) // 23)
    for number, end in enumerate(range(0, len(whole), step)):
        system.pipe_file(there, whole[:end])
        assert not machine(f"cut-{number}").check_many(keys).any()
    at = whole.index(vectors.tobytes()[:16])
    system.pipe_file(there, whole[:at] + b"\xff" + whole[at + 1 :])
    reader = machine("changed")
    assert not reader.check_many(keys).any()
    reader.put_many(keys, vectors, SPACE)  # embedded anew, and sent beside what is damaged
    assert machine("third").get_many(keys)[1].tobytes() == vectors.tobytes()


def test_a_reader_sees_a_segment_once_it_is_whole(machine: Machine, url: str) -> None:
    keys, vectors = make(0)
    machine("a").put_many(keys, vectors, SPACE)
    (there,) = list_there(url)
    system, _ = fsspec.core.url_to_fs(url)
    whole = system.cat_file(there)
    system.pipe_file(there, whole[: len(whole) // 2])
    reader = machine("b")
    assert not reader.check_many(keys).any()
    system.pipe_file(there, whole)
    assert reader.check_many(keys).all()


def test_what_was_cut_off_before_it_was_sent_is_sent_by_the_next_process(machine: Machine, url: str) -> None:
    keys, vectors = make(0)
    machine("a").put_many(keys, vectors, SPACE)
    (there,) = list_there(url)
    fsspec.core.url_to_fs(url)[0].rm(there)
    assert not machine("b").check_many(keys).any()
    machine("a").check_many(make(50)[0])  # it is there again as soon as the machine misses something
    assert list_there(url) == [there]
    assert machine("b").check_many(keys).all()


def test_a_damaged_copy_here_is_fetched_again(machine: Machine) -> None:
    keys, vectors = make(0)
    machine("a").put_many(keys, vectors, SPACE)
    reader = machine("b")
    assert reader.check_many(keys).all()
    (path,) = reader.folder.rglob("*.arrow")
    content = bytearray(path.read_bytes())
    at = content.index(vectors.tobytes()[:16])
    content[at] ^= 1
    path.write_bytes(content)
    assert machine("b").get_many(keys)[1].tobytes() == vectors.tobytes()


def test_small_segments_stay_as_they_were_sent(machine: Machine, url: str) -> None:
    store = machine("a")
    for first in range(0, 700, 10):
        store.put_many(*make(first, 2), SPACE)
    assert len(list_there(url)) == len(list(store.folder.rglob("*.arrow"))) == 70


def test_faults_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path))
    for named, sentence in (
        ("nope://bucket/x", r"--cache nope://bucket/x: cannot be read \(Protocol not known: nope\)"),
        (f"file://{tmp_path}/a-file/x", r"--cache file://.*: cannot be (read|written to) \("),
    ):
        (tmp_path / "a-file").touch()
        with pytest.raises(CacheError, match=sentence):
            open_cache(named)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "format.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(CacheError, match="the store has format 99; this version reads format 1"):
        open_cache(f"file://{tmp_path}/old")


def test_an_address_has_a_folder_of_its_own_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path))
    one, other = (open_cache(f"file://{tmp_path}/{name}") for name in ("one", "other"))
    assert one != other
    assert one.parent == tmp_path / "addresses"
    assert open_cache(tmp_path / "folder") == tmp_path / "folder"
    monkeypatch.setenv("PREFIXBENCH_CACHE", f"file://{tmp_path}/one")
    assert "addresses" in default_cache_folder().parts
