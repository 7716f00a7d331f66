"""A corpus that is held in a file is sent, counted and sampled as one in memory is."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from mteb.abstasks import AbsTask
from prefixbench.data.upkeep import prune_data
from prefixbench.plan.place import Place
from prefixbench.run import stages
from prefixbench.run.session import group_texts
from prefixbench.run.stages import forget, list_place_texts, name_task
from prefixbench.run.texts import PlaceTexts, recall_texts, remember_texts
from prefixbench.score import search
from prefixbench.spec.conditions import Mixture, PrefixPair, Role, Side
from prefixbench.spec.tasks import TaskFacts
from prefixbench.vectors.mapped_texts import HELD_SUFFIX

from tests.score_tasks import make_retrieval

PLACE = Place(TaskFacts("Task", "Retrieval", "ndcg_at_10"), "default", "test", None, 42)
TITLED = Side("title: {title} | text: ", title_slot=True)
PAIRS = [
    PrefixPair(Side("query: "), Side("passage: ")),
    PrefixPair(Side("query: "), TITLED),
    PrefixPair(Side("query: "), TITLED, mixture=Mixture(0.4, Side("passage: "), 3)),
    PrefixPair(Side("query: "), Side("passage: "), mixture=Mixture(0.4, Side("passage: "), 3)),
]


def read(cache: Path, monkeypatch: pytest.MonkeyPatch, large: int) -> PlaceTexts:
    task: AbsTask = make_retrieval()
    monkeypatch.setattr(stages, "load_task", lambda *_: task)
    monkeypatch.setattr(search, "LARGE_CORPUS", large)
    monkeypatch.setattr(search, "ROWS_AT_ONCE", 7)
    forget(name_task(PLACE))
    try:
        return list_place_texts(PLACE, cache)
    finally:
        forget(name_task(PLACE))


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PlaceTexts, PlaceTexts]:
    held = read(tmp_path / "held", monkeypatch, 10)
    assert held.manifest.is_held
    memory = read(tmp_path / "memory", monkeypatch, 1_000)
    assert not memory.manifest.is_held
    return pickle.loads(pickle.dumps(held)), memory


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("role", list(Role))
def test_the_same_texts_are_sent(both: tuple[PlaceTexts, PlaceTexts], pair: PrefixPair, role: Role) -> None:
    held, memory = (
        [(side, list(texts), titles and list(titles)) for side, texts, titles in group_texts(one.manifest, pair, role)]
        for one in both
    )
    assert held == memory
    assert sum(len(texts) for _, texts, _ in held) == (60 if role is Role.DOCUMENT else 39)


def test_the_same_is_remembered_and_sampled(both: tuple[PlaceTexts, PlaceTexts], tmp_path: Path) -> None:
    held, memory = both
    assert (held.samples, held.dataset_sha256) == (memory.samples, memory.dataset_sha256)
    for name, one in (("a", held), ("b", memory)):
        remember_texts(tmp_path / name, PLACE, one.manifest)
    first, second = (recall_texts(tmp_path / name, PLACE) for name in "ab")
    assert first is not None
    assert second is not None
    for title_slot in (False, True):
        for role in Role:
            (keys, titles), (others, other_titles) = (one.by_role[role].request(title_slot) for one in (first, second))
            assert np.array_equal(keys, others)
            assert titles == other_titles


def test_the_file_goes_when_it_is_discarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = read(tmp_path, monkeypatch, 10)
    assert len(list((tmp_path / "texts").glob(f"*{HELD_SUFFIX}"))) == 1
    held.manifest.discard()
    held.manifest.discard()
    assert not list((tmp_path / "texts").iterdir())


def test_a_disk_without_room_costs_memory_and_no_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts").write_text("no folder")
    assert not read(tmp_path, monkeypatch, 10).manifest.is_held


def test_what_a_killed_sweep_left_is_pruned_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(tmp_path, monkeypatch, 10)
    (held,) = (tmp_path / "texts").glob(f"*{HELD_SUFFIX}")
    written = held.stat().st_mtime
    assert prune_data(tmp_path, None, written + 3600).n_bytes == 0
    assert prune_data(tmp_path, None, written + 100_000).n_bytes > 0
    assert not held.exists()
