from __future__ import annotations

import io
import json
import time

import pytest
from prefixbench.run.progress import Counts, JsonProgress, PlainProgress, Progress, TerminalProgress


def play(progress: Progress) -> None:
    progress.start(n_cells=4, n_done=1)
    progress.cell_finished("model · task · swapped", "skipped: no roles")
    progress.cell_started()
    progress.texts_planned(10)
    progress.texts_embedded(10)
    progress.cell_finished("model · task · correct", "score 0.5000")
    progress.cell_started()
    progress.cell_finished("model · task · wrong", "failed: no memory")
    progress.stop()


def test_lines_tell_texts_cells_rates_and_failures() -> None:
    stream = io.StringIO()
    play(PlainProgress(stream, every=0.0))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "4 cells, 1 done before"
    assert lines[1].startswith("embedding, 10 of 20 texts, ")
    assert " texts/s, 0 of 2 cells" in lines[1]
    assert lines[-1].startswith("scoring, 10 of 10 texts, ")
    assert lines[-1].endswith("2 of 2 cells · model · task · wrong: failed: no memory")
    assert not any("swapped" in line for line in lines)


def test_json_lines_are_json() -> None:
    stream = io.StringIO()
    play(JsonProgress(stream, every=0.0))
    rows = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert rows[0]["stage"] == "preparing"
    assert rows[-1]["cells_done"] == rows[-1]["cells"] == 2
    assert rows[-1]["texts_embedded"] == rows[-1]["texts_expected"] == 10
    assert {row["event"] for row in rows} == {"progress"}


def test_cells_left_out_are_no_progress() -> None:
    progress = Progress()
    progress.start(n_cells=100, n_done=10)
    for _ in range(50):
        progress.cell_finished("x", "skipped: by rule")
    assert progress.counts.share == 0.0
    assert progress.counts.n_to_do == 40
    assert progress.counts.stage == "preparing"


def test_no_time_is_told_before_a_tenth_is_done() -> None:
    counts = Counts(n_cells=20, cells_started=1, texts_planned=100, texts_done=100, started=time.monotonic() - 60)
    assert counts.texts_expected == 2_000
    counts.cells_done = 1
    assert counts.seconds_left is None
    counts.cells_started = counts.cells_done = 2
    counts.texts_planned = counts.texts_done = 200
    assert counts.seconds_left == pytest.approx(9 * counts.seconds, rel=0.1)


def test_texts_alone_do_not_make_a_sweep_done() -> None:
    counts = Counts(n_cells=4, cells_started=4, texts_planned=100, texts_done=100, cells_done=1)
    assert counts.stage == "scoring"
    assert counts.share == 0.25


def test_a_sweep_that_finds_every_vector_counts_cells() -> None:
    counts = Counts(n_cells=4, cells_started=2, cells_done=2)
    assert counts.share == 0.5
    assert counts.describe().startswith("scoring, 2 of 4 cells")


def test_a_baseline_embedded_again_is_not_more_than_all() -> None:
    counts = Counts(n_cells=3, cells_started=4, texts_planned=4_000, texts_done=3_000)
    assert counts.texts_expected == 4_000
    assert counts.stage == "embedding"


def test_a_terminal_is_told_of_failures_and_notes() -> None:
    stream = io.StringIO()
    progress = TerminalProgress(stream)
    progress.say("loading [model]")
    play(progress)
    assert "loading [model]" in stream.getvalue()
    assert "failed: no memory" in stream.getvalue()
