"""The command line as one meets it: version, help, groups, a project's own sweep file."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from prefixbench.cli.app import GROUPS, app, main, register_commands
from prefixbench.cli.flags import find_project_file
from typer.main import get_command
from typer.testing import CliRunner


def run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "80", "TERM": "dumb"}).invoke(register_commands(), list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_version_is_the_packages() -> None:
    assert run("--version") == f"prefixbench {version('prefixbench')}\n"


def test_short_and_long_help_are_the_same_and_grouped_by_the_way_one_works() -> None:
    text = run("-h")
    assert text == run("--help")
    headings = [line.rstrip(":") for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert [heading for heading in headings if heading in GROUPS] == [name for name in GROUPS if name in headings]
    assert text.index("  plan ") < text.index("  sweep ") < text.index("  report ") < text.index("  gate ")
    assert "--install-completion" in text


@pytest.mark.parametrize("command", sorted(get_command(register_commands()).commands))  # type: ignore[attr-defined]
def test_help_is_never_cut(command: str) -> None:
    text = run(command, "-h")
    assert not re.search(r"\w…", text)
    assert max(len(line) for line in text.splitlines()) <= 100


def test_every_command_stands_in_a_group() -> None:
    grouped = {name for names in GROUPS.values() for name in names}
    assert set(get_command(app).commands) <= grouped  # type: ignore[attr-defined]


def test_a_projects_sweep_file_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_project_file() is None
    (tmp_path / "prefixbench.toml").write_text("")
    assert find_project_file() == tmp_path / "prefixbench.toml"


@pytest.mark.parametrize("arguments", [[], ["--base", "somewhere"]])
def test_validate_says_what_it_wants(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["prefixbench", "twins", "validate", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "error: name one model to validate: a twin's folder, as `prefixbench twins train` prints it, or --base for "
        "the base model.\n"
    )


def test_findings_never_overwrite_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.md"
    page.write_text("mine")
    monkeypatch.setattr("sys.argv", ["prefixbench", "twins", "findings", "nowhere", "--output", str(page)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"error: {page} is there already; --overwrite replaces it.\n"
    assert page.read_text() == "mine"
