"""What the page is made of: committed runs, read and analysed once."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from prefixbench.analysis import analyse
from prefixbench.analysis.compare import choose_settings
from prefixbench.analysis.drift import Row
from prefixbench.claims import Assessment, assess, load_claims
from prefixbench.report.answer import Answer, ModelAnswer, build_answer
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.inputs import ReportOptions
from prefixbench.results import Run, load_run
from prefixbench.twins.findings_page import Findings, find

Published = dict[tuple[str, str, str, str], float]
"""The leaderboard's score by model, task, subset and split."""

Draws = dict[tuple[str, str, str, str], tuple[float, ...]]
"""Scores under other draws of the evaluation, likewise."""

WEIGHTS = {
    "google/embeddinggemma-300m": "whole, float32",
    "intfloat/multilingual-e5-small": "**rounded to 4 bits** (Q4_0), then float32: near the model, not the model",
    "sentence-transformers/all-MiniLM-L6-v2": "whole, float32",
}
"""What the folders that the run was made with hold."""


@dataclass(frozen=True)
class Made:
    """Everything that the page says something about.

    Attributes:
        run: The models that people use.
        check: Some of its cells from another engine and other batches.
        twins: What models say that differ in their training alone.
        published: The leaderboard's scores of the same models.
        draws: What the same vectors score under other draws of the evaluation, in points, by model and place.
        answer: The run as its report reads it.
        drift: What happens to similarities, a row a condition and place of pairs.
        assessments: The claims beside the run.
    """

    run: Run
    check: Run | None
    twins: Findings
    published: Published
    draws: Draws
    answer: Answer
    drift: tuple[Row, ...]
    assessments: tuple[Assessment, ...]

    @cached_property
    def all_types(self) -> tuple[str, ...]:
        """Task types of the run."""
        return tuple(sorted({cell.task_type for cell in self.run.results}))

    def drift_of(self, model: ModelAnswer) -> tuple[Row, ...]:
        """The model's rows of `drift`."""
        return tuple(row for row in self.drift if row["model"] == model.name)


def read_made(root: Path) -> Made:
    """Read what is committed under ``results/``."""
    results = root / "results"
    run = load_run(results / "answer")
    check = results / "answer-check"
    analysis = analyse(run, choose_settings(run))
    return Made(
        run=run,
        check=load_run(check) if check.is_dir() else None,
        twins=find([load_run(results / name) for name in ("twins", "twins-mteb")]),
        published=_read_published(results / "answer" / "published.csv"),
        draws=_read_draws(root / "benchmarks" / "answer" / "draws.json"),
        answer=build_answer(gather_evidence([run], [analysis], ReportOptions())),
        drift=tuple({str(name): value for name, value in row.items()} for row in analysis.drift.to_dict("records")),
        assessments=assess(load_claims(), [run]),
    )


def _read_published(path: Path) -> Published:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["model"], row["task"], row["subset"], row["split"]): float(row["score"])
            for row in csv.DictReader(file)
        }


def _read_draws(path: Path) -> Draws:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {(row["model"], row["task"], row["hf_subset"], row["hf_split"]): tuple(row["drawn"]) for row in rows}


def name_model(name: str) -> str:
    """A model without its maker."""
    return name.rpartition("/")[2]
