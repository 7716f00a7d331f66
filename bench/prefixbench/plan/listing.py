"""What there is to name on a command line: models, tasks, presets and conditions."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from prefixbench.errors import UnknownNameError
from prefixbench.plan.tasks import TEXT_TASK_TYPES
from prefixbench.screen import LINES, flatten, limit, set_columns, wrap
from prefixbench.spec.conditions import ConditionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from prefixbench.spec.tasks import TaskFacts

CONDITION_NOTES = {
    ConditionKind.NONE: ("", "nothing, provably: the baseline of every contrast"),
    ConditionKind.CORRECT: ("", "the documented prefix for this task and role"),
    ConditionKind.WRONG: ("[:USE]", "another task's prefix of the same model"),
    ConditionKind.INSTRUCTION: ("", "a plain instruction, in the model's template if it has one"),
    ConditionKind.QUERY_ONLY: ("", "queries as documented, documents bare: a live index left alone"),
    ConditionKind.DOCUMENT_ONLY: ("", "documents as documented, queries bare"),
    ConditionKind.SWAPPED: ("", "the document's prefix on queries and the reverse"),
    ConditionKind.BOTH_QUERY: ("", "the query's prefix on both sides"),
    ConditionKind.BOTH_DOCUMENT: ("", "the document's prefix on both sides"),
    ConditionKind.MIXED: (":SHARE", "as documented, but that share of the documents bare"),
    ConditionKind.FOREIGN: ("[:FAMILY]", "another family's prefix: a copied snippet"),
    ConditionKind.PLACEBO: ("[:N]", "random tokens, as many as the documented prefix has, or N"),
    ConditionKind.SHUFFLED: ("", "the documented words in another order"),
    ConditionKind.PARAPHRASE: (":N", "the Nth rewording of the documented prefix"),
    ConditionKind.MANGLED: ("", "the documented prefix with its usual typos"),
    ConditionKind.MTEB: ("", "what mteb's registry applies"),
    ConditionKind.CROSS: ("[:USE]", "every prefix the model has, or the one for USE"),
    ConditionKind.CUSTOM: (":NAME", 'your own: --prefix NAME:query="…",document="…"'),
}
"""How each condition is written on, and what it sends."""

KNOWN_BENCHMARKS = ("MTEB(eng, v2)", "MTEB(Multilingual, v2)")

MODIFIERS = {
    "+adapter:NAME": "with that LoRA adapter forced on both sides; adapter:* for every one",
    "+pooling:include|exclude": "with the prefix's own tokens kept in the vector, or out of it",
}
"""What any condition may be crossed with."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What comes with the project itself.

    Attributes:
        models: Names and how each takes its task.
        tasks: Facts by name.
    """

    models: Sequence[str]
    tasks: Mapping[str, TaskFacts]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be named: how it takes its task, and who says so."""

    hidden: ClassVar = frozenset({"family"})

    name: str
    family: str
    mechanism: str
    known_from: str


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task that can be named."""

    hidden: ClassVar = frozenset({"known_from"})

    name: str
    task_type: str
    main_score: str
    languages: int
    known_from: str


@dataclass(frozen=True, slots=True)
class PresetEntry:
    """A sweep that comes with the project."""

    hidden: ClassVar = frozenset[str]()

    name: str
    models: int
    tasks: int
    conditions: int
    description: str


@dataclass(frozen=True, slots=True)
class ConditionEntry:
    """A condition, as it is written."""

    hidden: ClassVar = frozenset[str]()

    name: str
    sends: str


Entry = ModelEntry | TaskEntry | PresetEntry | ConditionEntry


def list_entries(kind: str, words: Sequence[str], embedded: Embedded) -> tuple[Entry, ...]:
    """Return everything of a kind that has all these words in its columns, letter case aside.

    Args:
        kind: ``models``, ``tasks``, ``presets`` or ``conditions``.
        words: Parts of a name, a family, a task type, a mechanism.
        embedded: What comes with the project.

    Raises:
        UnknownNameError: There is no such kind.
    """
    if kind not in LISTS:
        raise UnknownNameError("list", kind, LISTS, "prefixbench list")

    def matches(entry: Entry) -> bool:
        columns = " ".join(str(value) for value in asdict(entry).values()).casefold()
        return all(word.casefold() in columns for word in words)

    return tuple(entry for entry in LISTS[kind](embedded) if matches(entry))


def render_entries(kind: str, entries: Sequence[Entry], words: Sequence[str], *, everything: bool) -> str:
    """Return the entries as a table of at most a screen, or all of it; a long list without words as its outline."""
    if not entries:
        return f"no {kind} {'match ' + repr(' '.join(words)) if words else 'are known'}\n"
    if not words and not everything and len(entries) > LINES:
        known = [entry for entry in entries if isinstance(entry, ModelEntry | TaskEntry)]
        embedded = flatten(_set_entries([entry for entry in known if entry.known_from == "embedded"]))
        return _join([*embedded, "", *(_outline_models(known) if kind == "models" else _outline_tasks(known))])
    more = "and {} more: add a word to narrow the list, or --all"
    return _join(limit(_set_entries(entries), 10**9 if everything else LINES, more))


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _set_entries(entries: Sequence[Entry]) -> list[list[str]]:
    rows = [{name: value for name, value in asdict(entry).items() if name not in entry.hidden} for entry in entries]
    right = frozenset(i for i, value in enumerate(rows[0].values()) if isinstance(value, int))
    head = tuple(name.replace("_", " ") for name in rows[0])
    return set_columns([head, *(tuple(map(str, row.values())) for row in rows)], right=right, indent="")


def _outline_models(entries: Iterable[Entry]) -> list[str]:
    """How the models outside take their task, and the families whose makers' cards were read."""
    outside = [entry for entry in entries if isinstance(entry, ModelEntry) and entry.known_from != "embedded"]
    counts = Counter((entry.known_from, entry.mechanism) for entry in outside)
    kinds = [f"{n} {mechanism}" for (source, mechanism), n in counts.most_common() if source == "card"]
    others = [f"{n} {mechanism}" for (source, mechanism), n in counts.most_common() if source != "card"]
    families = sorted({entry.family for entry in outside if entry.family})
    return [
        *wrap(f"{_count(outside, 'card')} more with a card read at their makers': {', '.join(kinds)}"),
        *wrap(f"families: {', '.join(families)}", hang="  "),
        *wrap(f"{len(outside) - _count(outside, 'card')} more by name in mteb's registry: {', '.join(others)}"),
        *wrap("any other on a hub, in a folder or at an endpoint: --like NAME takes a known model's prefixes"),
        "",
        "next    prefixbench list models nomic     those of a family",
        "        prefixbench prefixes NAME         the strings that a model is sent",
        "        prefixbench list models --all",
    ]


def _outline_tasks(entries: Iterable[Entry]) -> list[str]:
    """How many tasks of each type mteb has, with the names that fit."""
    import mteb

    types: dict[str, list[str]] = {}
    for entry in entries:
        if isinstance(entry, TaskEntry) and entry.known_from != "embedded":
            types.setdefault(entry.task_type, []).append(entry.name)
    known = {task.metadata.name for name in KNOWN_BENCHMARKS for task in mteb.get_benchmark(name).tasks}
    rows = [("mteb's text tasks", "", "such as")]
    rows += [(name, str(len(names)), ", ".join(_pick(names, known))) for name, names in sorted(types.items())]
    return [
        *flatten(set_columns(rows, right=frozenset({1}), indent="")),
        "",
        "next    prefixbench list tasks sts          those of a type, or part of a name",
        '        prefixbench sweep --tasks NAME …    or a benchmark: "MTEB(eng, v2)"',
        "        prefixbench list tasks --all",
    ]


def _pick(names: Sequence[str], known: Collection[str]) -> list[str]:
    """Return two names, those of the best known benchmarks and short ones first."""
    return sorted(names, key=lambda name: (name not in known, len(name), name))[:2]


def _count(entries: Iterable[ModelEntry], source: str) -> int:
    return sum(entry.known_from == source for entry in entries)


def _list_models(embedded: Embedded) -> Iterable[ModelEntry]:
    """The embedded ones first, then those whose maker's card was read, then the rest of mteb's registry."""
    from prefixbench.prefixes.book import PrefixBook
    from prefixbench.prefixes.catalog import list_models

    rank = {"card": 0, "mteb": 1, None: 2}
    rows = sorted(list_models(PrefixBook.load()), key=lambda row: (row.name not in embedded.models, rank[row.layer]))
    for row in rows:
        known = "embedded" if row.name in embedded.models else row.layer or "mteb"
        yield ModelEntry(row.name, row.family or "", row.mechanism.value if row.mechanism else "unknown", known)


def _list_tasks(embedded: Embedded) -> Iterable[TaskEntry]:
    """The embedded ones, then mteb's, by type."""
    from mteb.get_tasks import _TASKS_REGISTRY

    for facts in embedded.tasks.values():
        yield TaskEntry(facts.name, facts.task_type, facts.main_score, max(1, len(facts.languages)), "embedded")
    known = [task.metadata for task in _TASKS_REGISTRY.values() if task.metadata.type in TEXT_TASK_TYPES]
    for metadata in sorted(known, key=lambda one: (one.type, one.name.casefold())):
        yield TaskEntry(metadata.name, metadata.type, metadata.main_score, len(metadata.languages), "mteb")


def _list_presets(_: Embedded) -> Iterable[PresetEntry]:
    from prefixbench.spec.load import Overrides, list_presets, load_sweep

    for name in list_presets():
        spec = load_sweep(None, name, Overrides())
        yield PresetEntry(name, len(spec.models), len(spec.tasks), len(spec.conditions), spec.description)


def _list_conditions(_: Embedded) -> Iterable[ConditionEntry]:
    for kind, (argument, sends) in CONDITION_NOTES.items():
        yield ConditionEntry(f"{kind.value}{argument}", sends)
    for name, sends in MODIFIERS.items():
        yield ConditionEntry(name, sends)


LISTS: dict[str, Callable[[Embedded], Iterable[Entry]]] = {
    "models": _list_models,
    "tasks": _list_tasks,
    "presets": _list_presets,
    "conditions": _list_conditions,
}
