"""The embedding store under kills and crowds: whatever happens, every vector read is the one that was written."""

from __future__ import annotations

import functools
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors
from prefixbench.vectors.keys import NAMESPACE_BYTES, Keys, Namespace, vector_keys
from prefixbench.vectors.upkeep import prune_store, verify_store

# The children touch this module, numpy and files only; no lock of another thread is theirs.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SIDE = Side("query: ")
IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")
NAMESPACE = Namespace.of(IDENTITY, SIDE)
N_KILLS, N_EVENTS = 200, 1000
"""Kills, and about how many calls and returns one put makes."""


def expected_vectors(keys: Keys) -> Vectors:
    """A vector that only its own key has: the key's bytes."""
    return np.ascontiguousarray(keys[:, NAMESPACE_BYTES:]).astype(np.float32) + 1


def keys_of(writer: int, batch: int, n: int = 5) -> Keys:
    return vector_keys(IDENTITY, SIDE, [f"writer {writer}, batch {batch}, text {number}" for number in range(n)])


def fork(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def kill_after_events(n: int) -> None:
    """Make this process kill itself at its n-th call or return of a Python or C function."""
    left = n

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def write_and_die(folder: Path, writer: int, acknowledge: int, events: int | None) -> None:
    """Put batch after batch, saying so after each, until killed."""
    if events is not None:
        kill_after_events(events)
    store = VectorStore.open(folder)
    for batch in range(1000):
        keys = keys_of(writer, batch)
        store.put_many(keys, expected_vectors(keys), NAMESPACE)
        os.write(acknowledge, b".")


def die_writing(folder: Path, writer: int, chance: random.Random) -> int:
    """Start a writer and see it killed; returns how many batches it said were stored."""
    reading, writing = os.pipe()
    # Half die at a random step of their own code, half at a random moment, in the middle of system calls too.
    events = chance.randrange(1, 6 * N_EVENTS) if writer % 2 else None
    child = fork(lambda: write_and_die(folder, writer, writing, events))
    os.close(writing)
    n = 0
    if events is None:
        n = len(os.read(reading, 1))
        time.sleep(chance.uniform(0, 0.012))
        os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    n += len(os.read(reading, 4096))
    os.close(reading)
    return n


def check_right(store: VectorStore, keys: Keys) -> NDArray[np.bool_]:
    """Which keys are found, all of them with the vector that is theirs; shape ``(n,)``."""
    found, vectors = store.get_many(keys)
    if found.any():
        np.testing.assert_array_equal(vectors[found], expected_vectors(keys[found]))
    return found


def test_a_writer_killed_at_any_point_leaves_only_whole_and_right_vectors(tmp_path: Path) -> None:
    chance = random.Random(7)
    promised = keys_of(0, 0)[:0]
    n_cut = 0
    for writer in range(N_KILLS):
        n = die_writing(tmp_path, writer, chance)
        promised = np.concatenate([promised, *(keys_of(writer, batch) for batch in range(n))])
        store = VectorStore.open(tmp_path)
        assert check_right(store, promised).all()
        # Cut off between being stored and saying so, a batch is there as a whole or not at all.
        assert check_right(store, keys_of(writer, n)).sum() in (0, 5)
        assert not check_right(store, keys_of(writer, n + 1)).any()
        assert store.damage == []
        n_cut = len(list(tmp_path.rglob("*.tmp")))
    assert len(promised) > 5 * N_KILLS / 2
    assert n_cut > 0
    assert verify_store(VectorStore.open(tmp_path)).damage == ()


def write_batches(folder: Path, writer: int) -> None:
    store = VectorStore.open(folder)
    for batch in range(60):
        keys = keys_of(writer % 3, batch)
        if not store.contains_many(keys).all():
            store.put_many(keys, expected_vectors(keys), NAMESPACE)
        check_right(store, keys)
    assert store.damage == []


def read_at_random(folder: Path, reader: int) -> None:
    chance = random.Random(reader)
    store = VectorStore.open(folder)
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        keys = np.concatenate([keys_of(chance.randrange(3), chance.randrange(60)) for _ in range(10)])
        check_right(store, keys)
    assert store.damage == []


def prune_now_and_then(folder: Path) -> None:
    for _ in range(5):
        time.sleep(0.2)
        prune_store(VectorStore.open(folder), max_bytes=20_000)


def run_all(*works: Callable[[], None]) -> list[int]:
    """Exit codes of processes that work at the same time."""
    children = [fork(work) for work in works]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_writers_readers_and_a_pruner_share_a_folder(tmp_path: Path) -> None:
    writers = [functools.partial(write_batches, tmp_path, writer) for writer in range(4)]
    readers = [functools.partial(read_at_random, tmp_path, reader) for reader in range(2)]
    assert run_all(*writers, *readers, lambda: prune_now_and_then(tmp_path)) == [0] * 7
    report = verify_store(VectorStore.open(tmp_path))
    assert report.damage == ()


def test_writers_of_the_same_texts_agree_and_nothing_is_lost(tmp_path: Path) -> None:
    assert run_all(*[lambda: write_batches(tmp_path, 0)] * 3) == [0, 0, 0]
    keys = np.concatenate([keys_of(0, batch) for batch in range(60)])
    assert check_right(VectorStore.open(tmp_path), keys).all()
