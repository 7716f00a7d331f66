from __future__ import annotations

import errno
import itertools
import os
import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from prefixbench.errors import CacheError
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors import index as index_module
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors
from prefixbench.vectors.keys import KEY_BYTES, NAMESPACE_BYTES, Keys, Namespace, vector_keys
from prefixbench.vectors.segment import UnreadableSegmentError, compute_checksums, load_segment
from prefixbench.vectors.stats import collect_stats
from prefixbench.vectors.upkeep import verify_store

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")
SIDE = Side("query: ")
NAMESPACE = Namespace.of(IDENTITY, SIDE)


def make_keys(*texts: str) -> Keys:
    return vector_keys(IDENTITY, SIDE, texts)


def make_vectors(n: int, dim: int = 4, start: int = 1) -> Vectors:
    return np.arange(start, start + n * dim, dtype=np.float32).reshape(n, dim)


def segment_files(store: VectorStore) -> list[Path]:
    return sorted(store.folder.rglob("*.arrow"))


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore.open(tmp_path / "vectors")


def test_what_is_put_is_found_by_this_and_other_openings(store: VectorStore) -> None:
    keys, vectors = make_keys("a", "b", "c"), make_vectors(3)
    store.put_many(keys[:2], vectors[:2], NAMESPACE)
    for reader in (store, VectorStore.open(store.folder)):
        assert reader.contains_many(keys).tolist() == [True, True, False]
        found, read = reader.get_many(keys[::-1])
        assert found.tolist() == [False, True, True]
        np.testing.assert_array_equal(read[1:], vectors[1::-1])
        np.testing.assert_array_equal(read[0], 0)


def test_an_open_store_sees_what_others_put_later(store: VectorStore) -> None:
    keys, vectors = make_keys("a", "b"), make_vectors(2)
    reader = VectorStore.open(store.folder)
    assert not reader.contains_many(keys).any()
    store.put_many(keys[:1], vectors[:1], NAMESPACE)
    assert reader.contains_many(keys).tolist() == [True, False]
    store.put_many(keys[1:], vectors[1:], NAMESPACE)
    np.testing.assert_array_equal(reader.get_many(keys)[1], vectors)


def test_nothing_is_made_on_disk_before_the_first_vector(store: VectorStore) -> None:
    assert not store.contains_many(make_keys("a")).any()
    assert store.get_many(make_keys("a"))[1].shape == (1, 0)
    store.put_many(make_keys(), make_vectors(0), NAMESPACE)
    assert not store.folder.exists()


def test_a_run_of_records_is_read_without_a_copy(store: VectorStore) -> None:
    keys, vectors = make_keys(*"abcdef"), make_vectors(6)
    store.put_many(keys, vectors, NAMESPACE)
    mapped = load_segment(segment_files(store)[0]).vectors
    whole = store.get_many(keys)[1]
    part = store.get_many(keys[2:5])[1]
    assert part.base is not None
    assert not part.flags.owndata
    assert part.__array_interface__["data"][0] - whole.__array_interface__["data"][0] == 2 * mapped.strides[0]
    np.testing.assert_array_equal(part, vectors[2:5])
    with pytest.raises(ValueError, match="read-only"):
        part[0] = 0


@pytest.mark.parametrize("asked", ["aac", "abb", "ca", "fedcba", "aaaaaa", "abcdeff", "f", ""])
def test_repeats_and_any_order_are_read_right(store: VectorStore, asked: str) -> None:
    vectors = make_vectors(6)
    for text, vector in zip("abcdef", vectors, strict=True):
        if text in "ad":
            store.put_many(make_keys(text, text.upper()), np.stack([vector, vector + 100]), NAMESPACE)
        else:
            store.put_many(make_keys(text), vector[None], NAMESPACE)
    found, read = store.get_many(make_keys(*asked))
    assert found.all()
    if asked:
        np.testing.assert_array_equal(read, [vectors["abcdef".index(text)] for text in asked])


def test_keys_that_share_their_first_bytes_are_told_apart(store: VectorStore) -> None:
    keys = np.repeat(make_keys("a"), 300, axis=0)
    keys[:, -2:] = np.arange(300, dtype=np.uint16)[:, None].view(np.uint8)
    vectors = make_vectors(300)
    for start in range(0, 299, 50):
        part = slice(start, min(299, start + 50))
        store.put_many(keys[part], vectors[part], NAMESPACE)
    found, read = store.get_many(keys)
    assert found.tolist() == [True] * 299 + [False]
    np.testing.assert_array_equal(read[:299], vectors[:299])


def test_of_two_vectors_under_one_key_the_first_stays(store: VectorStore) -> None:
    keys = make_keys("a")
    store.put_many(keys, make_vectors(1), NAMESPACE)
    store.put_many(keys, make_vectors(1, start=50), NAMESPACE)
    for reader in (store, VectorStore.open(store.folder)):
        np.testing.assert_array_equal(reader.get_many(keys)[1], make_vectors(1))


@pytest.mark.parametrize("most", [1, 6, 40])
def test_keys_are_found_in_layers_of_any_size(store: VectorStore, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(index_module, "LAYER_KEYS", most)
    names = [f"text {number}" for number in range(30)]
    keys, cuts = make_keys(*names), [0, 1, 2, 9, 10, 17, 30]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        vectors = np.arange(start, end, dtype=np.float32)[:, None] + np.zeros(3, np.float32)
        store.put_many(keys[start:end], vectors, NAMESPACE)
        if number % 2:  # again under the same keys: the first stays
            store.put_many(keys[start:end], vectors + 100, NAMESPACE)
    for opened in (store, VectorStore.open(store.folder)):
        found, vectors = opened.get_many(keys[::-1])
        assert found.all()
        assert vectors[:, 0].tolist() == list(range(29, -1, -1))
        assert not opened.contains_many(make_keys("other", "text 30")).any()


def test_many_small_segments_become_one(store: VectorStore) -> None:
    texts = [f"text {number}" for number in range(150)]
    keys, vectors = make_keys(*texts), make_vectors(150)
    early = VectorStore.open(store.folder)
    for row in range(150):
        store.put_many(keys[row : row + 1], vectors[row : row + 1], NAMESPACE)
        if row == 10:
            assert early.get_many(keys[:11])[0].all()
    assert len(segment_files(store)) < 64
    for reader in (early, store, VectorStore.open(store.folder)):
        found, read = reader.get_many(keys)
        assert found.all()
        np.testing.assert_array_equal(read, vectors)


def test_where_merging_fails_it_is_not_tried_at_every_put(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> int:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr("prefixbench.vectors.namespace_folder.retire_file", refuse)
    keys, vectors = make_keys(*map(str, range(70))), make_vectors(70)
    for row in range(70):
        store.put_many(keys[row : row + 1], vectors[row : row + 1], NAMESPACE)
    assert len(segment_files(store)) == 71
    np.testing.assert_array_equal(VectorStore.open(store.folder).get_many(keys)[1], vectors)


def test_keys_and_vectors_must_belong_together(store: VectorStore) -> None:
    with pytest.raises(ValueError, match=r"^keys of shape \(2, 40\) do not belong to vectors of shape \(3, 4\)$"):
        store.put_many(make_keys("a", "b"), make_vectors(3), NAMESPACE)
    other = vector_keys(IDENTITY, Side(adapter="x"), ["a"])
    with pytest.raises(ValueError, match=r"^a key is not of the namespace "):
        store.put_many(other, make_vectors(1), NAMESPACE)
    store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)
    with pytest.raises(CacheError, match="vectors of org/model have 4 numbers here and 5 now; the model changed"):
        store.put_many(make_keys("b"), make_vectors(1, dim=5), NAMESPACE)


def test_keys_of_several_namespaces_are_read_at_once(store: VectorStore) -> None:
    other = Side(adapter="x")
    keys = np.concatenate([make_keys("a"), vector_keys(IDENTITY, other, ["a"]), make_keys("b")])
    vectors = make_vectors(3)
    store.put_many(keys[[0, 2]], vectors[[0, 2]], NAMESPACE)
    store.put_many(keys[1:2], vectors[1:2], Namespace.of(IDENTITY, other))
    assert len({bytes(key[:NAMESPACE_BYTES]) for key in keys}) == 2
    found, read = store.get_many(keys)
    assert found.all()
    np.testing.assert_array_equal(read, vectors)


def test_a_store_of_another_format_is_refused(store: VectorStore) -> None:
    store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)
    path = store.folder / "format.json"
    path.write_text('{"format": 99}')
    with pytest.raises(CacheError) as raised:
        VectorStore.open(store.folder)
    assert str(raised.value) == f"{path}: the store has format 99; this version reads format 1."
    path.write_text("{")
    with pytest.raises(CacheError, match="cannot be read as an embedding store"):
        VectorStore.open(store.folder)


def test_a_lost_record_of_a_namespace_is_written_anew(store: VectorStore) -> None:
    store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)
    record = next(store.folder.rglob("namespace.json"))
    record.write_text("{ torn")
    reader = VectorStore.open(store.folder)
    assert reader.records() == {}
    assert reader.get_many(make_keys("a"))[0].all()
    reader.put_many(make_keys("b"), make_vectors(1), NAMESPACE)
    assert [one.namespace for one in reader.records().values()] == [NAMESPACE]


def test_a_segment_is_on_the_disk_before_it_has_its_name(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noting_sync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        events.append("sync folder" if path.is_dir() else f"sync {path.suffix} of {path.stat().st_size > 0}")
        sync(handle)

    def noting_replace(self: Path, target: Path) -> Path:
        events.append(f"rename to {target.suffix}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noting_sync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)
    assert events[-3:] == ["sync .tmp of True", "rename to .arrow", "sync folder"]


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "the disk is full"), (errno.EDQUOT, "the disk quota is used up")]
)
def test_a_full_disk_is_one_sentence_and_leaves_the_store_sound(
    store: VectorStore, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    keys, vectors = make_keys("a", "b"), make_vectors(2)
    store.put_many(keys[:1], vectors[:1], NAMESPACE)

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    sync = os.fsync
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CacheError) as raised:
        store.put_many(keys[1:], vectors[1:], NAMESPACE)
    monkeypatch.setattr(os, "fsync", sync)
    folder = segment_files(store)[0].parent
    assert str(raised.value) == (
        f"{folder}: {reason}, nothing more can be stored; what is stored is whole. Free space there, run "
        "'prefixbench cache prune --max-size SIZE', or name another folder with --cache."
    )
    assert list(store.folder.rglob("*.tmp")) == []
    assert VectorStore.open(store.folder).contains_many(keys).tolist() == [True, False]
    store.put_many(keys[1:], vectors[1:], NAMESPACE)
    assert store.get_many(keys)[0].all()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # the child only writes
def test_a_file_cut_short_by_the_system_is_never_published(store: VectorStore) -> None:
    keys, vectors = make_keys("a", *map(str, range(2000))), make_vectors(2001)
    store.put_many(keys[:1], vectors[:1], NAMESPACE)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        try:
            store.put_many(keys[1:], vectors[1:], NAMESPACE)
        except CacheError as error:
            os._exit(0 if "the file is too big" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    reader = VectorStore.open(store.folder)
    assert reader.contains_many(keys).tolist() == [True] + [False] * 2000
    assert reader.damage == []
    assert list(store.folder.rglob("*.tmp")) == []


def test_a_folder_that_may_not_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = VectorStore(tmp_path / "file" / "vectors")
    with pytest.raises(CacheError, match=r"cannot be written to \(not a directory\); name another folder with --cache"):
        store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0b100
    path.write_bytes(content)


def find_vector(path: Path, vector: NDArray[np.float32]) -> int:
    return path.read_bytes().index(vector.tobytes())


def test_a_damaged_record_is_named_dropped_and_the_rest_kept(store: VectorStore) -> None:
    keys, vectors = make_keys(*"abc"), make_vectors(3)
    store.put_many(keys, vectors, NAMESPACE)
    path = segment_files(store)[0]
    flip(path, find_vector(path, vectors[1]) + 2)
    reader = VectorStore.open(store.folder)
    found, read = reader.get_many(keys)
    assert found.tolist() == [True, False, True]
    np.testing.assert_array_equal(read[[0, 2]], vectors[[0, 2]])
    assert [str(one) for one in reader.damage] == [
        f"{path}: damaged record 1 (the checksum differs); dropped, to be embedded again."
    ]
    assert not path.exists()
    for again in (reader, VectorStore.open(store.folder)):
        assert again.contains_many(keys).tolist() == [True, False, True]
        assert len(again.damage) == (1 if again is reader else 0)
    reader.put_many(keys[1:2], vectors[1:2], NAMESPACE)
    for again in (reader, VectorStore.open(store.folder)):
        np.testing.assert_array_equal(again.get_many(keys)[1], vectors)


def test_damage_that_cannot_be_removed_is_passed_over(store: VectorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, vectors = make_keys(*"abc"), make_vectors(3)
    store.put_many(keys, vectors, NAMESPACE)
    path = segment_files(store)[0]
    flip(path, find_vector(path, vectors[1]))
    reader = VectorStore.open(store.folder)

    def refuse(*_: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        for _ in range(2):
            assert reader.get_many(keys)[0].tolist() == [True, False, True]
    assert path.exists()
    reader.put_many(keys[1:2], vectors[1:2], NAMESPACE)
    assert reader.contains_many(keys).all()


@pytest.mark.parametrize("kept", [0, 1, 7, 100, 0.5, 0.9, 0.999])
def test_a_segment_cut_short_is_set_aside(store: VectorStore, kept: float) -> None:
    keys = make_keys(*map(str, range(50)))
    store.put_many(keys, make_vectors(50), NAMESPACE)
    path = segment_files(store)[0]
    size = path.stat().st_size
    os.truncate(path, int(kept if kept >= 1 or kept == 0 else size * kept))
    reader = VectorStore.open(store.folder)
    assert not reader.contains_many(keys).any()
    assert [(one.path, one.rows) for one in reader.damage] == [(path, ())]
    assert "the segment cannot be read" in str(reader.damage[0])
    assert segment_files(store) == []
    reader.put_many(keys, make_vectors(50), NAMESPACE)
    assert VectorStore.open(store.folder).contains_many(keys).all()


@pytest.mark.parametrize("zeroed", [slice(0, None), slice(0, 512), slice(512, None), slice(1024, 2048)])
def test_blocks_that_never_reached_the_disk_yield_no_vector(store: VectorStore, zeroed: slice) -> None:
    keys, vectors = make_keys(*map(str, range(100))), make_vectors(100)
    store.put_many(keys, vectors, NAMESPACE)
    path = segment_files(store)[0]
    content = bytearray(path.read_bytes())
    content[zeroed] = bytes(len(content[zeroed]))
    path.write_bytes(content)
    reader = VectorStore.open(store.folder)
    found, read = reader.get_many(keys)
    assert not found.all()
    verify_store(reader)  # a lost key is never asked for, so that only this finds it
    assert reader.damage
    if found.any():
        np.testing.assert_array_equal(read[found], vectors[found])


def test_no_flipped_bit_anywhere_yields_a_wrong_vector(store: VectorStore) -> None:
    keys, vectors = make_keys(*"abcd"), make_vectors(4)
    store.put_many(keys, vectors, NAMESPACE)
    path = segment_files(store)[0]
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        flip(path, place)
        reader = VectorStore.open(store.folder)
        found, read = reader.get_many(keys)
        if found.any():
            np.testing.assert_array_equal(read[found], vectors[found])
        for other in store.folder.rglob("*.arrow"):
            other.unlink()
        path.write_bytes(content)


def test_a_vector_under_another_key_is_no_match() -> None:
    keys, vectors = make_keys("a", "b"), make_vectors(2)
    sums = compute_checksums(keys, vectors)
    assert (compute_checksums(keys[::-1], vectors) != sums).all()
    assert (compute_checksums(keys, vectors[::-1]) != sums).all()
    np.testing.assert_array_equal(compute_checksums(keys[::-1], vectors[::-1]), sums[::-1])
    assert keys.shape == (2, KEY_BYTES)


def test_a_foreign_file_is_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    path.write_text("not Arrow at all, though it is long enough to be looked at")
    with pytest.raises(UnreadableSegmentError):
        load_segment(path)
    with pytest.raises(FileNotFoundError):
        load_segment(tmp_path / "gone.arrow")


@pytest.mark.timeout(20)
def test_pipes_and_folders_among_the_files_are_passed_over(store: VectorStore) -> None:
    store.put_many(make_keys("a"), make_vectors(1), NAMESPACE)
    folder = next(store.folder.rglob("*.arrow")).parent
    os.mkfifo(folder / "00000000000000000001-1-0000000000000000.arrow")
    (folder / "00000000000000000002-1-0000000000000000.arrow").mkdir()
    (folder / "namespace.json").unlink()
    os.mkfifo(folder / "namespace.json")
    again = VectorStore.open(store.folder)
    assert again.contains_many(make_keys("a", "b")).tolist() == [True, False]
    assert again.records() == {}
    assert sum(one.n_vectors for one in collect_stats(again).namespaces) == 1
    assert again.damage == []
