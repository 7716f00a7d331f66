"""The preview of a sweep as tables on stdout."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from prefixbench.data import describe_data
from prefixbench.plan.cell import Cell
from prefixbench.run.preview import CellPreview, Preview
from prefixbench.spec.visible import show_whitespace


def print_preview(preview: Preview, console: Console | None = None) -> None:
    """Cells with their exact strings, what is left out and why, and what the sweep would cost."""
    console = console or Console()
    wide = console if console.is_terminal else Console(width=180)
    for facts in dict.fromkeys(one.cell.task for one in preview.cells if one.cell.task.data is not None):
        wide.print(Text(describe_data(facts)))
    by_model: dict[str, list[CellPreview]] = defaultdict(list)
    for one in preview.cells:
        by_model[one.cell.model.name].append(one)
    for model, cells in by_model.items():
        wide.print(_table(model, cells))
    for note in _list_notes(preview):
        wide.print(Text(note))
    if preview.unplanned:
        wide.print(_left_out(preview))
    done = sum(one.done for one in preview.cells)
    wide.print(Text(f"{len(preview.cells)} cells, {done} done, {len(preview.unplanned)} left out", style="bold"))
    wide.print(_cost(preview))
    for warning in preview.warnings:
        wide.print(Text(warning))


def _table(model: str, cells: list[CellPreview]) -> Table:
    table = Table(title=model, title_justify="left")
    for heading in ("task", "condition", "query (or text)", "document", "texts", "stored", ""):
        table.add_column(heading, overflow="fold")
    for one in cells:
        cell = one.cell
        table.add_row(
            Text(_task(cell)),
            Text(" = ".join(str(condition) for condition in cell.conditions)),
            Text(_sent(cell, 0)),
            Text(_sent(cell, 1) if cell.task.has_roles else ""),
            _number(one.n_texts) if one.n_estimated is None else f"~{one.n_estimated:,}",
            _number(one.n_cached),
            "done" if one.done else "",
        )
    return table


def _task(cell: Cell) -> str:
    subset = "" if cell.hf_subset == "default" else f":{cell.hf_subset}"
    split = "" if len(cell.task.eval_splits) == 1 else f" ({cell.hf_split})"
    return f"{cell.task.name}{subset}{split}"


def _sent(cell: Cell, index: int) -> str:
    side = (cell.pair.query, cell.pair.document)[index]
    parts = [show_whitespace(side.prefix)]
    parts += [f"adapter {side.adapter}"] if side.adapter else []
    parts += [f"{key}={value}" for key, value in side.api]
    parts += [f"pooling {side.pooling.value}"] if side.pooling else []
    return " + ".join(parts)


def _list_notes(preview: Preview) -> list[str]:
    """Why ``correct`` sends nothing, and whose prefixes may be meant, each once."""
    bare = [one.cell for one in preview.cells if {"none", "correct"} <= {str(name) for name in one.cell.conditions}]
    return list(dict.fromkeys(note for cell in bare for note in cell.notes))


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _left_out(preview: Preview) -> Table:
    table = Table(title="left out", title_justify="left")
    for heading in ("model", "condition", "tasks", "status", "reason"):
        table.add_column(heading, overflow="fold")
    grouped: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
    for cell in preview.unplanned:
        grouped[cell.model.name, str(cell.condition), cell.status, cell.reason][cell.task.name] = None
    for (model, condition, status, reason), tasks in grouped.items():
        table.add_row(*(Text(text) for text in (model, condition, ", ".join(tasks), status, reason)))
    return table


def _cost(preview: Preview) -> Text:
    if preview.n_unknown:
        estimated = sum(one.n_estimated or 0 for one in preview.cells if not one.done)
        return Text(
            f"{preview.n_to_embed:,} texts to embed, and about {estimated:,} of {preview.n_unknown} cells whose data "
            "were never read on this machine, texts that cells share counted in each"
        )
    text = f"{preview.n_to_embed:,} texts to embed"
    if preview.seconds is None:
        return Text(f"{text}; no sweep has run on this machine yet, so the time is not known")
    minutes, seconds = divmod(round(preview.seconds), 60)
    return Text(f"{text}, about {minutes}:{seconds:02d} at the rate of the last sweep on this machine")
