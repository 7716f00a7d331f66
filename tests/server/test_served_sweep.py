"""Whole sweeps against a served model: rows, what was bought, and where the key must not be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefixbench.cli.app import main
from prefixbench.endpoints.proof import PROBE_TEXTS
from prefixbench.results import load_run
from prefixbench.results.run import Run

from tests.server.contract import KEY, Served, contract_server

pytest.importorskip("openai")
pytestmark = pytest.mark.server

ROOT = Path(__file__).resolve().parents[2]
TASKS = "mteb.mocks.mock_tasks.MockSTSTask,mteb.mocks.mock_tasks.MockRetrievalTask"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Served]]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # read when its package is imported, which may have been
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with contract_server() as started:
        yield started


def list_arguments(url: str, folder: Path, *more: str) -> list[str]:
    """A sweep of a model served at an address."""
    flags = {
        "--endpoint": f"{url}/v1",
        "--models": "served",
        "--like": "nomic-ai/nomic-embed-text-v1.5",
        "--tasks": TASKS,
        "--conditions": "none,correct,adapter:x",
        "--workers": "0",
        "--results": str(folder / "results"),
        "--cache": str(folder / "cache"),
    }
    return ["sweep", *(word for pair in flags.items() for word in pair), *more]


def call(arguments: list[str]) -> int:
    """Run the command line in this process; returns the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["prefixbench", *arguments])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


def sweep(url: str, folder: Path, *more: str) -> tuple[int, Run]:
    """Run a sweep in this process: its exit code and its results."""
    code = call(list_arguments(url, folder, *more))
    return code, load_run(folder / "results")


def list_bought(served: Served) -> Counter[str]:
    """Every text the server was sent, and how often."""
    return Counter(text for _, body, _ in served.requests for text in body["input"])


def test_a_served_model_is_swept_like_any_other_and_asked_for_nothing_twice(
    server: tuple[str, Served], tmp_path: Path
) -> None:
    url, served = server
    code, run = sweep(url, tmp_path)
    assert code == 0
    assert {(row.task, row.conditions) for row in run.results} == {
        (task, (name,)) for task in ("MockSTSTask", "MockRetrievalTask") for name in ("none", "correct")
    }
    (reason,) = {row.reason for row in run.failures}
    assert reason == "nomic-ai/nomic-embed-text-v1.5 has no adapters, so adapter:x cannot be expressed"
    row = next(row for row in run.results if row.task == "MockRetrievalTask" and row.conditions == ("correct",))
    assert {audit.role: audit.prefix for audit in row.audit} == {
        "query": "search_query: ",
        "document": "search_document: ",
    }
    assert row.audit[0].samples[0].text.startswith("search_")
    assert row.encoder.engine == f"openai at {url}/v1"
    assert row.cost.tokens_used
    served.requests.clear()
    again = sweep(url, tmp_path, "--overwrite", "always")[1]
    assert {row.cell_id: row.score for row in again.results} == {row.cell_id: row.score for row in run.results}
    assert len(served.requests) == 1, "the drift probe"


def test_a_stored_sweep_asks_for_nothing_but_the_drift_probe(server: tuple[str, Served], tmp_path: Path) -> None:
    url, served = server
    first = sweep(url, tmp_path)[1]
    served.requests.clear()
    code, again = sweep(url, tmp_path)
    assert code == 0
    assert [body["input"] for _, body, _ in served.requests] == [[*PROBE_TEXTS, PROBE_TEXTS[0]]]
    assert again.rows == first.rows, "nothing is computed or written again"


def test_a_model_changed_under_its_name_is_noticed_by_a_stored_sweep_and_computed_again(
    server: tuple[str, Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, served = server
    before = sweep(url, tmp_path)[1]
    served.seed = 1
    capsys.readouterr()
    code, after = sweep(url, tmp_path)
    assert code == 0
    assert "changed served under its name since" in capsys.readouterr().err
    assert {row.encoder.weights_digest for row in before.results}.isdisjoint(
        row.encoder.weights_digest for row in after.results
    )
    assert len(after.history) >= len(before.results)
    assert not after.outdated
    assert any("changed served under its name since" in note for note in after.endpoints[0].notes)


def test_a_stored_sweep_whose_endpoint_is_gone_keeps_its_scores_and_says_so(
    server: tuple[str, Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, served = server
    before = sweep(url, tmp_path)[1]
    served.faults.extend(["401"])
    capsys.readouterr()
    code, after = sweep(url, tmp_path)
    assert code == 0
    assert "served was not asked whether it is what it was: served, openai at" in capsys.readouterr().err
    assert after.rows == before.rows


def test_the_key_is_nowhere(server: tuple[str, Served], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url, served = server
    served.faults.extend(["", "", "", "401", "401"])
    sweep(url, tmp_path)
    call(["report", str(tmp_path / "results")])
    said = capfd.readouterr()
    assert f"Bearer {KEY}" in str(served.requests[0][2])
    assert "answered 401" in said.err
    assert KEY not in said.out + said.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "report.html" for path in files)
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_limit_of_tokens_stops_before_it_is_passed_and_the_sweep_goes_on_later(
    server: tuple[str, Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, served = server
    limit = 350
    code, run = sweep(url, tmp_path, "--max-tokens", str(limit))
    assert code == 1
    assert f"stopped before --max-tokens {limit} would be passed" in capsys.readouterr().err
    assert sum(served.count(text) * n for text, n in list_bought(served).items()) <= limit
    assert not [row for row in run.failures if row.status == "failed"], "cells that were left have no row"
    code, run = sweep(url, tmp_path)
    assert code == 0
    assert run.complete


def test_money_cannot_be_limited_without_a_price(server: tuple[str, Served], tmp_path: Path) -> None:
    code, run = sweep(server[0], tmp_path, "--max-cost", "1")
    assert code == 1
    reasons = {row.reason for row in run.failures if row.status == "failed"}
    assert reasons == {
        "served: --max-cost needs to know what it costs; give price_per_million_tokens (0 where it is free)."
    }


def test_a_key_in_the_address_is_refused_before_anything_is_written(
    server: tuple[str, Served], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server[0].replace("http://", f"http://user:{KEY}@")
    assert call(list_arguments(url, tmp_path)) == 2
    said = capsys.readouterr().err
    assert "was given with a password or a query" in said
    assert KEY not in said
    assert [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_a_kill_buys_nothing_twice(server: tuple[str, Served], tmp_path: Path) -> None:
    url, served = server
    served.faults.extend(["slow"] * 200)
    command = [sys.executable, "-m", "prefixbench", *list_arguments(url, tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 100
    while len(served.requests) < 6 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.poll() is None, "it ended before it could be killed"
    under_way = served.under_way
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    bought, n_before = list_bought(served), len(served.requests)
    served.faults.clear()
    assert sweep(url, tmp_path)[0] == 0
    again = [text for _, body, _ in served.requests[n_before + 1 :] for text in body["input"] if text in bought]
    lost = [text for _, body, _ in served.requests[n_before - under_way : n_before] for text in body["input"]]
    assert set(again) <= set(lost), "only what was under way is asked for again"
