"""What a resolution says: the strings, where each comes from, and which rule decided."""

from __future__ import annotations

from dataclasses import dataclass, field

from prefixbench.spec.conditions import Mechanism, Mixture, PrefixPair, Role, Side


@dataclass(frozen=True, slots=True)
class SideSource:
    """Where one side's string comes from: the layer, a citation a reader can follow, and whether it is certain."""

    layer: str
    citation: str
    certain: bool = True


NOTHING_SOURCE = SideSource("rule", "nothing is sent, by definition of the baseline")


@dataclass(frozen=True, slots=True)
class SourcedSide:
    """One side with its source.

    Attributes:
        side: All that is sent.
        source: Where that stands written.
        use: The name under which the model documents it (``query``, ``clustering``), ``nothing`` for a documented
            absence, or the name of the rule that made it.
        instruction: The sentence inside a template, where the side was made from one.
    """

    side: Side
    source: SideSource
    use: str
    instruction: str | None = None


@dataclass(frozen=True, slots=True)
class SourcedPair:
    """What both roles send; a task without roles holds the same side twice.

    Attributes:
        query: For queries, and for every text of a task without roles.
        document: For documents.
        rule: One sentence: what decided.
        notes: What a reader should know besides.
        mixture: The documents sent otherwise than the rest, if any.
    """

    query: SourcedSide
    document: SourcedSide
    rule: str
    notes: tuple[str, ...] = ()
    mixture: Mixture | None = None

    @classmethod
    def same(cls, side: SourcedSide, rule: str, notes: tuple[str, ...] = ()) -> SourcedPair:
        """The same side for every text."""
        return cls(side, side, rule, notes)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides without their sources, query first."""
        return (self.query.side, self.document.side)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Exactly what one model sends for one task under one condition.

    Attributes:
        pair: What each role sends.
        mechanism: How the model takes it.
        sources: Where the query's and the document's string come from.
        rule: One sentence: what decided.
        notes: What a reader should know besides, such as that ``correct`` equals ``none``.
    """

    pair: PrefixPair
    mechanism: Mechanism
    sources: tuple[SideSource, SideSource]
    rule: str
    notes: tuple[str, ...] = field(default=())


def resolution_of(pair: SourcedPair, mechanism: Mechanism) -> Resolution:
    """Split a sourced pair into what is sent and where it comes from."""
    return Resolution(
        pair=PrefixPair(pair.query.side, pair.document.side, Role.QUERY, pair.mixture),
        mechanism=mechanism,
        sources=(pair.query.source, pair.document.source),
        rule=pair.rule,
        notes=pair.notes,
    )
