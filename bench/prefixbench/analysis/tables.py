"""The contrasts as a person reads them in a terminal, and as data for a program."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from prefixbench.analysis.families import PRIMARY_NAME
from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.rules import Verdict, format_p
from prefixbench.errors import SpecError, describe_unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefixbench.analysis.analyse import Analysis


def select_rows(frame: pd.DataFrame, among: pd.DataFrame | None = None, **wanted: str | None) -> pd.DataFrame:
    """The rows whose columns hold what is wanted; ``None`` takes all.

    Args:
        frame: The rows.
        among: Rows that hold every value there is, where ``frame`` has only some of them.
        wanted: Values by column.

    Raises:
        SpecError: A column holds the value nowhere; the sentence names what it does hold.
    """
    faults = []
    among = frame if among is None else among
    for column, value in wanted.items():
        if value is None:
            continue
        if value not in set(among[column]):
            faults.append(describe_unknown_name(column, value, set(among[column]), f"--{column}"))
        among = among[among[column] == value]
        frame = frame[frame[column] == value]
    if faults:
        raise SpecError(faults)
    return frame


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: absent numbers are null."""
    return list(json.loads(frame.to_json(orient="records", double_precision=12)))


def to_json(analysis: Analysis, contrasts: pd.DataFrame) -> str:
    """One JSON document with every frame, and the contrasts asked for."""
    frames = {
        "contrasts": contrasts,
        **{name: getattr(analysis, name) for name in ("tasks", "types", "models", "refusals")},
    }
    document = {
        "smallest_effect": analysis.settings.smallest_effect,
        "smallest_effects": dict(analysis.settings.smallest_effects),
        "seed": analysis.settings.seed,
        **{name: to_records(frame) for name, frame in frames.items()},
    }
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def render_summary(analysis: Analysis) -> str:
    """One screen: each model's line, and the tasks' primary contrasts with score, interval and verdict."""
    lines: list[str] = []
    for model in to_records(analysis.models):
        lines += [f"{model['model']}: {model['line']}", *textwrap.wrap(model["sentence"], 78, **INDENTED)]
    rows = analysis.tasks[analysis.tasks["contrast"] == PRIMARY_NAME]
    measured = rows[~rows["same_strings"]]
    if len(measured):
        lines += ["", *_align([_HEADER, *map(_describe_task, to_records(measured))])]
    n_missing = len(analysis.refusals)
    if n_missing:
        lines += ["", f"{n_missing} contrasts were not made; --all says why"]
    margins, seed = analysis.settings.describe_margins(), analysis.settings.seed
    lines += ["", f"points; intervals adjusted within a model's tasks; {margins} matters; seed {seed}"]
    return "\n".join(lines) + "\n"


INDENTED: dict[str, Any] = {
    "initial_indent": "  ", "subsequent_indent": "  ", "break_on_hyphens": False, "break_long_words": False,
}  # fmt: skip
_HEADER = ("", "task", "none", "correct", "delta", "interval", "verdict")


def _describe_task(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        "",
        str(row["task"]),
        f"{100 * row['baseline_score']:.1f}",
        f"{100 * row['score']:.1f}",
        format_points(row["delta_points"]),
        format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"]),
        Verdict(row["verdict"]).words,
    )


def render_table(analysis: Analysis, contrasts: pd.DataFrame) -> str:
    """Every contrast, one line a model, and refusals."""
    lines: list[str] = []
    for model, rows in contrasts.groupby("model", sort=False):
        lines += [f"{model}", *_align(_describe_contrasts(rows)), ""]
    if len(contrasts) == 0:
        lines += ["no contrast could be made", ""]
    lines += [f"{row.model}: {row.line}. {row.sentence}" for row in analysis.models.itertuples()]
    if len(analysis.refusals):
        lines += ["", "not compared:"]
        lines += _describe_refusals(analysis.refusals)
    settings = analysis.settings
    lines += [
        "",
        "points; interval and p adjusted within the family (primary: Holm over a model's tasks; sides; "
        f"exploratory: Benjamini-Hochberg); {settings.describe_margins()} matters; seed {settings.seed}",
    ]
    return "\n".join(lines) + "\n"


def _describe_refusals(refusals: pd.DataFrame) -> list[str]:
    """One line a model, contrast and reason, naming the tasks it holds for."""
    lines = []
    for (model, contrast, reason), rows in refusals.groupby(["model", "contrast", "reason"], sort=False):
        tasks = dict.fromkeys(_name_task(row.task, row.hf_subset) for row in rows.itertuples())
        lines.append(f"  {model} · {contrast} · {', '.join(tasks)}: {reason}")
    return lines


def _name_task(task: object, subset: object) -> str:
    return f"{task}" if subset == "default" else f"{task}:{subset}"


def _describe_contrasts(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    header = ("", "task", "contrast", "delta", "interval", "p", "mde", "items", "verdict")
    return [header, *map(_describe_contrast, to_records(rows.sort_values("delta_points", ascending=False)))]


def _describe_contrast(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        "",
        _name_task(row["task"], row["hf_subset"]),
        row["contrast"],
        format_points(row["delta_points"]),
        format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"]),
        "" if row["p_adjusted"] is None else format_p(row["p_adjusted"]),
        "" if row["mde"] is None else f"{row['mde']:.1f}",
        f"{row['n_items']}",
        Verdict(row["verdict"]).words + (f" ({row['reason']})" if row["reason"] else ""),
    )


def _align(table: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(table)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
