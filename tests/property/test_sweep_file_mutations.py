"""Whatever stands in a sweep file or a card, it ends as a value or as one sentence a fault."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.errors import CardError, SpecError
from prefixbench.prefixes.card_files import read_card_file
from prefixbench.spec.load import Overrides, load_sweep

Path_ = tuple[str | int, ...]

SWEEP: dict[str, Any] = {
    "name": "mine",
    "description": "A sweep.",
    "models": ["a/b", {"name": "c/d", "revision": "main", "dtype": "float16", "max_seq_length": 64, "like": "a/b"}],
    "tasks": ["STS22:en", {"name": "X", "subsets": ["de"]}],
    "conditions": ["none", "wrong:clustering", "custom:own", "mixed:0.5", "placebo:4"],
    "smallest_effect": {"default": 0.5, "ndcg_at_10": 0.3},
    "limit": 100,
    "seed": 7,
    "encoder": {"device": "cpu", "dtype": "float32", "batch_tokens": 128},
    "custom": {"own": {"query": "q: ", "document": "d: "}},
}
CARD: dict[str, Any] = {
    "family": "good",
    "models": [
        {
            "names": ["org/good"],
            "mechanism": "prefix",
            "source": "https://example.org/good",
            "certain": True,
            "uses": {"query": "query: ", "document": {"prefix": "title: {title} | text: ", "title_slot": True}},
            "rules": [{"group": "asymmetric", "query": "query", "document": "document"}],
        }
    ],
}
HOSTILE: list[Any] = [
    True,
    7,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "placebo",
    "a\x00b",
    "../x",
    "~/nowhere",
    "/no/such/folder",
    "x" * 5000,
    "x:y:z",
    "\u202e",
    [],
    [[]],
    ["a", 3],
    {},
    {"a": {"b": 1}},
    "20",
    "yes",
]


def write_toml(value: Any) -> str:
    """Any value as TOML, tables inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = "".join(f"\\U{ord(letter):08x}" if not letter.isalnum() else letter for letter in value)
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(map(write_toml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_toml(key)} = {write_toml(one)}" for key, one in value.items()) + "}"
    return repr(value)


def write_file(path: Path, content: dict[str, Any], extra: str = "") -> Path:
    lines = [f"{write_toml(key)} = {write_toml(value)}" for key, value in content.items()]
    path.write_text("\n".join([*lines, extra]), encoding="utf-8")
    return path


def places(value: Any, place: Path_ = ()) -> Iterator[Path_]:
    """Every place in nested tables and lists."""
    yield place
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from places(inner, (*place, key))


def mutate(content: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to three places replaced, dropped, doubled or renamed."""
    mutated = copy.deepcopy(content)
    for _ in range(rng.randint(1, 3)):
        if not mutated:
            break
        place = rng.choice([one for one in places(mutated) if one])
        owner: Any = mutated
        for part in place[:-1]:
            owner = owner[part]
        last: Any = place[-1]
        action = rng.choice(["replace", "replace", "replace", "drop", "rename"])
        if action == "drop":
            del owner[last]
        elif action == "rename" and isinstance(owner, dict):
            owner[f"{last}x"] = owner.pop(last)
        elif isinstance(owner, list) and action == "rename":
            owner.append(copy.deepcopy(owner[last]))
        else:
            owner[last] = copy.deepcopy(rng.choice(HOSTILE))
    return mutated


def check_sentences(faults: tuple[str, ...], path: Path) -> None:
    assert faults
    for fault in faults:
        assert fault.startswith(str(path))
        assert "\n" not in fault
        assert "pydantic" not in fault
        assert len(fault) < 700


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32))
def test_every_mutation_of_a_sweep_file_is_a_sweep_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    path = write_file(tmp_path_factory.getbasetemp() / "mine.toml", mutate(SWEEP, random.Random(seed)))
    try:
        spec = load_sweep(path, None, Overrides())
    except SpecError as error:
        check_sentences(error.faults, path)
    else:
        assert type(spec.seed) is int
        assert str(spec.conditions[0]) == "none"
        assert spec.model_dump_json()


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 2**32))
def test_every_mutation_of_a_card_is_a_card_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = tmp_path_factory.getbasetemp() / "card.toml"
    write_file(path, {}, "date_ = 2026-01-01")
    content = mutate(CARD, random.Random(seed))
    body = write_file(path, content).read_text(encoding="utf-8")
    path.write_text(body.replace('"mechanism"', '"date" = 2026-01-01, "mechanism"'), encoding="utf-8")
    try:
        file, _ = read_card_file(path)
    except CardError as error:
        check_sentences(error.faults, path)
    else:
        assert file.models
