"""The example of the question itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from prefixbench.report.chart import Chart
from prefixbench.report.figures.example import draw_example
from prefixbench.report.sections.answer import is_undocumented
from prefixbench.report.sections.section import Section
from prefixbench.report.words import make_anchor

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence


def build_example(evidence: Evidence) -> Section:
    """One small multiple a model."""
    title = "The example of the question itself"
    frame = _collect_examples(evidence)
    if not len(frame):
        return Section(
            "example",
            title,
            absent="No run holds the example sentences: sweep again with --overwrite always to embed them.",
        )
    charts = tuple(
        _chart_example(evidence, str(subject), rows.reset_index(drop=True))
        for subject, rows in frame.groupby("subject", sort=False)
    )
    lead = (
        "Which is nearer to “What is the capital of France?”: “What is the name of the capital city of "
        "France?”, which asks the "
        "same, or “Paris is the capital of France.”, which answers it? A prefix for searching should "
        "pull the answer nearer."
    )
    return Section("example", title, lead=lead, charts=charts)


def _collect_examples(evidence: Evidence) -> pd.DataFrame:
    rows = [
        {
            "subject": evidence.name_subject(probe.model, name),
            "condition": probe.condition,
            "task_type": probe.task_type,
            **example.model_dump(),
        }
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for probe in run.probes
        for example in probe.examples
    ]
    return pd.DataFrame(rows)


def _chart_example(evidence: Evidence, subject: str, rows: pd.DataFrame) -> Chart:
    asked = [name for name in evidence.conditions if name in set(rows["condition"])]
    conditions = [*asked, *(name for name in rows["condition"].unique() if name not in asked)]
    nearer = rows["similarity_answer"] > rows["similarity_paraphrase"]
    correct = (rows["condition"] == "correct") & (not is_undocumented(evidence, subject))
    return Chart(
        name=make_anchor("example", subject),
        title=_find_example(subject, int(nearer[correct].sum()), int(correct.sum()), int(nearer.sum()), len(rows)),
        caption=(
            "Cosine of the question to its rewording (●) and to its answer (▲), one row a condition. As a "
            "search the question goes "
            "as a query and both others as documents; as STS all go the same way."
        ),
        description="; ".join(
            f"{row.condition}, {row.question} ({row.task_type}): rewording {row.similarity_paraphrase:.2f}, "
            f"answer {row.similarity_answer:.2f}"
            for row in rows.head(24).itertuples()
        ),
        draw=partial(draw_example, rows, conditions),
        data=rows.drop(columns=["paraphrase", "answer"]),
    )


def _find_example(subject: str, correct_nearer: int, n_correct: int, all_nearer: int, n_all: int) -> str:
    if n_correct:
        return (
            f"{subject}: with its documented prefix the answer is nearer than the rewording in "
            f"{correct_nearer} of {n_correct} cases"
        )
    return f"{subject}: the answer is nearer than the rewording in {all_nearer} of {n_all} cases"
