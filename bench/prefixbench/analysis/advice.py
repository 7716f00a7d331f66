"""One line a model that a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefixbench.analysis.pooling import Pooled, pool_rows
from prefixbench.analysis.verdicts import Verdict
from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from prefixbench.analysis.settings import AnalysisSettings

Row = dict[str, Any]


def advise_models(rows: list[Row], families: dict[str, str], settings: AnalysisSettings) -> list[Row]:
    """The line of each model, from its ``correct − none`` and from each side's prefix left out."""
    return [_advise(model, family, rows, settings) for model, family in families.items()]


def _advise(model: str, family: str, rows: list[Row], settings: AnalysisSettings) -> Row:
    own = [row for row in rows if row["model"] == model]
    whole = [row for row in own if row["contrast"] == "correct-none"]
    pooled = pool_rows(whole, settings.smallest_effect) if whole else None
    overall = grade_prefix(whole, settings)
    # A side's worth is what is lost where it alone is left out.
    query, document = (
        [_reverse(row) for row in own if row["contrast"] == contrast and row["task_type"] in ROLE_TASK_TYPES]
        for contrast in ("document-only-correct", "query-only-correct")
    )
    keep_index = {"required": "no", "helpful": "no", "harmless": "yes", "harmful": "yes"}.get(
        grade_prefix(document, settings), "unknown"
    )
    return {
        "model": model,
        "family": family,
        "overall": overall,
        "query_side": grade_prefix(query, settings),
        "document_side": grade_prefix(document, settings),
        "keep_index": keep_index,
        "action": _write_action(overall, pooled, whole, keep_index, own),
        "delta_points": pooled.delta if pooled else None,
        "ci_low": pooled.interval[0] if pooled else None,
        "ci_high": pooled.interval[1] if pooled else None,
        "n_tasks": pooled.n_tasks if pooled else 0,
    }


def _reverse(row: Row) -> Row:
    """The same contrast with condition and baseline exchanged."""
    opposite = {"helps": "hurts", "hurts": "helps"}
    return row | {
        "delta_points": -row["delta_points"],
        "ci_low": -row["ci_high"],
        "ci_high": -row["ci_low"],
        "equivalence_low": -row["equivalence_high"],
        "equivalence_high": -row["equivalence_low"],
        "verdict": opposite.get(row["verdict"], row["verdict"]),
    }


def grade_prefix(rows: list[Row], settings: AnalysisSettings) -> str:
    """``required``, ``helpful``, ``harmless``, ``harmful`` or ``unclear``.

    The pooled answer decides: ``helps`` is *helpful*, and *required* where the whole interval lies beyond the required
    loss; ``equivalent`` is *harmless*; ``hurts`` is *harmful*. Tasks may differ too much for a pooled answer. Then the
    tasks' own verdicts decide, which Holm's correction protects, if they all point one way: *helpful* where some help
    and none hurts (*required* where more than half surely lose more than the required loss), *harmful* where some
    hurt and none helps, *harmless* where all are equivalent. Anything else is *unclear*.

    Args:
        rows: Contrasts of the prefix against its absence.
        settings: For the smallest effect and the required loss.
    """
    if not rows:
        return "unclear"
    pooled = pool_rows(rows, settings.smallest_effect)
    if pooled.verdict is Verdict.HELPS:
        return "required" if pooled.interval[0] > settings.required_loss else "helpful"
    if pooled.verdict is not Verdict.INCONCLUSIVE:
        return {Verdict.HURTS: "harmful", Verdict.EQUIVALENT: "harmless"}[pooled.verdict]
    verdicts = [row["verdict"] for row in rows]
    if "helps" in verdicts and "hurts" not in verdicts:
        sure = [row for row in rows if row["verdict"] == "helps" and row["ci_low"] > settings.required_loss]
        return "required" if 2 * len(sure) > len(rows) else "helpful"
    if "hurts" in verdicts and "helps" not in verdicts:
        return "harmful"
    return "harmless" if set(verdicts) == {"equivalent"} else "unclear"


def _write_action(overall: str, pooled: Pooled | None, whole: list[Row], keep_index: str, own: list[Row]) -> str:
    if pooled is None:
        return "The correct prefix was not compared with none on any task, so nothing can be said of it."
    if all(row["identical"] for row in whole):
        return "Send no prefix: none is documented for these tasks, so correct and none are the same." + _warn(own)
    sentence = {
        "required": f"Always send the documented prefix: {_tell_effect(pooled)}; {_tell_tasks(whole)}.",
        "helpful": f"Send the documented prefix: {_tell_effect(pooled)}; {_tell_tasks(whole)}.",
        "harmless": f"The documented prefix makes no difference that matters: {_tell_effect(pooled)}.",
        "harmful": f"Leave the documented prefix out: {_tell_effect(pooled)}; {_tell_tasks(whole)}.",
        "unclear": f"No one answer for all tasks: {_tell_effect(pooled)}; {_tell_tasks(whole)}; decide task by task.",
    }[overall]
    index = {
        "yes": " Documents embedded without their prefix can stay as they are.",
        "no": " Embed documents again with their prefix: leaving it out costs retrieval.",
    }
    return sentence + index.get(keep_index, "") + _warn(own)


def _tell_effect(pooled: Pooled) -> str:
    low, high = pooled.interval
    tasks = "1 task" if pooled.n_tasks == 1 else f"{pooled.n_tasks} tasks"
    return f"it changes scores by {pooled.delta:+.1f} points [{low:+.1f}, {high:+.1f}] over {tasks}"


def _tell_tasks(rows: list[Row]) -> str:
    verdicts = [row["verdict"] for row in rows if not row["identical"]]
    counts = [(word, verdicts.count(word)) for word in ("helps", "hurts", "equivalent", "inconclusive")]
    said = [f"{word} {count}" for word, count in counts if count]
    return "verdicts by task: " + ", ".join(said)


def _warn(own: list[Row]) -> str:
    """What a mix-up costs, where that is shown."""
    said = ""
    for condition, words in (("wrong", "Another task's prefix"), ("instruction", "A plain instruction")):
        rows = [row for row in own if row["contrast"] == f"{condition}-none"]
        hurt = sum(row["verdict"] == "hurts" for row in rows)
        if hurt:
            said += f" {words} hurts on {hurt} of {len(rows)}."
    return said
