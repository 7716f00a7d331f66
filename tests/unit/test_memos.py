from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from prefixbench.files import read_memo, write_memo

VALUE = {"dim": 384, "device": "cpu", "notes": ["plain torch: the model has no transformer"], "similarity": None}


def test_no_change_of_any_byte_is_taken_for_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    write_memo(path, VALUE)
    assert read_memo(path) == VALUE
    content = path.read_bytes()
    rng = random.Random(0)
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :])
        assert read_memo(path) in ({}, VALUE)  # white space may change and mean the same
        path.write_bytes(content[:at])
        assert read_memo(path) == {}


@pytest.mark.parametrize("kind", ["gone", "folder", "pipe", "list", "of old"])
def test_what_is_no_memo_is_found_anew(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "memo.json"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "gone":
        path.write_text(json.dumps([VALUE] if kind == "list" else VALUE))
    assert read_memo(path) == {}
