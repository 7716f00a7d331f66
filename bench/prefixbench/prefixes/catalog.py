"""What the book says, laid out for reading: all models, one model's table, and where mteb and the cards differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes.book import PrefixBook
from prefixbench.prefixes.registry_asker import registered_models
from prefixbench.prefixes.sources import Resolution, SideSource
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.prefixes.vocabulary import Vocabulary
from prefixbench.spec.conditions import Condition, Mechanism, Mixture, Side
from prefixbench.spec.sweep import CustomPrefix
from prefixbench.spec.tasks import TaskFacts

SHOWN_CONDITIONS = (
    "none",
    "correct",
    "wrong",
    "instruction",
    "query-only",
    "document-only",
    "swapped",
    "both-query",
    "both-document",
    "mixed:0.5",
    "foreign",
    "placebo",
    "shuffled",
    "mangled",
    "paraphrase:1",
    "paraphrase:2",
    "paraphrase:3",
    "paraphrase:4",
    "paraphrase:5",
    "mteb",
    "cross",
    "adapter:*",
)
"""Every condition there is, apart from one's own."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One known model.

    Attributes:
        name: Its name.
        family: Its card's family.
        mechanism: How it takes its task; ``None`` where no layer says.
        layer: ``card``, ``mteb`` or ``repository``.
        certain: Whether its maker's own words were read.
        note: What a reader should know, or why nothing is known.
    """

    name: str
    family: str | None
    mechanism: Mechanism | None
    layer: str | None
    certain: bool
    note: str


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """One condition of one model on one task.

    Attributes:
        task: The task, or the type where no task was named.
        task_type: mteb's type.
        condition: As written in a spec.
        query: What queries, or texts without a role, are sent with; ``None`` where it is skipped.
        document: What documents are sent with.
        sources: Where both strings come from.
        rule: What decided, or the reason it is skipped.
        notes: What a reader should know besides.
        mixture: The share of the documents that is sent otherwise, if any.
    """

    task: str
    task_type: str
    condition: str
    query: Side | None
    document: Side | None
    sources: tuple[SideSource, ...]
    rule: str
    notes: tuple[str, ...] = field(default=())
    mixture: Mixture | None = None


def list_models(book: PrefixBook) -> tuple[ModelRow, ...]:
    """Every model of the cards and of mteb's registry, by name."""
    return tuple(_model_row(book, name) for name in sorted({*book.cards, *registered_models()}, key=str.casefold))


def _model_row(book: PrefixBook, name: str) -> ModelRow:
    if entry := book.cards.get(name):
        card = entry.card
        return ModelRow(name, entry.family, card.mechanism, "card", card.certain, card.note)
    try:
        documentation = book.documentation(name)
    except PrefixNotFoundError as error:
        return ModelRow(name, None, None, None, certain=False, note=str(error.__cause__ or error))
    return ModelRow(name, None, documentation.mechanism, documentation.layer, certain=True, note="")


def tabulate_model(
    book: PrefixBook,
    model: str,
    tasks: Sequence[TaskFacts] = (),
    *,
    conditions: Sequence[str] = SHOWN_CONDITIONS,
    custom: Mapping[str, CustomPrefix] | None = None,
    vocabulary: Vocabulary | None = None,
) -> tuple[ConditionRow, ...]:
    """What a model sends, for the tasks named or for every task type.

    Raises:
        PrefixNotFoundError: No layer knows the model.
        SpecError: A condition does not exist.
    """
    asked = [Condition.parse(text) for text in conditions]
    rows: list[ConditionRow] = []
    for task in tasks or [facts_of_type(task_type) for task_type in TEXT_TASK_TYPES]:
        rows.extend(
            _condition_row(book, model, task, condition, custom or {}, vocabulary)
            for condition in book.expand(model, task, asked)
        )
    return tuple(rows)


def _condition_row(
    book: PrefixBook,
    model: str,
    task: TaskFacts,
    condition: Condition,
    custom: Mapping[str, CustomPrefix],
    vocabulary: Vocabulary | None,
) -> ConditionRow:
    try:
        found = book.resolve(model, task, condition, custom=custom, vocabulary=vocabulary)
    except (InexpressibleError, PrefixNotFoundError) as error:
        return ConditionRow(task.name, task.task_type, str(condition), None, None, (), str(error))
    return _resolved_row(task, condition, found)


def _resolved_row(task: TaskFacts, condition: Condition, found: Resolution) -> ConditionRow:
    return ConditionRow(
        task.name,
        task.task_type,
        str(condition),
        found.pair.query,
        found.pair.document if task.has_roles else None,
        found.sources if task.has_roles else found.sources[:1],
        found.rule,
        found.notes,
        found.pair.mixture if task.has_roles else None,
    )


def facts_of_type(task_type: str, prompt: str | None = None) -> TaskFacts:
    """A stand-in for every task of a type that has no name a card or registry knows."""
    return TaskFacts(name=f"any {task_type}", task_type=task_type, main_score="", prompt=prompt)


def as_json(rows: Iterable[object]) -> list[dict[str, object]]:
    """Rows as plain data; sides and sources as objects."""
    return [asdict(row) for row in rows]  # type: ignore[call-overload]
