"""The catalogue as tables for a terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from prefixbench.prefixes.catalog import ConditionRow, ModelRow
from prefixbench.prefixes.disagreements import Disagreement
from prefixbench.prefixes.sources import SideSource
from prefixbench.prefixes.visible import NOTHING, show_side
from prefixbench.spec.visible import MARKS

LEGEND = (
    f"{MARKS[' ']} is a space, {MARKS[chr(10)]} a line break; {NOTHING} is the empty string. "
    "A source with ? was remembered or derived, not read at its maker's."
)
_MIN_WIDTH = 100


def render_models(rows: Sequence[ModelRow]) -> str:
    """Every known model with its mechanism, or the reason why none is known."""
    table = Table(
        "model", "mechanism", "family", "known from", "note", title=f"{len(rows)} models", title_justify="left"
    )
    for row in rows:
        mechanism = row.mechanism.value if row.mechanism else "unknown"
        known = (row.layer or "") + ("" if row.certain or row.layer is None else " ?")
        table.add_row(row.name, mechanism, row.family or "", known, row.note)
    return _render(table)


def render_model(model: str, rows: Sequence[ConditionRow]) -> str:
    """One model's table: task type × condition × role, each string with its source."""
    groups: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    lines_of = {task: _lines([row for row in rows if row.task == task]) for task in dict.fromkeys(r.task for r in rows)}
    for task, lines in lines_of.items():
        groups.setdefault(lines, []).append(task)
    parts = [f"{model}\n{LEGEND}\n"]
    for lines, tasks in groups.items():
        title = ", ".join(task.removeprefix("any ") for task in tasks)
        table = _table("condition", "query, or text", "document", "source", title=title)
        for line in lines:
            table.add_row(*line)
        parts.append(_render(table))
    return "\n".join(parts)


def render_decision(model: str, rows: Sequence[ConditionRow]) -> str:
    """One model on named tasks, with the rule that decided each condition."""
    parts = [f"{model}\n{LEGEND}\n"]
    for task in dict.fromkeys(row.task for row in rows):
        mine = [row for row in rows if row.task == task]
        title = f"{task} ({mine[0].task_type})"
        table = _table("condition", "query, or text", "document", "decided by", "source", title=title)
        for row, line in zip(mine, _lines(mine), strict=True):
            condition, query, document, source = line
            skipped = row.query is None
            decided = "" if skipped else "; ".join([row.rule, *row.notes])
            table.add_row(condition, query, document, decided, source)
        parts.append(_render(table))
    return "\n".join(parts)


def render_disagreements(rows: Sequence[Disagreement]) -> str:
    """Where mteb and the cards differ, one row a difference."""
    title = "Where mteb's registry and the model's own documentation differ"
    table = _table("models", "tasks", "role", "documented", "mteb sends", "source", title=title)
    for row in rows:
        source = row.card_source + ("" if row.certain else " ?")
        table.add_row(
            "\n".join(row.models),
            ", ".join(row.tasks),
            row.role,
            show_side(row.card),
            show_side(row.mteb),
            source,
            end_section=True,
        )
    return f"{LEGEND}\n{_render(table)}"


def _lines(rows: Sequence[ConditionRow]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (row.condition, f"skipped: {_without_task(row)}", "", "")
        if row.query is None
        else (row.condition, show_side(row.query), show_side(row.document), _show_sources(row.sources))
        for row in rows
    )


def _without_task(row: ConditionRow) -> str:
    """The reason for a skip; a stand-in for a whole task type is not named as if it were a task."""
    return row.rule.replace(f"{row.task} ({row.task_type})", row.task_type).replace(row.task, row.task_type)


def _show_sources(sources: Sequence[SideSource]) -> str:
    shown = dict.fromkeys(f"{source.layer}: {source.citation}{'' if source.certain else ' ?'}" for source in sources)
    return "\n".join(shown)


def _table(*names: str, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _render(table: Table) -> str:
    width = max(shutil.get_terminal_size(fallback=(160, 50)).columns, _MIN_WIDTH)
    buffer = io.StringIO()
    # Plain text: styles would need to know the stream, and the tables say all they have to say without colour.
    Console(file=buffer, width=width, no_color=True, markup=False, highlight=False).print(table, markup=False)
    return buffer.getvalue()
