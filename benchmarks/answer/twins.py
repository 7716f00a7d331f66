"""What the twins say of the cause, in the sentences of ``docs/findings.md``."""

from __future__ import annotations

from collections.abc import Sequence

from prefixbench.results import Run
from prefixbench.twins.findings import answer_questions
from prefixbench.twins.findings_page import summarise

SHOWN = ("What is the prefix worth to a model trained with it?", "Does training with prefixes beat training without?")
"""The questions whose answers are causes of what the models above do."""


def tell_twins(runs: Sequence[Run]) -> str:
    """The verdicts by task type on the questions that are about cause."""
    lines = [
        "## Why: models that differ in nothing but the prefix",
        "",
        "Models on a hub differ in everything at once. The twins are one small base model trained on the same pairs in "
        "the same order, with prefixes, without, or with adapters; a difference between them has that one cause. "
        "[findings.md](findings.md) has the numbers.",
    ]
    for run in runs:
        for answered in answer_questions(run):
            told = [summarise(one.label, answers) for one, answers in answered.answers.items() if answers]
            if answered.question.title in SHOWN and told:
                lines += ["", f"{answered.question.title} On `{run.name}`:", "", *told]
    return "\n".join(lines) + "\n"
