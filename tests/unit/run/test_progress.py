from __future__ import annotations

import io
import json

import pytest
from prefixbench.run.progress import JsonProgress, PlainProgress, Progress, TerminalProgress


def play(progress: Progress) -> None:
    progress.start(n_cells=4, n_done=1)
    progress.texts_planned(10)
    progress.texts_embedded(10)
    progress.cell_finished("model · task · none", "skipped")
    progress.cell_finished("model · task · correct", "score 0.5000")
    progress.cell_finished("model · task · wrong", "failed: no memory")
    progress.stop()


def test_lines_tell_cells_rates_and_failures() -> None:
    stream = io.StringIO()
    play(PlainProgress(stream, every=0.0))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "4 cells, 1 done before"
    assert lines[1].startswith("1/4 cells, 10 texts embedded, ")
    assert " texts/s" in lines[1]
    assert lines[-1].startswith("4/4 cells")
    assert lines[-1].endswith("model · task · wrong: failed: no memory")


def test_json_lines_are_json() -> None:
    stream = io.StringIO()
    play(JsonProgress(stream, every=0.0))
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert rows[-1]["cells_done"] == rows[-1]["cells"] == 4
    assert rows[-1]["texts_embedded"] == 10
    assert {row["event"] for row in rows} == {"progress"}


def test_skipped_cells_do_not_shorten_the_time_left() -> None:
    progress = Progress()
    progress.start(n_cells=10, n_done=0)
    for _ in range(5):
        progress.cell_finished("x", "skipped")
    estimates = [progress.counts.seconds_left]
    progress.cell_finished("x", "score 1")
    estimates.append(progress.counts.seconds_left)
    assert estimates == [None, pytest.approx(4 * progress.counts.seconds, rel=0.5)]


def test_a_terminal_is_told_of_failures_and_notes() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    progress.say("loading [model]")
    play(progress)
    assert "loading [model]" in stream.getvalue()
    assert "failed: no memory" in stream.getvalue()
