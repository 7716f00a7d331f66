"""A lever that moves nothing, and texts that are cut or added to: what a sweep, the ledger and the reader are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import prefixbench.run.served as served_module
import pytest
from prefixbench.analysis import analyse
from prefixbench.endpoints.proof import PROBE_TEXTS
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.results import load_run
from prefixbench.results.run import Run
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from tests.server.contract import KEY, Served, contract_server
from tests.server.test_served_sweep import call

pytestmark = pytest.mark.server

N_PAIRS = 60
LONG = 40
"""Words of a document; the longest probe text has 17."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Served]]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # read when its package is imported, which may have been
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with contract_server() as started:
        yield started


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Questions and long documents of which each shares two words with its question."""
    path = tmp_path / "pairs.jsonl"
    filler = " ".join(f"filler{number}" for number in range(LONG - 2))
    rows = [
        {"query": f"where is thing{n} of kind{n}", "document": f"thing{n} kind{n} {filler}"} for n in range(N_PAIRS)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def make_tokenizer() -> LocalTokenizer:
    """Counts as the contract server does: words, and two special ones."""
    words = Tokenizer(WordLevel({"[UNK]": 0, "[S]": 1}, unk_token="[UNK]"))
    words.pre_tokenizer = WhitespaceSplit()
    words.post_processor = TemplateProcessing(single="[S] $A [S]", special_tokens=[("[S]", 1)])
    return LocalTokenizer(words)


@pytest.fixture
def word_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokenizer of whatever model is named by ``like``."""
    monkeypatch.setattr(served_module, "load_tokenizer", lambda *_: make_tokenizer())


def sweep(url: str, pairs: Path, folder: Path, *more: str) -> tuple[int, Run]:
    """Run a sweep over the pairs: its exit code and its results."""
    flags = ("--endpoint", url, "--data", str(pairs), "--workers", "0")
    places = ("--results", str(folder / "results"), "--cache", str(folder / "cache"))
    return call(["sweep", *flags, *places, *more]), load_run(folder / "results")


def sweep_gemini(url: str, pairs: Path, folder: Path, *more: str) -> tuple[int, Run]:
    """A sweep of a model whose lever is a parameter."""
    return sweep(url, pairs, folder, "--backend", "gemini", "--models", "gemini/gemini-embedding-001", *more)


def test_a_lever_that_moves_nothing_ends_as_inert_and_never_as_equivalent(
    server: tuple[str, Served], pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, served = server
    served.inert = True
    code, run = sweep_gemini(url, pairs, tmp_path, "--conditions", "none,correct,wrong,query-only")
    said = capsys.readouterr().err
    assert code == 0
    assert "1 cells scored, 0 skipped, 3 inert, 0 failed" in said
    assert [row.conditions for row in run.results] == [("none",)]
    assert {row.status for row in run.failures} == {"inert"}
    asked = [one for _, body, _ in served.requests for one in body["requests"]]
    told = {one["content"]["parts"][0]["text"] for one in asked if one["taskType"] != "TASK_TYPE_UNSPECIFIED"}
    assert told == set(PROBE_TEXTS), "nothing else is bought with a lever that moves nothing"

    analysis = analyse(run)
    contrasts = analysis.contrasts.set_index("contrast")
    assert set(contrasts.index) >= {"correct-none", "wrong-none", "wrong-correct", "query-only-correct"}
    assert set(contrasts["verdict"]) == {"inert"}
    assert set(contrasts["delta_points"]) == {0.0}
    assert contrasts["p_value"].isna().all()
    assert "give the same vectors of gemini-embedding-001" in str(contrasts.loc["correct-none", "reason"])
    assert analysis.types.empty, "never counted"
    (model,) = analysis.models.to_dict("records")
    assert (model["line"], model["n_tasks"], model["n_inert"], model["n_equivalent"]) == ("inert", 0, 1, 0)
    assert analysis.refusals.empty


def test_every_surface_says_inert(
    server: tuple[str, Served], pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, served = server
    served.inert = True
    sweep_gemini(url, pairs, tmp_path, "--conditions", "none,correct,query-only")
    results = str(tmp_path / "results")
    for arguments in (("compare", results), ("compare", results, "--all"), ("report", results), ("reindex", results)):
        capsys.readouterr()
        assert call(list(arguments)) == 0
        said = " ".join("".join(capsys.readouterr()).split())
        assert "inert" in said or "moves no vector" in said or "give the same vectors" in said, arguments
        assert "equivalent" not in said.partition("intervals adjusted")[0].partition("interval and p")[0], arguments
    page = (tmp_path / "results" / "report.html").read_text(encoding="utf-8")
    assert "moves no vector, so nothing was measured" in page
    assert call(["gate", results, "--contrast", "correct-none", "--max-loss", "1"]) == 4, "not shown safe"
    assert "give the same vectors" in capsys.readouterr().out


def test_a_lever_that_is_mended_is_asked_again_and_measured(
    server: tuple[str, Served], pairs: Path, tmp_path: Path
) -> None:
    url, served = server
    served.inert = True
    sweep_gemini(url, pairs, tmp_path, "--conditions", "none,correct")
    (row,) = load_run(tmp_path / "results").endpoints
    assert {lever.told for lever in row.levers} >= {"task_type=RETRIEVAL_QUERY", "task_type=RETRIEVAL_DOCUMENT"}
    assert all(lever.is_inert for lever in row.levers)
    served.inert, served.bare = False, {"taskType": "TASK_TYPE_UNSPECIFIED"}
    code, run = sweep_gemini(url, pairs, tmp_path, "--conditions", "none,correct")
    assert code == 0
    assert not run.failures
    assert set(analyse(run).contrasts["verdict"]) != {"inert"}
    (row,) = run.endpoints
    assert not any(lever.is_inert for lever in row.levers)
    assert {lever.against for lever in row.levers} == {"task_type=TASK_TYPE_UNSPECIFIED"}
    assert row.repeat_distance < 1e-6
    assert row.tokens.requests == 0, "this interface counts no tokens"


def test_one_side_that_moves_is_measured_and_the_other_named(
    server: tuple[str, Served], pairs: Path, tmp_path: Path
) -> None:
    url, served = server
    served.bare = {"taskType": "RETRIEVAL_QUERY"}
    served.same = {"TASK_TYPE_UNSPECIFIED": "RETRIEVAL_QUERY"}
    code, run = sweep_gemini(url, pairs, tmp_path, "--conditions", "none,correct,query-only")
    assert code == 0
    assert {row.conditions for row in run.failures} == {("query-only",)}
    notes = next(row.notes for row in run.results if row.conditions == ("correct",))
    assert [note for note in notes if note.startswith("Inert: task_type=RETRIEVAL_QUERY and ")]


NOMIC = ("--models", "served", "--like", "nomic-ai/nomic-embed-text-v1.5")


@pytest.mark.usefixtures("word_tokenizer")
def test_a_cut_during_a_sweep_is_counted_and_said(server: tuple[str, Served], pairs: Path, tmp_path: Path) -> None:
    url, served = server
    served.max_words = LONG // 2
    code, run = sweep(f"{url}/v1", pairs, tmp_path, *NOMIC, "--conditions", "none,correct")
    assert code == 0
    for row in run.results:
        (note,) = [note for note in row.notes if "Cut: " in note]
        assert note.startswith("document texts: Cut: 1 of 1 requests were read with fewer tokens than they held; ")
        prefix = int(row.conditions == ("correct",))
        sent, read = N_PAIRS * (LONG + prefix + 2), N_PAIRS * (LONG // 2 + 2)
        assert note.endswith(f"'s own count {read:,} tokens for the {sent:,} that were sent.")
    (endpoint,) = run.endpoints
    assert endpoint.hidden_tokens == 0
    assert endpoint.tokens.short_requests == 2
    assert endpoint.tokens.long_requests == 0
    again = sweep(f"{url}/v1", pairs, tmp_path, *NOMIC, "--conditions", "none,correct", "--overwrite", "always")[1]
    assert [row.notes for row in again.results] == [row.notes for row in run.results], "also from stored vectors"


@pytest.mark.usefixtures("word_tokenizer")
def test_nothing_is_said_of_cuts_where_all_is_read(server: tuple[str, Served], pairs: Path, tmp_path: Path) -> None:
    run = sweep(f"{server[0]}/v1", pairs, tmp_path, *NOMIC, "--conditions", "none,correct")[1]
    assert not [note for row in run.results for note in row.notes]
    (endpoint,) = run.endpoints
    assert (endpoint.tokens.sent, endpoint.tokens.short_requests) == (endpoint.tokens.reported, 0)


def test_a_hidden_prompt_fails_also_where_like_is_named_only_later(
    server: tuple[str, Served], pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, served = server
    served.hidden = "answer this: "
    flags = ("--models", "served", "--conditions", "none")
    with monkeypatch.context() as patch:
        patch.setattr(served_module, "load_tokenizer", lambda *_: None)
        assert sweep(f"{url}/v1", pairs, tmp_path, *flags)[0] == 0, "nobody can tell yet"
    with monkeypatch.context() as patch:
        patch.setattr(served_module, "load_tokenizer", lambda *_: make_tokenizer())
        code, run = sweep(f"{url}/v1", pairs, tmp_path, *flags, "--like", NOMIC[-1], "--overwrite", "always")
    assert code == 1
    assert "puts 2 tokens of its own before every text of served" in run.failures[0].reason
    assert run.endpoints[0].hidden_tokens == 2
