"""What ``prefixbench reindex`` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefixbench.report.effects import INERT
from prefixbench.report.sentences import name_type, quote
from prefixbench.report.words import clean_text, format_interval, format_points, format_share
from prefixbench.screen import wrap

if TYPE_CHECKING:
    from prefixbench.report.effects import Effect
    from prefixbench.report.reindex import Bill, Reindex, Stage


def render_reindex(reindex: Reindex) -> str:
    """The answer in lines of at most 80 columns; a command stands in one line, however long."""
    lines = [clean_text(f"{reindex.model}, by {reindex.run}: an index built without the documents' prefix"), ""]
    for answer in reindex.answers:
        lines += wrap(f"{name_type(answer.task_type)}: {answer.decision}: {answer.why}", "")
        if answer.queries is not None and answer.queries.is_measured:
            lines += wrap(
                f"queries alone prefixed, the index as it is: {quote(answer.queries)}, {answer.queries.verdict}", "  "
            )
        for stage in answer.stages:
            lines += wrap(_tell_stage(stage), "  ")
    for row in reindex.thresholds:
        lines += wrap(_tell_threshold(row), "  ")
    if reindex.bill is not None:
        lines += ["", *wrap(_tell_bill(reindex.bill), "")]
    lines += ["", *(clean_text(sentence) for sentence in reindex.missing)] if reindex.missing else []
    return "\n".join(lines) + "\n"


def _tell_stage(stage: Stage) -> str:
    told = [
        f"{quote(effect)} against the {name}, {effect.verdict}"
        for effect, name in (
            (stage.against_old, "old index"),
            (None if stage.against_new is None else stage.against_new.reverse(), "finished one"),
        )
        if effect is not None and effect.is_measured
    ]
    is_inert = any(one is not None and one.verdict == INERT for one in (stage.against_old, stage.against_new))
    nothing = "inert, nothing was measured" if is_inert else "the same strings"
    return f"{format_share(stage.share)} of the index still old: {'; '.join(told) or nothing}"


def _tell_threshold(row: dict[str, Any]) -> str:
    interval = format_interval(row["accuracy_low_adjusted"], row["accuracy_high_adjusted"])
    return (
        f"a threshold set without the prefix, on {row['task']}: {format_share(row['share_alike'])} of pairs called "
        f"alike instead of {format_share(row['share_alike_before'])}, accuracy "
        f"{format_points(row['accuracy_points'])} points {interval}, {row['verdict']}"
    )


def _tell_bill(bill: Bill) -> str:
    if bill.tokens is None:
        return f"{bill.documents:,} documents; this run did not count their tokens, so time and money are not known."
    told = [f"{bill.documents:,} documents, about {bill.tokens:,.0f} tokens"]
    if bill.seconds is None:
        told.append("time not known: every cell of this run found most of its vectors stored")
    else:
        fast, slow = (_format_time(seconds) for seconds in bill.seconds)
        told.append(f"{fast if fast == slow else f'{fast} to {slow}'} as measured on {bill.device}")
    told.append("money: give --price for a million tokens" if bill.money is None else f"{bill.money:,.4g} in money")
    return "; ".join(told)


def _format_time(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def reindex_to_json(reindex: Reindex) -> dict[str, Any]:
    """The same for a program."""
    return {
        "model": reindex.model,
        "run": reindex.run,
        "answers": [
            {
                "task_type": answer.task_type,
                "decision": answer.decision,
                "why": answer.why,
                "step": _effect_to_json(answer.step),
                "queries": _effect_to_json(answer.queries),
                "stages": [
                    {
                        "share": stage.share,
                        "against_old": _effect_to_json(stage.against_old),
                        "against_new": _effect_to_json(stage.against_new),
                    }
                    for stage in answer.stages
                ],
            }
            for answer in reindex.answers
        ],
        "thresholds": list(reindex.thresholds),
        "bill": None if reindex.bill is None else asdict(reindex.bill),
        "missing": list(reindex.missing),
    }


def _effect_to_json(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    return {"points": effect.delta, "low": effect.low, "high": effect.high, "verdict": effect.verdict}
