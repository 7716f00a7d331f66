"""The contrasts as a person reads them in a terminal, and as data for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from prefixbench.errors import SpecError, describe_unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prefixbench.analysis.analyse import Analysis


def select_rows(frame: pd.DataFrame, **wanted: str | None) -> pd.DataFrame:
    """The rows whose columns hold what is wanted; ``None`` takes all.

    Raises:
        SpecError: A column holds the value nowhere; the sentence names what it does hold.
    """
    faults = []
    for column, value in wanted.items():
        if value is None:
            continue
        if value not in set(frame[column]):
            faults.append(describe_unknown_name(column, value, set(frame[column]), f"--{column}"))
        frame = frame[frame[column] == value]
    if faults:
        raise SpecError(faults)
    return frame


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: absent numbers are null."""
    return list(json.loads(frame.to_json(orient="records", double_precision=12)))


def to_json(analysis: Analysis, contrasts: pd.DataFrame) -> str:
    """One JSON document with every frame, and the contrasts asked for."""
    frames = {"contrasts": contrasts, **{name: getattr(analysis, name) for name in ("pooled", "models", "refusals")}}
    document = {
        "smallest_effect": analysis.settings.smallest_effect,
        "seed": analysis.settings.seed,
        "n_resamples": analysis.settings.n_resamples,
        **{name: to_records(frame) for name, frame in frames.items()},
    }
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def render_table(analysis: Analysis, contrasts: pd.DataFrame) -> str:
    """Contrasts, pooled answers over all tasks, one line a model, and refusals."""
    lines: list[str] = []
    for model, rows in contrasts.groupby("model", sort=False):
        lines += [f"{model}", *_align(_describe_contrasts(rows)), ""]
    if len(contrasts) == 0:
        lines += ["no contrast could be made", ""]
    lines += [f"{row.model}: {row.action}" for row in analysis.models.itertuples()]
    if len(analysis.refusals):
        lines += ["", "not compared:"]
        lines += _describe_refusals(analysis.refusals)
    settings = analysis.settings
    lines += [
        "",
        f"points; 95% intervals; p after Holm over planned contrasts (* not planned, uncorrected); "
        f"smallest effect that matters ±{settings.smallest_effect:g}; seed {settings.seed}",
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
    table: list[tuple[str, ...]] = [("", "task", "contrast", "delta", "interval", "p", "mde", "items", "verdict")]
    for row in rows.to_dict("records"):
        p_value = format_p_value(row["p_holm"]) if row["planned"] else f"{format_p_value(row['p_value'])}*"
        items = row["n_items_to_settle"]
        settle = "" if pd.isna(items) else f" (about {items:,} items would settle it)"
        interval = f"[{row['ci_low']:+.2f}, {row['ci_high']:+.2f}]"
        task = _name_task(row["task"], row["hf_subset"])
        verdict = row["verdict"] + settle + (f" ({row['note']})" if row["note"] else "")
        delta, mde = f"{row['delta_points']:+.2f}", f"{row['mde']:.2f}"
        table.append(("", task, row["contrast"], delta, interval, p_value, mde, f"{row['n_items']}", verdict))
    return table


def format_p_value(value: float) -> str:
    """Four digits, or the bound that smaller values lie below."""
    return f"{value:.4f}" if value >= 0.00005 else "<0.0001"


def _align(table: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(table)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
