"""Whatever goes wrong, a command ends with one sentence and exit code 2."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import main
from prefixbench.errors import ResultsError

STARTER = Path(__file__).resolve().parents[3] / "results" / "starter"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["prefixbench", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (SystemExit(3), "code of a task or a model ended the program (SystemExit 3); nothing was judged."),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "/data/x: No space left on device."),
        (OSError(errno.EROFS, "Read-only"), "the system refused what was asked of it: Read-only."),
        (IsADirectoryError(errno.EISDIR, "Is a directory", ".tmp", None, "out"), "out: Is a directory."),
        (MemoryError(), "the machine ran out of memory."),
        (ResultsError("a\x1b[2Jb: http://me:secret@hub is gone."), "a\ufffd[2Jb: http://hub is gone."),
    ],
)
def test_one_sentence_and_exit_code_2(
    raised: BaseException, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise raised

    monkeypatch.setattr("prefixbench.results.load_run", fail)
    assert run(monkeypatch, "audit", "x") == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_an_ascii_terminal_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert run(monkeypatch, "audit", str(STARTER)) == 0
    sys.stdout.flush()
    assert b"what was sent in starter" in raw.getvalue()


def test_a_reader_that_went_away_is_no_error_of_a_cell() -> None:
    from prefixbench.run.progress import PlainProgress

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    progress = PlainProgress(Closed())
    progress.start(2, 0)
    progress.cell_finished("cell", "failed: why")
    progress.stop()
    assert progress.counts.cells_done == 1
