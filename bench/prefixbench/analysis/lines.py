"""One line a model that a person can act on, always for the task types it is true of."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from prefixbench.analysis.families import PRIMARY_NAME
from prefixbench.analysis.pooling import Belief, share_tasks
from prefixbench.analysis.rules import Verdict
from prefixbench.spec.conditions import Mechanism
from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefixbench.analysis.families import TaskContrast
    from prefixbench.analysis.settings import AnalysisSettings
    from prefixbench.results.records import CellResult

Row = dict[str, Any]

TRAINING_OF = {
    Mechanism.PREFIX: "prefix",
    Mechanism.ADAPTER: "prefix",
    Mechanism.API: "prefix",
    Mechanism.TEMPLATE: "instruction",
    Mechanism.NONE: "none",
}
"""A model's training, as its mechanism shows it."""

STRONGEST_FIRST = ("required", "helpful", "mixed", "harmful", "harmless")
NOT_SHOWN, NO_PREFIX, INERT = "not shown", "no prefix", "inert"


def find_training(results: Iterable[CellResult]) -> dict[str, str]:
    """Return ``prefix``, ``instruction`` or ``none`` by model: how it takes its task under ``correct``, else at all."""
    training: dict[str, str] = {}
    for result in sorted(results, key=lambda cell: "correct" not in cell.conditions):
        if training.get(result.model, "none") == "none":
            training[result.model] = TRAINING_OF[result.mechanism]
    return training


def grade_type(tasks: Sequence[Row], quoted: Row, required_loss: float) -> str:
    """Return the line of one task type from its tasks' verdicts on ``correct-none`` and from their mean.

    *helpful*: some task helps, none hurts, and the interval that stands beside the word lies above zero; *required*:
    the adjusted interval of such a task lies beyond the required loss besides. *harmful* mirrors *helpful*. *mixed*:
    some help and some hurt. *harmless*: every task is equivalent. Anything else is *not shown*.

    Args:
        tasks: The type's rows of the tasks frame; those with the same strings are left out.
        quoted: The row whose adjusted interval stands beside the word, see `_find_quoted`.
        required_loss: Points.
    """
    verdicts = {row["verdict"] for row in tasks}
    helps, hurts = Verdict.HELPS in verdicts, Verdict.HURTS in verdicts
    if helps and hurts:
        return "mixed"
    if helps and quoted["ci_low_adjusted"] > 0:
        return "required" if any(row["ci_low_adjusted"] > required_loss for row in tasks) else "helpful"
    if hurts and quoted["ci_high_adjusted"] < 0:
        return "harmful"
    return "harmless" if verdicts == {Verdict.EQUIVALENT} else NOT_SHOWN


def describe_models(
    tasks: Sequence[TaskContrast],
    rows: Sequence[Row],
    types: Sequence[Row],
    training: dict[str, str],
    settings: AnalysisSettings,
) -> list[Row]:
    """Return one row a model, and write the line of each task type into its row of ``types``.

    Args:
        tasks: Every task's contrasts.
        rows: The same as rows, in the same order.
        types: Rows of the types frame.
        training: Every model of the run.
        settings: For the required loss.
    """
    own_tasks: dict[str, list[Row]] = defaultdict(list)
    estimates = defaultdict(list)
    for task, row in zip(tasks, rows, strict=True):
        if row["contrast"] == PRIMARY_NAME:
            own_tasks[row["model"]].append(row)
            if not row["same_strings"]:
                estimates[row["model"]].append(task.claim.estimate)
    of_types: dict[str, list[Row]] = defaultdict(list)
    for pooled in types:
        if pooled["contrast"] == PRIMARY_NAME:
            members = [
                row
                for row in own_tasks[pooled["model"]]
                if row["task_type"] == pooled["task_type"] and not row["same_strings"]
            ]
            quoted = _find_quoted(members, pooled)
            pooled["line"] = grade_type(members, quoted, settings.required_loss)
            of_types[pooled["model"]].append({**quoted, "line": pooled["line"]})
    return [
        _describe_model(
            model,
            own_tasks[model],
            of_types[model],
            share_tasks(estimates[model])[1],
            _keep_index(model, types),
        )
        | {"training": kind}
        for model, kind in training.items()
    ]


def _find_quoted(tasks: Sequence[Row], pooled: Row) -> Row:
    """The row a sentence quotes for a task type: its only measured task's, as the report does, else the mean."""
    return tasks[0] if len(tasks) == 1 else pooled


def _describe_model(model: str, tasks: Sequence[Row], types: Sequence[Row], new_task: Belief, keep_index: str) -> Row:
    by_line: dict[str, list[Row]] = defaultdict(list)
    for row in types:
        by_line[row["line"]].append(row)
    lines = [line for line in STRONGEST_FIRST if line in by_line]
    line = _join_lines(lines, tasks, types)
    spoken = [row for name in lines for row in by_line[name]] if line not in (NOT_SHOWN, NO_PREFIX, INERT) else []
    silent = [row for row in types if row not in spoken]
    verdicts = [row["verdict"] for row in tasks]
    nothing = (Verdict.SAME_STRINGS, Verdict.INERT, Verdict.DESCRIBED)
    n_same, n_inert, n_described = (verdicts.count(word) for word in nothing)
    n_tested = len(verdicts) - n_same - n_inert - n_described
    declared = [verdicts.count(word) for word in (Verdict.HELPS, Verdict.HURTS, Verdict.EQUIVALENT)]
    return {
        "model": model,
        "line": line,
        "line_types": ",".join(row["task_type"] for row in spoken),
        "other_types": ",".join(row["task_type"] for row in silent),
        "sentence": write_sentence(line, by_line, tasks),
        "keep_index": keep_index,
        "n_tasks": n_tested,
        "n_helps": declared[0],
        "n_hurts": declared[1],
        "n_equivalent": declared[2],
        "n_open": n_tested - sum(declared),
        "n_described": n_described,
        "n_same": n_same,
        "n_inert": n_inert,
        "new_task_points": new_task.mean,
        "new_task_low": new_task.low,
        "new_task_high": new_task.high,
        "pr_new_positive": new_task.pr_positive,
    }


def _join_lines(lines: Sequence[str], tasks: Sequence[Row], types: Sequence[Row]) -> str:
    """The model's line from its types' lines; types that contradict each other make it *mixed*."""
    if tasks and not types:
        return INERT if any(row["verdict"] == Verdict.INERT for row in tasks) else NO_PREFIX
    good, bad = {"required", "helpful"} & {*lines}, {"harmful"} & {*lines}
    if "mixed" in lines or (good and bad):
        return "mixed"
    return lines[0] if lines else NOT_SHOWN


def _keep_index(model: str, types: Sequence[Row]) -> str:
    """Whether documents without their prefix may stay, from what leaving theirs out costs where there are documents."""
    verdicts = {
        row["verdict"]
        for row in types
        if row["model"] == model and row["contrast"] == "query-only-correct" and row["task_type"] in ROLE_TASK_TYPES
    }
    if Verdict.HURTS in verdicts:
        return "no"
    return "yes" if verdicts and verdicts <= {Verdict.EQUIVALENT, Verdict.HELPS} else NOT_SHOWN


ADVICE = {
    "required": "always send the documented prefix for",
    "helpful": "send the documented prefix for",
    "mixed": "decide task by task for",
    "harmful": "leave the documented prefix out for",
    "harmless": "with or without the documented prefix is the same for",
}


def write_sentence(line: str, by_line: dict[str, list[Row]], tasks: Sequence[Row]) -> str:
    """Return the model's line in words; every clause carries the numbers of the task type it speaks of."""
    if not tasks:
        return "The documented prefix was not compared with none on any task."
    if line == INERT:
        reason = next(row["reason"] for row in tasks if row["verdict"] == Verdict.INERT)
        return f"The documented lever does nothing here: {reason}"
    if line == NO_PREFIX:
        return "No prefix is documented for these tasks: there was nothing to compare."
    clauses = [
        f"{ADVICE[name]} {join_words([_name_type(row) for row in by_line[name]])}"
        for name in STRONGEST_FIRST
        if name in by_line
    ]
    silent = by_line.get(NOT_SHOWN, [])
    if silent:
        what = join_words([_name_type(row) for row in silent])
        clauses.append(f"for {what} the data do not show it")
    said = "; ".join(clauses)
    return said[0].upper() + said[1:] + "."


def _name_type(row: Row) -> str:
    interval = format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"])
    return f"{row['task_type']} ({format_points(row['delta_points'])} {interval})"


def format_points(value: float) -> str:
    """Return points with sign and one decimal; the minus sign is a minus sign."""
    return f"{value:+.1f}".replace("-", "−")


def format_interval(low: float, high: float) -> str:
    """Return an interval in points."""
    return f"[{format_points(low)}, {format_points(high)}]"


def join_words(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b``, or ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
