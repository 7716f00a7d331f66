"""Bad input gets one clear sentence and exit code 2; never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import main

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASK = "StarterClassification"


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one command line."""
    monkeypatch.setattr(sys, "argv", ["prefixbench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    captured = capsys.readouterr()
    return int(stopped.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--models", MODEL, "--tasks", "Banking77Clasification"], "sweep.tasks[0]: unknown task"),
        (["--models", MODEL, "--tasks", "Banking77Clasification"], "did you mean Banking77Classification"),
        (
            ["--models", MODEL, "--tasks", "PawsXPairClassification:enn"],
            "sweep.tasks[0]: unknown subset of PawsXPairClassification 'enn'; did you mean en?",
        ),
        (["--models", "MiniLM", "--tasks", TASK], "sweep.models[0]: unknown model 'MiniLM'"),
        (
            ["--models", MODEL, "--tasks", TASK, "--conditions", "corect"],
            "sweep.conditions[0]: unknown condition 'corect'; did you mean correct?",
        ),
        (["--preset", "startr"], "unknown preset 'startr'; did you mean starter?"),
        ([], "nothing to run: name a sweep file, a --preset, or --models with --tasks or --data."),
        (
            ["--models", MODEL, "--tasks", TASK, "--prefix", "mine=query"],
            '--prefix \'mine=query\': expected NAME:query="…",document="…".',
        ),
        (
            ["--models", MODEL, "--tasks", TASK, "--device", "tpu"],
            "sweep.encoder.device: must be 'auto', 'cpu', 'cuda' or 'mps' (given: 'tpu').",
        ),
        (["--models", MODEL, "--tasks", TASK, "--limit", "3"], "sweep.limit: must be greater than or equal to 10"),
        (
            ["--models", MODEL, "--tasks", TASK, "--seed", "9" * 20],
            f"sweep.seed: must be less than 4294967296 (given: {'9' * 20}).",
        ),
    ],
)
def test_one_sentence_and_exit_code_2(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = run(capsys, monkeypatch, "plan", *arguments)
    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
    assert out == ""


def test_every_fault_of_a_file_is_listed_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(
        'conditions = ["none", "corect"]\ntasks = ["STSBenchmark"]\nlimt = 5\n'
        '[[models]]\nname = "a/b"\n[[models]]\nname = "c/d"\ndtype = "float8"\nrevison = "x"\n'
    )
    code, _, err = run(capsys, monkeypatch, "plan", str(path))
    assert code == 2
    assert err.splitlines() == [
        f"error: {path}: sweep.conditions[1]: unknown condition 'corect'; did you mean correct?",
        f"error: {path}: sweep.models[1].dtype: unknown dtype 'float8'; did you mean float32 or float16 or bfloat16?",
        f"error: {path}: sweep.models[1].revison: unknown field 'revison'; did you mean revision?",
        f"error: {path}: sweep.limt: unknown field 'limt'; did you mean limit?",
    ]


def test_an_unreadable_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run(capsys, monkeypatch, "plan", str(tmp_path / "absent.toml"))
    assert (code, err) == (2, f"error: {tmp_path}/absent.toml: cannot be read (No such file or directory).\n")
    (tmp_path / "torn.toml").write_text("models = [")
    code, _, err = run(capsys, monkeypatch, "plan", str(tmp_path / "torn.toml"))
    assert code == 2
    assert err.startswith(f"error: {tmp_path}/torn.toml: not valid TOML: ")


def test_a_foreign_results_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    arguments = ["sweep", "--models", MODEL, "--tasks", TASK, "--results", str(tmp_path)]
    code, _, err = run(capsys, monkeypatch, *arguments)
    assert (code, err) == (2, f"error: {tmp_path}: not a results folder of prefixbench (it has no run.json).\n")


def test_settings_are_not_mixed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    arguments = ["sweep", "--models", "org/none-such", "--tasks", TASK, "--results", str(folder)]
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    common = [*arguments, "--conditions", "none", "--workers", "0", "--cache", str(tmp_path / "cache")]
    code, out, _ = run(capsys, monkeypatch, *common, "--limit", "20", "--json")
    assert code == 1
    assert json.loads(out)["failed"][0]["reason"].startswith("the hub cannot be reached for 'org/none-such'")
    code, _, err = run(capsys, monkeypatch, *common, "--limit", "30", "--seed", "7")
    assert (code, err) == (
        2,
        f"error: {folder}: made with other settings (limit is 20, asked for is 30; seed is 42, asked for is 7); "
        "choose another folder with --results.\n",
    )
