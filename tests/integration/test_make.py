"""The first sweep of a checkout starts afresh; later ones resume."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MARK = ".venv/.marks/fresh-starter"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the Makefile, a committed run, and an environment that needs no installing."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "results" / "starter").mkdir(parents=True)
    (tmp_path / "results" / "starter" / "ledger.jsonl").write_text("committed\n")
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "git", "add", ".")
    (tmp_path / ".venv" / ".marks").mkdir(parents=True)
    (tmp_path / ".venv" / ".marks" / "project").touch()
    return tmp_path


def run(folder: Path, *command: str) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_committed_run_is_set_aside_once(checkout: Path) -> None:
    ledger = checkout / "results" / "starter" / "ledger.jsonl"
    said = run(checkout, "make", "-s", MARK)
    assert "git restore results/starter" in said
    assert not ledger.exists()
    ledger.parent.mkdir()
    ledger.write_text("measured here\n")
    run(checkout, "make", "-s", MARK)
    assert ledger.read_text() == "measured here\n"
    run(checkout, "git", "restore", "results/starter")
    assert ledger.read_text() == "committed\n"


def test_help_names_every_target(checkout: Path) -> None:
    said = run(checkout, "make", "-s", "help")
    for target in ("bench", "check", "test", "lint", "report", "clean", "setup"):
        assert f"\n{target}" in f"\n{said}"
