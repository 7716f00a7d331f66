"""The preview of a sweep as text: one screen, or every cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from prefixbench.prefixes.visible import show_pair
from prefixbench.run.preview import CHARACTERS_A_TOKEN
from prefixbench.screen import LINES, flatten, limit, set_columns, wrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prefixbench.plan.cell import Cell
    from prefixbench.run.preview import CellPreview, ModelPreview, Preview

MOST_MODELS = 8
MOST_REASONS = 3
MOST_NOTES = 6
"""Lines of notes and warnings."""

Sent = tuple[tuple[str, str, str], ...]
"""Conditions, task types and strings of one model."""


def render_preview(preview: Preview, *, everything: bool = False) -> str:
    """Return what each model has to do, the strings, what is left out, and what it would cost.

    Args:
        preview: The sweep.
        everything: Every cell and every reason, however long that gets.
    """
    head = [*_describe_extent(preview), "", *_set_models(preview, everything), *_describe_cost(preview), ""]
    told = [wrap(sentence) for sentence in (*_list_notes(preview), *preview.warnings)]
    tail = [
        *_describe_left_out(preview, everything),
        *(flatten(told) if everything else limit(told, MOST_NOTES, "and {} more notes")),
        *([] if everything else ["every cell and reason: --all"]),
    ]
    if everything:
        body = flatten(_set_cells(model, own) for model, own in _by_model(preview).items())
    else:
        body = _set_strings(preview, LINES - len(head) - len(tail))
    return "".join(f"{line}\n" for line in (*head, *body, *tail))


def _describe_extent(preview: Preview) -> list[str]:
    n_tasks = len({one.cell.task.name for one in preview.cells} | {one.task.name for one in preview.unplanned})
    statuses = Counter(one.status for one in preview.unplanned)
    n_done = sum(one.done for one in preview.cells)
    counts = [f"{len(preview.cells):,} cells: {n_done:,} done, {len(preview.cells) - n_done:,} to compute"]
    counts += [f"{statuses[status]:,} {status}" for status in ("skipped", "failed") if statuses[status]]
    unchecked = ", ".join(preview.unchecked)
    return [
        *wrap(f"{preview.spec.name}: models {len(preview.spec.models)}, tasks {n_tasks}, into {preview.folder}"),
        *wrap(", ".join(counts)),
        *flatten(wrap(sentence) for sentence in preview.data),
        *(wrap(f"could not be checked, since no hub answers: does {unchecked} exist?") if unchecked else []),
    ]


def _set_models(preview: Preview, everything: bool) -> list[str]:
    has_price = any(one.cost is not None for one in preview.models)
    head = ("cells", "done", "to embed", "tokens", *(("money",) if has_price else ()), "model")
    rows = [head, *(_describe_model(one, has_price) for one in preview.models)]
    blocks = set_columns(rows, right=frozenset(range(len(head) - 1)), indent="")
    return limit(blocks, 10**9 if everything else MOST_MODELS + 1, "and {} more models")


def _describe_model(one: ModelPreview, has_price: bool) -> tuple[str, ...]:
    about = "~" if one.missing.n_unread else ""
    numbers = [f"{about}{one.n_to_embed:,}", f"~{one.n_tokens:,}" if one.n_tokens else "0"]
    numbers += [] if not has_price else ["" if one.cost is None else f"~{one.cost:,.2f}"]
    if not one.is_known:
        numbers = ["?"] * len(numbers)
    return (f"{one.n_cells:,}", f"{one.n_done:,}", *numbers, one.model.name)


def _describe_cost(preview: Preview) -> list[str]:
    notes = []
    if any(one.n_tokens for one in preview.models):
        notes.append(f"tokens: {CHARACTERS_A_TOKEN} characters each, prefixes included")
    if preview.n_unread:
        source = "as mteb describes them" if any(one.missing.unread.n_texts for one in preview.models) else "unknown"
        notes.append(f"{preview.n_unread:,} cells' data were never read here: their texts are {source}")
    if preview.seconds is not None:
        minutes, seconds = divmod(round(preview.seconds), 60)
        notes.append(f"about {minutes}:{seconds:02d} at the rate of the last sweep on this machine")
    return wrap("; ".join(notes))


def _by_model(preview: Preview) -> dict[str, list[CellPreview]]:
    groups: dict[str, list[CellPreview]] = defaultdict(list)
    for one in preview.cells:
        groups[one.cell.model.name].append(one)
    return groups


def _set_strings(preview: Preview, room: int) -> list[str]:
    """Return what each condition sends, models that send the same together; each group has its share of the room."""
    groups: dict[Sent, list[str]] = defaultdict(list)
    for model, own in _by_model(preview).items():
        groups[_list_sent([one.cell for one in own])].append(model)
    blocks: list[list[str]] = []
    for n_left, (rows, models) in zip(range(len(groups), 0, -1), groups.items(), strict=True):
        share = (room - len(flatten(blocks))) // n_left
        title = limit([wrap(", ".join(models))], 2, "{} models")
        told = limit(set_columns(rows), max(2, share - len(title) - 1), "  and {} more ways of sending")
        blocks.append([*title, *told, ""])
    return limit(blocks, room, "and {} more groups of models")


def _list_sent(cells: Sequence[Cell]) -> Sent:
    """Return conditions, where, and strings, each once, the documented ones first; the baseline goes without saying."""
    n_types = len({cell.task.task_type for cell in cells})
    where: dict[tuple[str, str], dict[str, None]] = {}
    for cell in cells:
        names = " = ".join(str(condition) for condition in cell.conditions)
        where.setdefault((names, show_pair(cell.pair, has_roles=cell.task.has_roles)), {})[cell.task.task_type] = None
    shown = {key: types for key, types in where.items() if key[0] != "none"} or where
    rows = [(names, _join_types(types, n_types), sent) for (names, sent), types in shown.items()]
    return tuple(sorted(rows, key=lambda row: "correct" not in row[0].split(" = ")))


def _join_types(types: Iterable[str], n_all: int) -> str:
    names = list(types)
    if len(names) == n_all > 1:
        return "every task"
    return ", ".join(names) if len(names) < 3 else f"{len(names)} task types"


def _set_cells(model: str, cells: Sequence[CellPreview]) -> list[str]:
    rows = [("task", "condition", "texts", "stored", "text, or query | document")]
    for one in cells:
        counts = one.counts
        texts = _number(counts.n_texts) if counts.n_estimated is None else f"~{counts.n_estimated:,}"
        stored = "done" if one.done else _number(counts.n_cached)
        names = " = ".join(str(condition) for condition in one.cell.conditions)
        rows.append(
            (_name_task(one.cell), names, texts, stored, show_pair(one.cell.pair, has_roles=one.cell.task.has_roles))
        )
    return [*wrap(model), *flatten(set_columns(rows, right=frozenset({2, 3}))), ""]


def _name_task(cell: Cell) -> str:
    subset = "" if cell.hf_subset == "default" else f":{cell.hf_subset}"
    split = "" if len(cell.task.eval_splits) == 1 else f" ({cell.hf_split})"
    return f"{cell.task.name}{subset}{split}"


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _list_notes(preview: Preview) -> list[str]:
    """Why ``correct`` sends nothing, whose prefixes may be meant, and what a library would send unasked, each once."""
    bare = [one.cell for one in preview.cells if "none" in map(str, one.cell.conditions)]
    return list(dict.fromkeys(note for cell in bare for note in cell.notes))


def _describe_left_out(preview: Preview, everything: bool) -> list[str]:
    """Return the reasons of failed cells, and how many each condition leaves out; with ``everything`` all reasons."""
    grouped: dict[tuple[str, str, str, str], dict[str, None]] = defaultdict(dict)
    for cell in preview.unplanned:
        grouped[cell.status, cell.model.name, str(cell.condition), cell.reason][cell.task.name] = None
    told = [
        wrap(f"{status}: {model} · {condition} on {_join_tasks(tasks)}: {reason}")
        for (status, model, condition, reason), tasks in grouped.items()
        if everything or status == "failed"
    ]
    if everything:
        return flatten(told)
    skipped = Counter(str(cell.condition) for cell in preview.unplanned if cell.status == "skipped")
    named = ", ".join(f"{name} {n}" for name, n in skipped.most_common(6))
    more = f" and {len(skipped) - 6} more conditions" if len(skipped) > 6 else ""
    lines = flatten(told[:MOST_REASONS])
    lines += [f"and {len(told) - MOST_REASONS} more reasons for failed cells"] if len(told) > MOST_REASONS else []
    return [*lines, *(wrap(f"skipped: {named}{more}") if named else [])]


def _join_tasks(tasks: Iterable[str]) -> str:
    names = list(tasks)
    return ", ".join(names) if len(names) < 4 else f"{len(names)} tasks"
