"""The strings that a condition sends, named as sentence-transformers' and mteb's prompts are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prefixbench.report.sent import describe_extras
from prefixbench.report.sentences import name_type
from prefixbench.report.words import join_words, show_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prefixbench.report.effects import Reading
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult


@dataclass(frozen=True, slots=True)
class Prompt:
    """A string and what it is for.

    Attributes:
        key: Its name among sentence-transformers' ``prompts``: ``query``, ``document``, a task type or a task, with
            ``-query`` or ``-document`` where these differ from the rest; mteb looks them up by these names.
        prefix: The string itself; the slot of a document's title is filled with ``none``.
        shown: With visible white space.
        uses: The task types, or tasks, it is for, in words.
        source: Where it comes from.
        extras: What is sent besides: adapter, parameters, pooling; empty where nothing is.
    """

    key: str
    prefix: str
    shown: str
    uses: str
    source: str
    extras: str = ""

    @property
    def sent(self) -> tuple[str, str]:
        """What tells it from another."""
        return self.prefix, self.extras


@dataclass(frozen=True, slots=True)
class _Use:
    """One role's string on one task."""

    task: str
    task_type: str
    role: str
    prompt: Prompt


def list_documented(reading: Reading, evidence: Evidence) -> tuple[Prompt, ...]:
    """Every distinct string that ``correct`` sends, queries and documents first."""
    return list_prompts(reading, evidence, lambda _: "correct")


def list_prompts(reading: Reading, evidence: Evidence, choose: Callable[[str], str]) -> tuple[Prompt, ...]:
    """Every distinct string that is sent under the condition chosen for its task type, queries and documents first.

    Args:
        reading: The model.
        evidence: The runs.
        choose: From a task type to the name of a condition.
    """
    uses = [
        use
        for row in evidence.results_of(reading.members)
        if choose(row.task_type) in row.conditions
        for use in _list_uses(row)
    ]
    return _name_sides([use for use in uses if use.role != "text"]) + _name_texts(
        [use for use in uses if use.role == "text"]
    )


def _list_uses(row: CellResult) -> list[_Use]:
    roles = ("text",) if any(audit.role == "text" for audit in row.audit) else ("query", "document")
    return [_Use(row.task, row.task_type, role, _read_prompt(row, role)) for role in roles]


def _read_prompt(row: CellResult, role: str) -> Prompt:
    side_role = row.pair.symmetric.value if role == "text" else role
    side = row.pair.query if side_role == "query" else row.pair.document
    source = row.sources.get(side_role) or row.sources.get(role)
    audit = next((one for one in row.audit if one.role == role), None)
    return Prompt(
        key=role,
        prefix=side.prefix_for(),
        shown=show_prefix(side.prefix),
        uses="",
        source=f"{source.layer}: {source.citation}" if source else "",
        extras="" if audit is None else describe_extras(audit),
    )


def _name_sides(uses: Sequence[_Use]) -> tuple[Prompt, ...]:
    """``query`` and ``document`` for the pair that most tasks have, its task type or task before that for any other."""
    queries, documents = uses[::2], uses[1::2]
    pairs: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, (query, document) in enumerate(zip(queries, documents, strict=True)):
        pairs[(*query.prompt.sent, *document.prompt.sent)].append(number)
    order = sorted(pairs.values(), key=lambda own: (-len(own), queries[own[0]].task_type != "Retrieval"))
    prompts: list[Prompt] = []
    for own in order:
        pair = queries[own[0]].prompt, documents[own[0]].prompt
        if own is order[0]:
            prompts += [replace(one, uses=_join_types(queries[number] for number in own)) for one in pair]
            continue
        for name, label in _name_tasks([queries[number] for number in own], queries):
            differing = [one for one, usual in zip(pair, prompts[:2], strict=True) if one.sent != usual.sent]
            prompts += [replace(one, key=f"{name}-{one.key}", uses=label) for one in differing]
    return tuple(prompts)


def _name_texts(uses: Sequence[_Use]) -> tuple[Prompt, ...]:
    strings: dict[tuple[str, ...], list[_Use]] = defaultdict(list)
    for use in uses:
        strings[use.prompt.sent].append(use)
    named = [
        replace(own[0].prompt, key=name, uses=label)
        for own in strings.values()
        for name, label in _name_tasks(own, uses)
    ]
    return tuple(sorted(named, key=lambda one: one.key))


def _name_tasks(own: Sequence[_Use], uses: Sequence[_Use]) -> list[tuple[str, str]]:
    """A task type, where all its tasks are among the own ones, else each task; with its name in words."""
    others = {use.task_type for use in uses if use not in own}
    names = {
        (use.task_type, name_type(use.task_type)) if use.task_type not in others else (use.task, use.task): None
        for use in own
    }
    return list(names)


def _join_types(uses: Iterable[_Use]) -> str:
    return join_words([name_type(name) for name in dict.fromkeys(use.task_type for use in uses)])
