"""``prefixbench doctor`` says what can run, and why the rest cannot."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.run.machine import Finding, examine_machine, render_machine
from prefixbench.spec.sweep import Engine
from typer.testing import CliRunner


def find(findings: tuple[Finding, ...], topic: str) -> Finding:
    (found,) = (finding for finding in findings if finding.topic == topic)
    return found


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("offline")
def test_the_machine_is_told_as_one_json_document(tmp_path: Path) -> None:
    done = CliRunner().invoke(register_commands(), ["doctor", "--json", "--cache", str(tmp_path / "new" / "cache")])
    assert done.exit_code == 0
    told = {row["topic"]: row for row in json.loads(done.stdout)}
    assert told["torch"]["usable"]
    assert told["device cpu"]["usable"]
    assert told["engine torch"]["usable"]
    assert told["model sentence-transformers/all-MiniLM-L6-v2"]["usable"]
    assert told["hub"] == {
        "topic": "hub",
        "usable": False,
        "detail": "switched off by HF_HUB_OFFLINE; only models and data already here can be used",
    }
    assert told["cache"]["detail"].startswith(f"{tmp_path / 'new' / 'cache'}, ")


def test_a_hub_that_does_not_answer_is_told_with_what_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{port}")
    hub = find(examine_machine(tmp_path), "hub")
    assert not hub.usable
    assert hub.detail == (
        f"http://127.0.0.1:{port} cannot be reached (Connection refused); embedded tasks and models still run"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        assert find(examine_machine(tmp_path), "hub") == Finding("hub", True, f"{endpoint} answers")


@pytest.mark.usefixtures("offline")
def test_a_missing_engine_says_which_package_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefixbench.encode.engines.PACKAGES", {Engine.ONNX: ("no_such_package",)})
    assert find(examine_machine(tmp_path), "engine onnx") == Finding(
        "engine onnx", False, "the package no_such_package is not installed"
    )


def test_lines_are_aligned() -> None:
    text = render_machine((Finding("hub", True, "answers"), Finding("device cuda", False, "none")))
    assert text == "yes  hub          answers\nno   device cuda  none\n"
