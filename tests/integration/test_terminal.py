"""What a terminal of eighty columns shows, letter for letter.

``PREFIXBENCH_GOLDEN=write pytest tests/integration/test_terminal.py`` writes the files anew; look at what changed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import main
from prefixbench.screen import WIDTH, measure

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SCREEN = 40
"""Lines that a default output may have."""

SWEEP = "--models intfloat/e5-small-v2 --tasks SciFact,STSBenchmark --conditions none,correct,wrong,swapped"
COMMANDS = {
    "plan-starter": "plan --preset starter",
    "plan": f"plan {SWEEP}",
    "plan-endpoint": "plan priced.toml",
    "prefixes": "prefixes",
    "prefixes-model": "prefixes nomic-ai/nomic-embed-text-v1.5",
    "prefixes-task": "prefixes intfloat/e5-small-v2 --task SciFact",
    "prefixes-disagreements": "prefixes --disagreements",
    "list-conditions": "list conditions",
    "list-models": "list models nomic",
    "list-tasks": "list tasks",
    "compare": f"compare {ROOT}/results/starter",
    "compare-task": f"compare {ROOT}/results/starter --task StarterDocRetrieval --model prefixbench/minilm-prefixed",
}
HELP = {"help": "-h", "help-plan": "plan -h", "help-report": "report -h", "help-list": "list -h"}
PRICED = """
tasks = ["STSBenchmark", "SciFact"]
conditions = ["none", "correct"]

[[models]]
name = "text-embedding-3-small"
endpoint = "http://127.0.0.1:9/v1"
like = "intfloat/e5-small-v2"
price_per_million_tokens = 0.02
"""


def check(name: str, text: str, n_lines: int = SCREEN) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("PREFIXBENCH_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert all(measure(line) <= WIDTH for line in text.splitlines())
    assert len(text.splitlines()) <= n_lines


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A terminal, a working directory and a cache that hold nothing of the machine's own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "priced.toml").write_text(PRICED)


def run(arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["prefixbench", *arguments.split()])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = capsys.readouterr()
    assert stopped.value.code in (0, None), told.err
    return told.out


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, run(COMMANDS[name], monkeypatch, capsys))


@pytest.mark.parametrize("name", HELP)
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, run(HELP[name], monkeypatch, capsys), n_lines=90)  # as many lines as there are flags


def test_the_end_of_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    from prefixbench.report.command import load_report
    from prefixbench.report.summary import MOST_LINES, render_summary

    monkeypatch.chdir(ROOT)
    folder = Path("results/starter")
    report = load_report([folder])
    check("sweep-end", render_summary(report.evidence, report.answer, folder / "report.html"), MOST_LINES)
