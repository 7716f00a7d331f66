"""What the README tells a reader to type works."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import main, register_commands

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("prefixbench ")
]
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)
    words = [word.replace("results/e5", str(ROOT / "results" / "starter")) for word in words]
    if words[1] == "sweep":
        words[1] = "plan"  # the same flags without the hub's data
    if words[1] in {"report", "twins"}:
        words.append("--help")
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stopped:
        main()
    captured = capsys.readouterr()
    answers = (0, 3, 4) if words[1] == "gate" else (0, None)  # shown safe, shown harmful, not shown
    assert stopped.value.code in answers, captured.err
    assert captured.out


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_python_snippets(snippet: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(snippet, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_every_command_named_exists() -> None:
    import typer

    known = set(typer.main.get_command(register_commands()).list_commands(None))  # type: ignore[attr-defined]
    named = set(re.findall(r"(?:^|`)prefixbench ([a-z-]+)", README, re.MULTILINE))
    assert named <= known
    assert COMMANDS
    assert SNIPPETS


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
