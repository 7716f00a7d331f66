"""Every mutation of own data is a task that can be read whole, or sentences that name the file."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from prefixbench.data import expand_data, load_data_task
from prefixbench.errors import SpecError
from prefixbench.spec.sweep import DataSpec

VALUES: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1.5, 10**30, True, [], [""], ["a", "b"], {}, {"a": 1}, "\u202e", "\ud83d", "x" * 5_000,
    float("nan"), float("inf"), [None], [[]],
)  # fmt: skip
N_MUTATIONS = 120


def write(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_layout(kind: str, folder: Path) -> None:
    rows: dict[str, Any] = {
        "pairs": [{"query": f"q {n}", "passage": f"p {n}"} for n in range(12)],
        "negatives": [{"query": f"q {n}", "passage": f"p {n}", "negative": [f"n {n}", f"m {n}"]} for n in range(12)],
        "scored": [{"sentence1": f"a {n}", "sentence2": f"b {n}", "score": n / 12} for n in range(12)],
        "similar": [{"sentence1": f"a {n}", "sentence2": f"b {n}", "label": n % 2} for n in range(12)],
        "labelled": [{"text": f"t {n}", "label": "ab"[n // 2 % 2]} for n in range(24)],
        "several labels": [{"text": f"t {n}", "label": [["a"], ["b"], ["a", "b"]][n % 3]} for n in range(36)],
        "clusters": [{"text": f"t {n}", "cluster": "ab"[n % 2]} for n in range(12)],
    }
    if kind != "corpus":
        write(folder / "own.jsonl", rows[kind])
        return
    write(folder / "corpus.jsonl", [{"_id": f"d{n}", "title": f"T {n}", "text": f"d {n}"} for n in range(12)])
    write(folder / "queries.jsonl", [{"_id": f"q{n}", "text": f"q {n}"} for n in range(12)])
    write(folder / "qrels" / "test.jsonl", [{"query-id": f"q{n}", "corpus-id": f"d{n}", "score": 1} for n in range(12)])


KINDS = ("pairs", "negatives", "scored", "similar", "labelled", "several labels", "clusters", "corpus")


def mutate(path: Path, rng: random.Random) -> None:
    content = path.read_bytes()
    how = rng.choice(("flip", "cut", "value", "field", "row", "twice", "format"))
    if how == "flip":
        at = rng.randrange(len(content))
        path.write_bytes(content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :])
        return
    if how == "cut":
        path.write_bytes(content[: rng.randrange(len(content))])
        return
    rows = [json.loads(line) for line in content.splitlines()]
    row = rng.choice(rows)
    name = rng.choice(list(row))
    if how == "value":
        row[name] = rng.choice(VALUES)
    elif how == "field":
        row[rng.choice(("other", "_id", "split", "text"))] = row.pop(name)
    elif how == "row":
        rows[rng.randrange(len(rows))] = rng.choice(VALUES)
    elif how == "twice":
        rows.append(row)
    else:
        path.rename(path.with_suffix(rng.choice((".csv", ".tsv", ".parquet", ".jsonl.gz", ".txt"))))
        return
    write(path, rows)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.timeout(300)
def test_every_mutation_is_a_task_or_sentences(kind: str, tmp_path: Path) -> None:
    make_layout(kind, tmp_path / "sound")
    (facts,) = expand_data([DataSpec(path=str(tmp_path / "sound"))], tmp_path / "cache")
    load_data_task(facts, tmp_path / "cache")
    rng = random.Random(kind)
    for number in range(N_MUTATIONS):
        folder = tmp_path / f"run{number}"
        shutil.copytree(tmp_path / "sound", folder)
        mutate(rng.choice(sorted(path for path in folder.rglob("*.jsonl"))), rng)
        try:
            (found,) = expand_data([DataSpec(path=str(folder))], tmp_path / "cache")
            load_data_task(found, tmp_path / "cache")
        except SpecError as error:
            for sentence in error.faults:
                assert str(folder) in sentence
                assert "\n" not in sentence
                assert len(sentence) < 1_000
        shutil.rmtree(folder)
