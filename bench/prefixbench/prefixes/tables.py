"""The catalogue as text for a terminal: one screen, or all of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from prefixbench.prefixes.uses import SYMMETRIC_TASK_TYPES
from prefixbench.prefixes.visible import show_side, show_sides
from prefixbench.screen import LINES, flatten, limit, set_columns, wrap
from prefixbench.spec.tasks import ROLE_TASK_TYPES
from prefixbench.spec.visible import MARKS, show_whitespace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prefixbench.prefixes.catalog import ConditionRow, ModelRow
    from prefixbench.prefixes.disagreements import Disagreement
    from prefixbench.prefixes.sources import SideSource

LEGEND = f"{MARKS[' ']} is a space, {MARKS[chr(10)]} a line break, {show_whitespace('')} nothing"
UNCERTAIN = "a source with ? was remembered or derived, not read at its maker's"
SHOWN_TYPE = "any Retrieval"
"""The stand-in whose conditions a screen shows; the others differ in little but the strings of ``correct``."""
EVERYTHING = 10**9


def render_models(rows: Sequence[ModelRow], families: Mapping[str, ConditionRow], *, everything: bool) -> str:
    """Every family with the strings of its first model; with ``everything`` every model, with what is known of it.

    Args:
        rows: Every known model.
        families: By family, what queries and documents of its first model are sent as documented.
        everything: All models, however many.
    """
    if everything:
        head = ("known from", "takes its task by", "model")
        blocks = set_columns([head, *map(_describe_model, rows)], indent="")
        notes = [[], *(wrap(row.note, "    ", "    ") for row in rows)]
        return _join([UNCERTAIN, "", *flatten([*a, *b] for a, b in zip(blocks, notes, strict=True))])
    counts = Counter(row.family for row in rows if row.family)
    lines = [("family", "models", "queries | documents, as documented")]
    lines += [(name, str(counts[name]), show_sides(row.query, row.document)) for name, row in families.items()]
    tail = ["", "one model: prefixbench prefixes NAME; names: prefixbench list models; all: --all"]
    blocks = set_columns(lines, right=frozenset({1}), indent="")
    return _join([LEGEND, "", *limit(blocks, LINES - 2 - len(tail), "and {} more families"), *tail])


def _describe_model(row: ModelRow) -> tuple[str, ...]:
    known = (row.layer or "") + ("" if row.certain or row.layer is None else " ?")
    return known, row.mechanism.value if row.mechanism else "unknown", row.name


def render_model(model: str, rows: Sequence[ConditionRow], *, everything: bool) -> str:
    """One model's strings: as documented on every task type, and what the other conditions send on one.

    With ``everything`` all conditions on every task type, each with its sources, or the reason why it is skipped.
    """
    if everything:
        return _join([*_head(model), *flatten(_set_group(title, own) for title, own in _group_types(rows).items())])
    documented = _group_types([row for row in rows if row.condition == "correct"])
    named = [(_shorten_types(title), _tell(own[0])[0]) for title, own in documented.items()]
    shown = next((row.task for row in rows if row.task == SHOWN_TYPE), rows[0].task if rows else "")
    own = [row for row in rows if row.task == shown]
    told = [row for row in own if row.query is not None and row.condition != "correct"]
    others = [(", ".join(names), sent) for sent, names in _group_sent(told).items()]
    skipped = [row.condition for row in own if row.query is None]
    tail = [
        *(wrap(f"skipped: {', '.join(skipped)}") if skipped else []),
        *wrap("other task types, sources and reasons: --all, or --task NAME"),
    ]
    lines = [
        *_head(model),
        *([*wrap(f"as documented (correct): {_cite(documented)}"), *flatten(set_columns(named)), ""] if named else []),
        *([f"other conditions on {shown.removeprefix('any ')}"] if others else []),
    ]
    return _join([*lines, *limit(set_columns(others), LINES - len(lines) - len(tail), "  and {} more"), *tail])


def render_decision(model: str, rows: Sequence[ConditionRow], *, everything: bool) -> str:
    """One model on named tasks, with the rule that decided each condition; with ``everything`` also its sources."""
    lines = _head(model)
    n_tasks = len({row.task for row in rows})
    for task in dict.fromkeys(row.task for row in rows):
        own = [row for row in rows if row.task == task]
        told = own if everything else [row for row in own if row.query is not None]
        skipped = [row.condition for row in own if row not in told]
        title = [f"{task} ({own[0].task_type})"]
        tail = [*(wrap(f"  skipped: {', '.join(skipped)}", hang="    ") if skipped else []), ""]
        blocks = _set_decisions(told, everything=everything)
        room = EVERYTHING if everything else max(8, (LINES - 4) // n_tasks - len(tail))
        lines += [*title, *limit(blocks, room, "  and {} more: --all, or --conditions"), *tail]
    return _join([*lines, *([] if everything else ["sources and reasons: --all"])])


def render_disagreements(rows: Sequence[Disagreement], *, everything: bool) -> str:
    """Where mteb and the cards differ, one block a difference."""
    blocks = [_set_disagreement(row, everything=everything) for row in rows]
    head = ["where mteb's registry and the model's own documentation differ", LEGEND, ""]
    room = EVERYTHING if everything else LINES - len(head)
    return _join([*head, *limit(blocks, room, "and {} more differences: --all")])


def _set_disagreement(row: Disagreement, *, everything: bool) -> list[str]:
    models = ", ".join(row.models) if everything else _name_some(row.models)
    tasks = ", ".join(row.tasks) if everything else _name_some(row.tasks)
    told = [("documented", show_side(row.card)), ("mteb sends", show_side(row.mteb))]
    source = [("source", row.card_source + ("" if row.certain else " ?"))] if everything else []
    return [*wrap(f"{models}: {row.role} of {tasks}"), *flatten(set_columns([*told, *source]))]


def _name_some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _head(model: str) -> list[str]:
    return [*wrap(model), LEGEND, ""]


def _group_types(rows: Iterable[ConditionRow]) -> dict[str, list[ConditionRow]]:
    """Return the rows of task types that are sent the same, under the names of them all."""
    by_task: dict[str, list[ConditionRow]] = defaultdict(list)
    for row in rows:
        by_task[row.task].append(row)
    groups: dict[tuple[tuple[str, ...], ...], list[str]] = defaultdict(list)
    for task, own in by_task.items():
        groups[tuple((row.condition, *_tell(row)) for row in own)].append(task)
    return {", ".join(task.removeprefix("any ") for task in tasks): by_task[tasks[0]] for tasks in groups.values()}


def _shorten_types(title: str) -> str:
    """Return a word for all task types with, or without, queries and documents."""
    types = set(title.split(", "))
    words = {frozenset(SYMMETRIC_TASK_TYPES): "types without sides", ROLE_TASK_TYPES: "types with sides"}
    return words.get(frozenset(types), title)


def _cite(groups: Mapping[str, Sequence[ConditionRow]]) -> str:
    """Return the first source of what is documented, and how many there are besides."""
    rows = [row for own in groups.values() for row in own]
    sources = dict.fromkeys(_show_source(source) for row in rows for source in row.sources)
    return _name_some(tuple(sources)) if sources else "nothing that could be sent"


def _group_sent(rows: Iterable[ConditionRow]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        groups[show_sides(row.query, row.document, row.mixture)].append(row.condition)
    return groups


def _set_group(title: str, rows: Sequence[ConditionRow]) -> list[str]:
    lines = wrap(title)
    for row, block in zip(rows, set_columns([(row.condition, _tell(row)[0]) for row in rows]), strict=True):
        lines += [*block, *_set_sources(row)]
    return [*lines, ""]


def _set_sources(row: ConditionRow) -> list[str]:
    return flatten(wrap(f"from {source}", "    ") for source in _tell(row)[1:])


def _set_decisions(rows: Sequence[ConditionRow], *, everything: bool) -> list[list[str]]:
    blocks = set_columns([(row.condition, _tell(row)[0]) for row in rows])
    for row, block in zip(rows, blocks, strict=True):
        if row.query is not None:
            block += wrap("; ".join([row.rule, *row.notes]), "    ")
        if everything:
            block += _set_sources(row)
    return blocks


def _tell(row: ConditionRow) -> tuple[str, ...]:
    """Return the strings and their sources, or the reason for a skip.

    A stand-in for a whole task type is not named as if it were a task.
    """
    if row.query is None:
        reason = row.rule.replace(f"{row.task} ({row.task_type})", row.task_type).replace(row.task, row.task_type)
        return (f"skipped: {reason}",)
    return show_sides(row.query, row.document, row.mixture), *dict.fromkeys(map(_show_source, row.sources))


def _show_source(source: SideSource) -> str:
    return f"{source.layer}: {source.citation}{'' if source.certain else ' ?'}"


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
