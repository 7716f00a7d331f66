"""Further questions as a person reads them in a terminal; a question that the run cannot answer is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.rules import Verdict
from prefixbench.analysis.tables import name_task, to_records
from prefixbench.screen import set_columns, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefixbench.analysis.explored import Further

Row = dict[str, Any]
Cells = tuple[str, ...]


def render_further(further: Further) -> str:
    """Every frame that has rows, a section each, what its rows have in common above them."""
    lines: list[str] = []
    for name, (title, header, describe) in SECTIONS.items():
        rows = to_records(getattr(further, name))
        if not rows:
            continue
        heading, *blocks = set_columns([header, *map(describe, rows)])
        lines += ["", *wrap(title), *heading]
        said = ""
        for row, block in zip(rows, blocks, strict=True):
            shared = _name_gain(row) if name == "gains" else row["model"]
            lines += block if shared == said else [*wrap(shared), *block]
            said = shared
    for note in further.notes:
        lines += ["", *wrap(note)]
    return "\n".join(lines or ["", "nothing further can be asked of this run"]) + "\n"


def _describe_drift(row: Row) -> Cells:
    shift = f"{row['cosine_shift']:+.2f}".replace("-", "−")
    place = name_task(row["task"], row["hf_subset"]), row["condition"], shift
    if row["accuracy_points"] is None:
        return *place, "", "", "", ""
    return (
        *place, format_points(row["accuracy_points"]),
        format_interval(row["accuracy_low_adjusted"], row["accuracy_high_adjusted"]),
        f"{row['share_alike_before']:.0%} → {row['share_alike']:.0%}", Verdict(row["verdict"]).value,
    )  # fmt: skip


def _describe_ranking(row: Row) -> Cells:
    interval = f"[{row['overlap_low']:.2f}, {row['overlap_high']:.2f}]"
    place = name_task(row["task"], row["hf_subset"]), row["contrast"]
    return *place, f"{row['overlap']:.2f}", interval, f"{row['same_first']:.0%}", f"{row['n_items']:,}"


def _describe_gain(row: Row) -> Cells:
    parts = format_points(row["upper_points"]), format_points(row["lower_points"])
    return row["moderator"], *parts, *_decided(row)


def _name_gain(row: Row) -> str:
    of_type = f"{row['task_type']}, mean of {row['n_tasks']} tasks"
    task = name_task(row["task"], row["hf_subset"]) if row["task"] else of_type
    return f"{row['model']} · {task} ({row['n_items']:,} items)"


def _describe_models(row: Row) -> Cells:
    parts = format_points(row["points"]), format_points(row["other_points"])
    return name_task(row["task"], row["hf_subset"]), row["other_model"], *parts, *_decided(row)


def _describe_types(row: Row) -> Cells:
    types = f"{row['task_type']} ({row['n_tasks']})", f"{row['other_type']} ({row['n_tasks_other']})"
    return *types, *_decided(row)


def _describe_dose(row: Row) -> Cells:
    return name_task(row["task"], row["hf_subset"]), row["doses"], *_decided(row)


def _decided(row: Row) -> Cells:
    interval = format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"])
    return format_points(row["delta_points"]), interval, Verdict(row["verdict"]).value


SECTIONS: dict[str, tuple[str, Cells, Callable[[Row], Cells]]] = {
    "drift": (
        "a threshold kept from none: cosine, accuracy and share called alike under each condition",
        ("task", "condition", "cosine", "accuracy", "interval", "alike", "verdict"),
        _describe_drift,
    ),
    "rankings": (
        "the same documents found: rank-biased overlap (1 the same, 0 others), first hit the same",
        ("task", "contrast", "overlap", "interval", "first", "queries"),
        _describe_ranking,
    ),
    "gains": (
        "who gains from correct: items above the median less the others",
        ("by", "above", "below", "delta", "interval", "verdict"),
        _describe_gain,
    ),
    "interactions": (
        "correct-none of one model less another's, on the same items",
        ("task", "other model", "its own", "other's", "delta", "interval", "verdict"),
        _describe_models,
    ),
    "type_differences": (
        "correct-none of one task type less another's, over these very tasks (k)",
        ("type (k)", "other (k)", "delta", "interval", "verdict"),
        _describe_types,
    ),
    "doses": (
        "ten random tokens more (slope over placebo:N)",
        ("task", "tokens", "delta", "interval", "verdict"),
        _describe_dose,
    ),
}
"""Frame to its title, its columns and how a row fills them."""
