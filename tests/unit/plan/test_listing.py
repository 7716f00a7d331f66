"""What there is to name, in one screen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prefixbench.errors import UnknownNameError
from prefixbench.plan.listing import CONDITION_NOTES, Embedded, list_entries, render_entries
from prefixbench.screen import LINES, WIDTH
from prefixbench.spec.conditions import Condition, ConditionKind
from prefixbench.starter import embedded_models, starter_facts

EMBEDDED = Embedded(tuple(embedded_models()), starter_facts())


@pytest.mark.parametrize("words", [[], ["e5"], ["retrieval", "ndcg"]])
@pytest.mark.parametrize("kind", ["models", "tasks", "presets", "conditions"])
def test_every_list_fits_a_screen_and_is_whole_when_asked(kind: str, words: list[str]) -> None:
    entries = list_entries(kind, words, EMBEDDED)
    lines = render_entries(kind, entries, words, everything=False).splitlines()
    assert 1 <= len(lines) <= LINES
    assert max(map(len, lines)) <= WIDTH
    everything = "".join(render_entries(kind, entries, words, everything=True).split())
    assert all("".join(entry.name.split()) in everything for entry in entries)


def test_words_narrow_a_list_by_name_and_by_column() -> None:
    names = {entry.name for entry in list_entries("models", ["Nomic", "prefix"], EMBEDDED)}
    assert "nomic-ai/nomic-embed-text-v1.5" in names
    assert all("nomic" in name.casefold() for name in names)
    assert render_entries("tasks", (), ["zzz"], everything=False) == "no tasks match 'zzz'\n"


def test_every_kind_of_condition_is_listed_as_it_is_written() -> None:
    assert set(CONDITION_NOTES) == set(ConditionKind)
    for kind, (argument, _) in CONDITION_NOTES.items():
        written = {":SHARE": ":0.5", ":N": ":1", "[:N]": ":8"}.get(argument, argument.strip("[]"))
        assert Condition.parse(f"{kind.value}{written}").kind is kind


def test_the_readme_names_every_condition() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", readme, re.MULTILINE)
    named = {re.split("[:+]", name)[0] for row in rows for name in re.findall("`([^`]+)`", row)}
    assert {kind.value for kind in ConditionKind} <= named


def test_an_unknown_list_is_named_with_its_neighbour() -> None:
    with pytest.raises(UnknownNameError, match=re.escape("unknown list 'taks'; did you mean tasks?")):
        list_entries("taks", [], EMBEDDED)


def test_rows_are_plain_data() -> None:
    from dataclasses import asdict

    row = next(asdict(one) for one in list_entries("models", ["intfloat/e5-small-v2"], EMBEDDED))
    assert json.loads(json.dumps(row)) == {
        "name": "intfloat/e5-small-v2",
        "family": "e5",
        "mechanism": "prefix",
        "known_from": "card",
    }
