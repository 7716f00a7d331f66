"""The findings as one Markdown page; every number in it comes from the run folders it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.rules import Verdict
from prefixbench.twins.findings import Answer, Answered, answer_questions
from prefixbench.twins.questions import QUESTIONS, read_model

if TYPE_CHECKING:
    from prefixbench.results import Run

COMMAND = "prefixbench twins findings"

INTRODUCTION = """# What the twins say

<!-- Made by `{command}`; edit `bench/prefixbench/twins/questions.py`, not this page. -->

{headlines}

{figure}The twins are one base model trained on the same pairs, in the same order, for as many steps. What differs is
how training told them the task: by prefixes (`prefixed`), by a LoRA of its own for each task (`adapters`), by both
(`adapters+prefix`), or not at all (`plain`). A difference between them is therefore caused by that.

Differences are in points, with intervals over items and, where there are several, over training seeds ({seeds}). Rows
in bold are means over the tasks of one type, and speak of these tasks only; their intervals are adjusted for the types
of their column (Holm). `helps` and `hurts`: beyond ±{smallest:g} points; `equivalent`: inside; `positive` and
`negative`: beyond zero, the size open; `?`: the data cannot tell; `described`: too few independent units to be tested.
Rows below are single tasks, explored. Unlike metrics are not averaged, so there is no row for all tasks.
What was expected beforehand is kept where it failed.
"""

HEADLINES = (
    ("To a model trained with it, the right prefix against none", 0, 0),
    ("Training and use with prefixes against neither", 1, 0),
    ("Another task's prefix against none", 3, 0),
    ("Queries prefixed over a bare index against both sides prefixed", 4, 0),
    ("An adapter a task against prefixes", 5, 1),
)
"""What the page leads with: words, and the question and comparison that answer them."""


@dataclass(frozen=True, slots=True)
class Headline:
    """One sentence of the lead, with what it rests on.

    Attributes:
        words: What is compared.
        label: The same, as it heads a column.
        answers: Means over the tasks of a type, by run.
    """

    words: str
    label: str
    answers: dict[str, tuple[Answer, ...]]

    @property
    def sentence(self) -> str:
        """By run, where it is better or worse and by how much, and where nobody knows."""
        told = [f"{_tell_types(own)} (`{name}`)" for name, own in self.answers.items() if own]
        return f"{self.words}: {'; '.join(told) or 'not run'}."


@dataclass(frozen=True, slots=True)
class Findings:
    """Runs of twins, every question answered.

    Attributes:
        runs: Results folders of twins; each is a section of its tables.
        smallest_effect: Points.
        answered: A tuple a run, an entry a question.
    """

    runs: tuple[Run, ...]
    smallest_effect: float
    answered: tuple[tuple[Answered, ...], ...]

    @property
    def headlines(self) -> tuple[Headline, ...]:
        """What the page leads with."""
        return tuple(
            Headline(
                words,
                QUESTIONS[question].comparisons[number].label,
                {
                    run.name: tuple(one for one in list(own[question].answers.values())[number] if not one.is_task)
                    for run, own in zip(self.runs, self.answered, strict=True)
                },
            )
            for words, question, number in HEADLINES
        )


def find(runs: Sequence[Run], smallest_effect: float = 0.5) -> Findings:
    """Answer every question that the runs allow.

    Args:
        runs: Results folders of twins.
        smallest_effect: Points.
    """
    answered = tuple(tuple(answer_questions(run, smallest_effect)) for run in runs)
    return Findings(tuple(runs), smallest_effect, answered)


def render_findings(findings: Findings, figure: str = "") -> str:
    """The lead, then all questions, one folded table a question and run.

    Args:
        findings: What was found.
        figure: The file with the lead's figure, beside the page; none where empty.
    """
    runs = findings.runs
    command = " ".join([COMMAND, *(str(run.path) for run in runs)])
    parts = [
        INTRODUCTION.format(
            command=command,
            headlines="\n".join(f"- {one.sentence}" for one in findings.headlines),
            figure=f"![These differences on the task type of which most can be said]({figure})\n\n" if figure else "",
            seeds=_describe_seeds(runs),
            smallest=findings.smallest_effect,
        )
    ]
    answered = findings.answered
    for number, of_each in enumerate(zip(*answered, strict=True)):
        question = of_each[0].question
        parts.append(f"## {number + 1}. {question.title}\n\nExpected: {question.expected}\n")
        answered_here = [(run, one) for run, one in zip(runs, of_each, strict=True) if any(one.answers.values())]
        parts += [_render_answers(run.name, one) for run, one in answered_here] or ["Not run.\n"]
    return "\n".join(parts)


def list_intervals(findings: Findings) -> tuple[str, list[tuple[str, float, tuple[float, float], str]]]:
    """What the lead's figure draws, on the task type of which the lead says most.

    Returns:
        The task type, and label, points, interval and verdict of each comparison and run.
    """
    tested = [
        (f"{headline.label} · {name}", one)
        for headline in findings.headlines
        for name, answers in headline.answers.items()
        for one in answers
        if one.verdict.is_measured
    ]
    settled = Counter(one.task_type for _, one in tested if one.verdict in _QUOTED)
    task_type = settled.most_common(1)[0][0] if settled else ""
    return task_type, [
        (label, one.delta, one.interval, one.verdict.value) for label, one in tested if one.task_type == task_type
    ]


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
    lines += ["", "<details><summary>By task</summary>", ""]
    lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lookup = [{(own.scope, own.is_task): own for own in answers} for answers in columns.values()]
    rows = dict.fromkeys(key for own in lookup for key in own)
    for scope, is_task in sorted(rows, key=lambda key: _order(key, lookup)):
        label = scope if is_task else f"**{scope}**"
        cells = [_render_cell(own.get((scope, is_task))) for own in lookup]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    lines += ["", "</details>"]
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


def _tell_types(answers: Sequence[Answer]) -> str:
    """``better on Retrieval (+3.4 [+1.9, +4.9]); the data cannot tell on 3 other task types``."""
    told = []
    for verdict, words in _WORDS.items():
        own = [one for one in answers if one.verdict is verdict]
        if own and verdict in _QUOTED:
            quoted = [f"{one.scope} ({format_points(one.delta)} {format_interval(*one.interval)})" for one in own]
            told.append(f"{words} {', '.join(quoted)}")
        elif own:
            others = " other" if told else ""
            told.append(f"{words} {len(own)}{others} task type{'s' if len(own) > 1 else ''}")
    return "; ".join(told)


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
    Verdict.INERT: "inert on",
}

_QUOTED = frozenset({Verdict.HELPS, Verdict.HURTS, Verdict.EQUIVALENT, Verdict.POSITIVE, Verdict.NEGATIVE})
"""Verdicts that say something, for which the lead gives task types and numbers; others are counted."""
