"""The contrasts as a person reads them in a terminal, and as data for a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from prefixbench.analysis.families import PRIMARY_NAME
from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.rules import Verdict, format_p
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.screen import LINES, flatten, limit, set_columns, wrap

if TYPE_CHECKING:
    from prefixbench.analysis.analyse import Analysis
    from prefixbench.analysis.explored import Further


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


def to_json(analysis: Analysis, contrasts: pd.DataFrame, further: Further | None = None) -> str:
    """One JSON document with every frame, the contrasts asked for, and further questions where they were asked."""
    frames = {
        "contrasts": contrasts,
        **{name: getattr(analysis, name) for name in ("tasks", "types", "models", "refusals")},
    }
    if further is not None:
        frames |= {name: frame for name, frame in vars(further).items() if isinstance(frame, pd.DataFrame)}
    document = {
        "smallest_effect": analysis.settings.smallest_effect,
        "smallest_effects": dict(analysis.settings.smallest_effects),
        "seed": analysis.settings.seed,
        **({} if further is None else {"notes": further.notes}),
        **{name: to_records(frame) for name, frame in frames.items()},
    }
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def render_summary(analysis: Analysis) -> str:
    """One screen: each model's line, and the tasks' primary contrasts with scores, interval and verdict."""
    models = to_records(analysis.models)
    said = [[*wrap(f"{one['model']}: {one['line']}"), *wrap(one["sentence"], "  ", "  ")] for one in models]
    rows = analysis.tasks[analysis.tasks["contrast"] == PRIMARY_NAME]
    measured = rows[~rows["same_strings"]]
    n_missing = len(analysis.refusals)
    tail = [""] + ([f"{n_missing} contrasts were not made; --all says why"] if n_missing else [])
    tail += wrap(f"intervals adjusted within a model's tasks; {_describe_words(measured, analysis)}")
    room = LINES - len(tail) - 1
    lines = limit(said, room if measured.empty else room // 2, "and {} more models: --all")
    if len(measured):
        lines += ["", *limit(_set_tasks(measured), room - len(lines), "and {} more tasks: --all")]
    return "".join(f"{line}\n" for line in [*lines, *tail])


def _describe_words(rows: pd.DataFrame, analysis: Analysis) -> str:
    """Say what the numbers are, and what the shorter verdicts of these rows stand for."""
    words = [Verdict(value) for value in dict.fromkeys(rows["verdict"])]
    longer = [one.words.replace(", ", ": ", 1) for one in words if one.words != one.value]
    settings = analysis.settings
    return "; ".join([f"points; {settings.describe_margins()} matters", *longer, f"seed {settings.seed}"])


def _set_tasks(rows: pd.DataFrame) -> list[list[str]]:
    """Return a block a task; the first of a model bears its name where there are several."""
    records = to_records(rows)
    head = ("task", "none", "correct", "delta", "interval", "verdict")
    header, *blocks = set_columns([head, *map(_describe_task, records)])
    several = len({row["model"] for row in records}) > 1
    seen: set[str] = set()
    for row, block in zip(records, blocks, strict=True):
        if several and row["model"] not in seen:
            seen.add(row["model"])
            block.insert(0, str(row["model"]))
    return [header, *blocks]


def _describe_task(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["task"]),
        f"{100 * row['baseline_score']:.1f}",
        f"{100 * row['score']:.1f}",
        format_points(row["delta_points"]),
        format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"]),
        Verdict(row["verdict"]).value,
    )


def render_table(analysis: Analysis, contrasts: pd.DataFrame, *, everything: bool = True) -> str:
    """The contrasts, one line each under model and task; all of them with reasons, models' lines and refusals.

    Args:
        analysis: Of the run.
        contrasts: The rows asked for.
        everything: Every row and reason; else the largest that fit a screen.
    """
    settings = analysis.settings
    said = [wrap(f"{row.model}: {row.line}. {row.sentence}") for row in analysis.models.itertuples()]
    refused = _describe_refusals(analysis.refusals) if everything else []
    words = f"; {_describe_words(contrasts, analysis)}" if len(contrasts) else f"; seed {settings.seed}"
    tail = [
        "",
        *(flatten(said) if everything else []),
        *(["", "not compared:", *refused, ""] if refused else []),
        *wrap(
            "interval and p adjusted within the family (primary: Holm over a model's tasks; sides; exploratory: "
            f"Benjamini-Hochberg){words}"
        ),
    ]
    blocks = _set_contrasts(contrasts, with_reasons=everything) or [["no contrast could be made"]]
    room = 10**9 if everything else LINES - len(tail)
    return "".join(f"{line}\n" for line in [*limit(blocks, room, "and {} more contrasts: --all"), *tail])


def _describe_refusals(refusals: pd.DataFrame) -> list[str]:
    """Name model, contrasts and tasks once for each reason."""
    lines = []
    for (model, reason), rows in refusals.groupby(["model", "reason"], sort=False):
        tasks = dict.fromkeys(name_task(row.task, row.hf_subset) for row in rows.itertuples())
        contrasts = dict.fromkeys(map(str, rows["contrast"]))
        lines += wrap(f"{model} · {', '.join(contrasts)} · {', '.join(tasks)}: {reason}", "  ", "    ")
    return lines


def name_task(task: object, subset: object) -> str:
    """Return the task as people name it: ``XQuADRetrieval:en``."""
    return f"{task}" if subset == "default" else f"{task}:{subset}"


def _set_contrasts(contrasts: pd.DataFrame, *, with_reasons: bool) -> list[list[str]]:
    """Return a block a contrast, the first of each task under the names of model and task."""
    records = to_records(contrasts.sort_values("delta_points", ascending=False, kind="stable"))
    order = {model: n for n, model in enumerate(dict.fromkeys(contrasts["model"]))}
    tasks = {key: n for n, key in enumerate(dict.fromkeys(zip(contrasts["task"], contrasts["hf_subset"], strict=True)))}
    records.sort(key=lambda row: (order[row["model"]], tasks[row["task"], row["hf_subset"]]))
    blocks = set_columns(map(_describe_contrast, records), indent="    ")
    seen: set[str] = set()
    for row, block in zip(records, blocks, strict=True):
        title = f"  {name_task(row['task'], row['hf_subset'])} ({row['n_items']:,} items)"
        if with_reasons and row["reason"]:
            block += wrap(row["reason"], "      ", "      ")
        for heading, key in ((title, f"{row['model']} {title}"), (str(row["model"]), str(row["model"]))):
            if key not in seen:
                seen.add(key)
                block.insert(0, heading)
    return blocks


def _describe_contrast(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["contrast"],
        format_points(row["delta_points"]),
        format_interval(row["ci_low_adjusted"], row["ci_high_adjusted"]),
        "" if row["p_adjusted"] is None else f"p {format_p(row['p_adjusted'])}",
        Verdict(row["verdict"]).value,
    )
