"""What the rules may ask about a model's documented prefixes, whichever layer documents them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from prefixbench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from prefixbench.spec.conditions import Mechanism, Side
from prefixbench.spec.tasks import TaskFacts

_WORDS_OF_A_LABEL = 4


class Documentation(Protocol):
    """One model's documentation, from one layer."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def family(self) -> str | None:
        """The family of its card, if it has one."""

    @property
    def layer(self) -> str:
        """``card``, ``mteb`` or ``repository``."""

    @property
    def mechanism(self) -> Mechanism:
        """How the model takes its task."""

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``: how its strings are worded."""

    @property
    def adapters(self) -> Sequence[str]:
        """Adapters that can be switched on."""

    @property
    def borrowable(self) -> Sequence[str]:
        """Uses that send something, for ``wrong`` and ``cross``."""

    def nothing(self) -> SourcedSide:
        """What sending no prefix is.

        Raises:
            InexpressibleError: The interface demands a task.
        """

    def documented(self, task: TaskFacts) -> SourcedPair:
        """What the maker documents for this task.

        Raises:
            PrefixNotFoundError: Nothing is documented for it.
        """

    def borrowed(self, use: str, task: TaskFacts) -> SourcedPair:
        """The strings of another use, sent for this task.

        Raises:
            InexpressibleError: The model documents nothing for that use.
        """

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """A natural-language instruction, in the model's template where it has one."""


def plain_side(prefix: str, base: Side) -> Side:
    """A text prefix on top of what sending nothing is for this model."""
    return Side(prefix, base.adapter, base.api)


def spoken(names: Sequence[str]) -> str:
    """Names in a sentence: ``query, document and clustering``."""
    *first, last = names or ("",)
    return f"{', '.join(first)} and {last}" if first else last


def as_prefix(instruction: str) -> str:
    """An instruction as a prefix for a model without a template: a colon after a bare clause, then a space."""
    sentence = instruction.rstrip()
    return f"{sentence} " if sentence.endswith((".", ":", "?", "!", "。", "：")) else f"{sentence}: "


def is_sentence(prefix: str) -> bool:
    """Whether a prefix is worded as a sentence and not as a label such as ``search_query: ``."""
    return len(prefix.split()) > _WORDS_OF_A_LABEL
