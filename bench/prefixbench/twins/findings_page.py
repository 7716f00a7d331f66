"""The findings as one Markdown page; every number in it comes from the run folders it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.rules import Verdict
from prefixbench.twins.findings import Answer, Answered, answer_questions
from prefixbench.twins.questions import read_model

if TYPE_CHECKING:
    from prefixbench.results import Run

COMMAND = "prefixbench twins findings"

INTRODUCTION = """# What the twins say

<!-- Made by `{command}`; edit `bench/prefixbench/twins/questions.py`, not this page. -->

The twins are one base model trained on the same pairs, in the same order, for as many steps. What differs is how
training told them the task: by prefixes (`prefixed`), by a LoRA of its own for each task (`adapters`), by both
(`adapters+prefix`), or not at all (`plain`). A difference between them is therefore caused by that.

Differences are in points, with intervals over items and, where there are several, over training seeds ({seeds}). Rows
in bold are means over the tasks of one type, and speak of these tasks only; their intervals are adjusted for the types
of their column (Holm). `helps` and `hurts`: beyond ±{smallest:g} points; `equivalent`: inside; `positive` and
`negative`: beyond zero, the size open; `?`: the data cannot tell; `described`: too few independent units to be tested.
Rows below are single tasks, explored. Unlike metrics are not averaged, so there is no row for all tasks.
What was expected beforehand is kept where it failed.
"""


def render_findings(runs: Sequence[Run], smallest_effect: float = 0.5) -> str:
    """All questions, one table a question and run.

    Args:
        runs: Results folders of twins; each is a section of its tables.
        smallest_effect: Points.
    """
    command = " ".join([COMMAND, *(str(run.path) for run in runs)])
    parts = [INTRODUCTION.format(command=command, seeds=_describe_seeds(runs), smallest=smallest_effect)]
    answered = [answer_questions(run, smallest_effect) for run in runs]
    for number, of_each in enumerate(zip(*answered, strict=True)):
        question = of_each[0].question
        parts.append(f"## {number + 1}. {question.title}\n\nExpected: {question.expected}\n")
        answered_here = [(run, one) for run, one in zip(runs, of_each, strict=True) if any(one.answers.values())]
        parts += [_render_answers(run.name, one) for run, one in answered_here] or ["Not run.\n"]
    return "\n".join(parts)


def _describe_seeds(runs: Sequence[Run]) -> str:
    seeds: dict[str, set[int]] = {}
    for cell in (cell for run in runs for cell in run.results):
        twin = read_model(cell.model)
        if twin is not None and twin[1]:
            seeds.setdefault(twin[0], set()).add(twin[1])
    return "; ".join(f"{variant} {len(own)}" for variant, own in sorted(seeds.items())) or "none"


def _render_answers(name: str, answered: Answered) -> str:
    columns = {one: answers for one, answers in answered.answers.items() if answers}
    missing = [one.label for one in answered.answers if one not in columns]
    lines = [f"### On `{name}`", "", *(summarise(one.label, answers) for one, answers in columns.items())]
    header = ["tasks", *(one.label for one in columns)]
    lines += ["", f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lookup = [{(own.scope, own.is_task): own for own in answers} for answers in columns.values()]
    rows = dict.fromkeys(key for own in lookup for key in own)
    for scope, is_task in sorted(rows, key=lambda key: _order(key, lookup)):
        label = scope if is_task else f"**{scope}**"
        cells = [_render_cell(own.get((scope, is_task))) for own in lookup]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    if missing:
        lines += ["", f"Not run here: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _order(key: tuple[str, bool], lookup: Sequence[dict[tuple[str, bool], Answer]]) -> tuple[str, bool, str]:
    answer = next(own[key] for own in lookup if key in own)
    return answer.task_type, answer.is_task, answer.scope


def _render_cell(answer: Answer | None) -> str:
    if answer is None:
        return ""
    low, high = answer.interval
    word = "?" if answer.verdict is Verdict.INCONCLUSIVE else answer.verdict.value
    return f"{format_points(answer.delta)} {format_interval(low, high)} {word}"


def summarise(label: str, answers: Sequence[Answer]) -> str:
    """One sentence from the verdicts by type."""
    types = [one for one in answers if not one.is_task]
    seeds = min(one.n_seeds for one in answers)
    said = []
    for verdict, words in _WORDS.items():
        names = [one.scope for one in types if one.verdict is verdict]
        if names:
            said.append(f"{words} {', '.join(names)}")
    alone = "" if seeds > 1 else " (one training seed: nothing is said of others)"
    return f"- {label}: {'; '.join(said)}{alone}."


_WORDS = {
    Verdict.HELPS: "better on",
    Verdict.HURTS: "worse on",
    Verdict.EQUIVALENT: "no difference that matters on",
    Verdict.POSITIVE: "better, by how much is open, on",
    Verdict.NEGATIVE: "worse, by how much is open, on",
    Verdict.INCONCLUSIVE: "the data cannot tell on",
    Verdict.DESCRIBED: "described, not tested on",
    Verdict.SAME_STRINGS: "the same strings on",
}
