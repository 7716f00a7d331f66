"""A model that no layer documents: what needs no documentation can be sent to it all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from prefixbench.errors import PrefixNotFoundError
from prefixbench.prefixes.documentation import as_prefix
from prefixbench.prefixes.sources import NOTHING_SOURCE, SideSource, SourcedPair, SourcedSide
from prefixbench.prefixes.uses import Use
from prefixbench.spec.conditions import Mechanism, Side
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class Undocumented:
    """An undocumented model, answering the rules' questions.

    Attributes:
        model: The name asked for.
        reason: What each layer said.
    """

    model: str
    reason: str
    family: None = None
    layer: str = "rule"
    wording: str = "label"
    mechanism: Mechanism = Mechanism.NONE
    adapters: tuple[str, ...] = ()
    borrowable: tuple[str, ...] = ()

    def nothing(self) -> SourcedSide:
        """Nothing, which is known of every model."""
        return SourcedSide(Side(), NOTHING_SOURCE, Use.NOTHING)

    def documented(self, task: TaskFacts) -> Never:
        """Refuse: an unknown prefix is never read as the empty one.

        Raises:
            PrefixNotFoundError: Always.
        """
        raise PrefixNotFoundError(self.reason)

    def borrowed(self, use: str, task: TaskFacts) -> Never:
        """Refuse, as ``documented`` does.

        Raises:
            PrefixNotFoundError: Always.
        """
        raise PrefixNotFoundError(self.reason)

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """Plain words before the query or the text."""
        side = SourcedSide(Side(as_prefix(instruction)), source, "instruction", instruction)
        document = self.nothing() if task.has_roles else side
        return SourcedPair(side, document, "plain words before the text; the model is not documented")
