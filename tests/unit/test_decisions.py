from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "decisions").glob("*.md"))
FOLDERS = ("bench/", "benchmarks/", "docs/", "results/", "tasks/", "tests/")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_names_only_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for named in re.findall(r"`([\w./-]+)(?:::(\w+))?`", text):
        path, function = named
        if path.startswith(FOLDERS):
            assert (ROOT / path).exists(), f"{path} is not there"
            assert not function or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")
    for module in re.findall(r"`python -m (benchmarks[\w.]+)", text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), f"{module} is not there"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_test_named_alone_exists(page: Path) -> None:
    names = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")) if names else ""
    assert all(f"def {name}(" in written for name in names)
