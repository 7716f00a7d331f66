"""``README.md`` here names, for every kind of fault that a hostile test found, the tests that keep it mended."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_kind_names_tests_that_there_are() -> None:
    rows = ROW.findall((Path(__file__).parent / "README.md").read_text(encoding="utf-8"))
    assert [int(number) for number, _, _ in rows] == list(range(1, 16))
    for number, _, tests in rows:
        named = NAMED.findall(tests)
        assert named, f"line {number} names no test"
        for file, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), name
