"""What a condition's rule may look at, and the questions that several rules share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prefixbench.errors import InexpressibleError
from prefixbench.prefixes.documentation import Documentation
from prefixbench.prefixes.sources import SourcedPair, SourcedSide
from prefixbench.prefixes.vocabulary import Vocabulary
from prefixbench.prefixes.wordings import Wordings
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import CustomPrefix
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule may look at.

    Attributes:
        documentation: The model's own.
        task: The task.
        condition: The condition, with its argument.
        wordings: Sentences written by hand.
        custom: The user's own prefixes by name.
        vocabulary: The model's tokenizer, where its files are at hand.
        seed: The run's seed.
        foreign: Finds another family's documentation by its name.
        registry: Finds what mteb's registry says of this model.
    """

    documentation: Documentation
    task: TaskFacts
    condition: Condition
    wordings: Wordings
    custom: Mapping[str, CustomPrefix]
    vocabulary: Vocabulary | None
    seed: int
    foreign: Callable[[str], Documentation]
    registry: Callable[[], Documentation]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.documentation.model


Rule = Callable[[RuleContext], SourcedPair]


def documented_pair(context: RuleContext) -> SourcedPair:
    """What is documented, for rules that need the model to document something.

    Raises:
        InexpressibleError: The model documents no prefix at all.
    """
    documented = context.documentation.documented(context.task)
    if not context.documentation.borrowable:
        raise InexpressibleError(
            f"{context.model} documents no prefix, so {context.condition} has nothing to start from"
        )
    return documented


def documented_text(context: RuleContext) -> SourcedPair:
    """What is documented, for rules that rewrite a text.

    Raises:
        InexpressibleError: The model documents no text for this task.
    """
    correct = documented_pair(context)
    if not any(side.prefix for side in correct.sides):
        raise InexpressibleError(
            f"{context.model} documents no text for {context.task.task_type}, "
            f"so {context.condition} has none to rewrite"
        )
    return correct


def documented_roles(context: RuleContext) -> SourcedPair:
    """What is documented, for rules about the difference between queries and documents.

    Raises:
        InexpressibleError: The model documents no prefix, or the task's texts have no roles.
    """
    correct = documented_pair(context)
    if not context.task.has_roles:
        raise InexpressibleError(
            f"the texts of {context.task.name} ({context.task.task_type}) have no roles, so {context.condition} "
            "has no sides to tell apart"
        )
    return correct


def base_pair(context: RuleContext) -> SourcedPair:
    """What plain text is put on top of: nothing, or for an interface that demands a task, the documented ones."""
    try:
        return SourcedPair.same(context.documentation.nothing(), "nothing")
    except InexpressibleError:
        return context.documentation.documented(context.task)


def map_sides(pair: SourcedPair, change: Callable[[SourcedSide], SourcedSide], rule: str) -> SourcedPair:
    """Change both sides; where they are one and the same, once."""
    query = change(pair.query)
    document = query if pair.document is pair.query else change(pair.document)
    return SourcedPair(query, document, rule)
