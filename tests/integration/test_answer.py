"""The answer page says what the committed runs say."""

from __future__ import annotations

from benchmarks.answer.evidence import read_made
from benchmarks.answer.machine import render_manifest
from benchmarks.answer.page import FIGURES, PAGE, ROOT, render_page
from benchmarks.answer.questions import QUESTIONS


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    made = read_made(ROOT)
    assert render_page(made) == PAGE.read_text(encoding="utf-8")
    assert render_manifest(made.run) == (FIGURES / "manifest.csv").read_text(encoding="utf-8")
    assert all((FIGURES / f"{stem}.png").is_file() for stem, _ in QUESTIONS)
