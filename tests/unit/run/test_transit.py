"""Vectors between stores: what is sent, what is not, and what happens to what gets lost or arrives damaged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prefixbench.errors import LostVectorsError
from prefixbench.run.transit import Transit
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore, parcel
from prefixbench.vectors.embedder import EmbedderIdentity
from prefixbench.vectors.keys import Namespace, vector_keys
from prefixbench.vectors.parcel import Parcel, pack_chunk, unpack_chunk

IDENTITY = EmbedderIdentity("org/model", None, "0" * 64, 512, "mean", "float32", "torch", "cpu")
SPACE = Namespace.of(IDENTITY, Side())
KEYS = vector_keys(IDENTITY, Side(), [f"text {number}" for number in range(10)])
VECTORS = np.random.default_rng(0).standard_normal((10, 4)).astype(np.float32)
WHOLE = Parcel.of(SPACE, 4, KEYS)
OTHER = Parcel.of(SPACE, 4, KEYS[::2].copy())


def make_actor() -> tuple[Any, list[tuple[Parcel, int]]]:
    """Something that packs, and what it packed."""
    packed: list[tuple[Parcel, int]] = []

    def pack(one: Parcel, chunk: int) -> str:
        packed.append((one, chunk))
        return f"reference {len(packed)}"

    return SimpleNamespace(pack=SimpleNamespace(remote=pack)), packed


@pytest.mark.parametrize("chunk_bytes", [16, 48, 1 << 20])
def test_a_parcel_arrives_to_the_last_bit(tmp_path: Path, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "CHUNK_BYTES", chunk_bytes)
    here, there = VectorStore(tmp_path / "a"), VectorStore(tmp_path / "b")
    here.put_many(KEYS, VECTORS, SPACE)
    there.put_many(KEYS[:3], VECTORS[:3], SPACE)
    chunks = [pack_chunk(here, WHOLE, KEYS, chunk) for chunk in range(WHOLE.n_chunks)]
    for _ in range(2):  # what comes twice is kept once
        for content in chunks:
            unpack_chunk(there, WHOLE, content)
    assert there.get_many(KEYS)[1].tobytes() == VECTORS.tobytes()
    assert sum(len(segment.keys) for segment in there.namespace(SPACE.digest.hex()).segments()) == len(KEYS)


def test_no_changed_byte_of_keys_or_vectors_is_taken_in(tmp_path: Path) -> None:
    here, there = VectorStore(tmp_path / "a"), VectorStore(tmp_path / "b")
    here.put_many(KEYS, VECTORS, SPACE)
    content = pack_chunk(here, WHOLE, KEYS, 0)
    for part in (KEYS.tobytes(), VECTORS.tobytes()):
        begin = content.tobytes().index(part)
        for at in range(begin, begin + len(part), 7):
            changed = content.copy()
            changed[at] ^= 4
            with pytest.raises(LostVectorsError, match=r"vectors of org/model arrived damaged \("):
                unpack_chunk(there, WHOLE, changed)
    for end in range(0, len(content), 101):
        with pytest.raises(LostVectorsError):
            unpack_chunk(there, WHOLE, content[:end].copy())
    assert not there.contains_many(KEYS).any()


def test_vectors_that_were_pruned_cannot_be_packed(tmp_path: Path) -> None:
    with pytest.raises(LostVectorsError, match="10 vectors to be sent are gone from the store"):
        pack_chunk(VectorStore(tmp_path), WHOLE, KEYS, 0)


def test_each_store_is_sent_what_it_lacks_once() -> None:
    transit, (actor, packed) = Transit(), make_actor()
    transit.note("none", "a", actor, (WHOLE,))
    transit.note("correct", "a", actor, (WHOLE, OTHER))  # texts that both send alike travel once
    assert packed == [(WHOLE, 0), (OTHER, 0)]
    assert transit.ship(("none", "correct"), "a") == []
    assert transit.ship(("none", "correct"), "b") == [(WHOLE, ["reference 1"]), (OTHER, ["reference 2"])]
    transit.arrive(("none",), "b")
    assert transit.ship(("correct",), "b") == [(OTHER, ["reference 2"])]


def test_what_is_lost_is_asked_for_again_and_packed_again() -> None:
    transit, (actor, packed) = Transit(), make_actor()
    transit.note("none", "a", actor, (WHOLE,))
    transit.lose(("none",))
    with pytest.raises(LostVectorsError, match="lost on their way"):
        transit.ship(("none",), "b")
    transit.note("none", "c", actor, (WHOLE,))
    assert transit.ship(("none",), "b") == [(WHOLE, ["reference 2"])]
    with pytest.raises(LostVectorsError, match="in the store of another node"):
        transit.ship(("never made",), "b")
    assert len(packed) == 2


def test_vectors_are_let_go_with_the_last_name_that_has_them() -> None:
    transit, (actor, packed) = Transit(), make_actor()
    transit.note("none", "a", actor, (WHOLE,))
    transit.note("correct", "a", actor, (WHOLE,))
    transit.release("none")
    assert transit.ship(("correct",), "b") == [(WHOLE, ["reference 1"])]
    transit.release("correct")
    transit.note("again", "b", actor, (WHOLE,))
    assert packed == [(WHOLE, 0)] * 2


def test_a_common_store_needs_no_parcels() -> None:
    transit, (actor, packed) = Transit(), make_actor()
    transit.note("none", "", actor, None)
    assert transit.ship(("none",), "") == []
    assert packed == []
