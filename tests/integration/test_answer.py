"""The answer page says what the committed run says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from prefixbench.results import load_run

DOCS = Path(__file__).parents[2] / "docs"


def test_the_committed_page_is_made_from_the_committed_results() -> None:
    spec = importlib.util.spec_from_file_location("make_answer", DOCS / "make_answer.py")
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    run = load_run(page.RUN)
    answer = page.read_answer(run)
    assert page.render_page(run, answer) == (DOCS / "answer.md").read_text(encoding="utf-8")
    assert all((DOCS / "answer" / page._name_figure(model)).is_file() for model in answer.models)
