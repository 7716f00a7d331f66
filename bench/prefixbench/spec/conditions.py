"""The vocabulary of a sweep: roles, mechanisms, what one side sends, and the conditions compared."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from prefixbench.errors import SpecError, describe_unknown_name


class Role(StrEnum):
    """The side of a text in an asymmetric task; the values are those of mteb's ``PromptType``."""

    QUERY = "query"
    DOCUMENT = "document"


class Mechanism(StrEnum):
    """How a model takes its task."""

    PREFIX = "prefix"
    TEMPLATE = "template"
    ADAPTER = "adapter"
    API = "api"
    NONE = "none"


class Pooling(StrEnum):
    """Whether the prefix's own tokens are averaged into the vector."""

    INCLUDE = "include"
    EXCLUDE = "exclude"


class ConditionKind(StrEnum):
    """The named rules that turn (model, task) into a pair of prefixes."""

    NONE = "none"
    CORRECT = "correct"
    WRONG = "wrong"
    INSTRUCTION = "instruction"
    QUERY_ONLY = "query-only"
    DOCUMENT_ONLY = "document-only"
    SWAPPED = "swapped"
    BOTH_QUERY = "both-query"
    BOTH_DOCUMENT = "both-document"
    MIXED = "mixed"
    FOREIGN = "foreign"
    PLACEBO = "placebo"
    SHUFFLED = "shuffled"
    PARAPHRASE = "paraphrase"
    MANGLED = "mangled"
    MTEB = "mteb"
    CROSS = "cross"
    CUSTOM = "custom"


ARGUMENT_OPTIONAL = frozenset({ConditionKind.WRONG, ConditionKind.FOREIGN, ConditionKind.CROSS, ConditionKind.PLACEBO})
ARGUMENT_REQUIRED = {
    ConditionKind.PARAPHRASE: "paraphrase:1",
    ConditionKind.CUSTOM: "custom:NAME",
    ConditionKind.MIXED: "mixed:0.5",
}
"""Conditions that mean nothing without an argument, each with an example."""

MAX_PLACEBO_TOKENS = 256
_MAX_LENGTH = 200


@dataclass(frozen=True, slots=True, order=True)
class Condition:
    """One rule, with what it names and what it is crossed with.

    Serialised as ``kind[:argument][+adapter:NAME][+pooling:include|exclude]``; ``adapter:NAME`` alone means ``none``
    crossed with that adapter. ``wrong:clustering`` names the use whose prefix is borrowed.

    Attributes:
        kind: The rule.
        argument: What the rule names: a use for ``wrong`` and ``cross``, a family for ``foreign``, a number for
            ``paraphrase``, of tokens for ``placebo``, the share of documents left bare for ``mixed``, a name for
            ``custom``.
        adapter: The LoRA adapter forced on both sides (``none`` switches all off); the model's own where absent.
        pooling: Forces the prefix's tokens into or out of the pooled vector; the model's own rule where absent.
    """

    kind: ConditionKind
    argument: str | None = None
    adapter: str | None = None
    pooling: Pooling | None = None

    @classmethod
    def parse(cls, text: str, place: str = "") -> Condition:
        """Read a condition as written in a spec or a flag.

        Raises:
            SpecError: The text names no condition, or an argument is missing, superfluous or malformed.
        """
        if len(text) > _MAX_LENGTH:
            raise SpecError(f"{place}: {text[:60]!r}… is too long for a condition.".removeprefix(": "))
        base, *modifiers = text.strip().split("+")
        if base.startswith("adapter:"):
            base, modifiers = ConditionKind.NONE.value, [base, *modifiers]
        name, _, argument = base.partition(":")
        where = f"{place}: " if place else ""
        if name not in ConditionKind.__members__.values():
            names = [kind.value for kind in ConditionKind] + ["adapter"]
            raise SpecError(describe_unknown_name("condition", name, names, place))
        condition = cls(ConditionKind(name), argument or None)
        for modifier in modifiers:
            key, _, value = modifier.partition(":")
            if key == "adapter" and value:
                condition = replace(condition, adapter=value)
            elif key == "pooling" and value in Pooling.__members__.values():
                condition = replace(condition, pooling=Pooling(value))
            else:
                raise SpecError(
                    f"{where}condition {text!r} has the modifier {modifier!r}; "
                    "valid are adapter:NAME, pooling:include and pooling:exclude."
                )
        return condition._check_argument(text, where)

    def _check_argument(self, text: str, where: str) -> Condition:
        """The condition with its number, where it has one, spelled in one way."""
        kind, argument = self.kind, self.argument
        if argument is None:
            if kind in ARGUMENT_REQUIRED:
                raise SpecError(f"{where}condition {text!r} needs an argument, as in {ARGUMENT_REQUIRED[kind]}.")
            return self
        if kind not in ARGUMENT_OPTIONAL | ARGUMENT_REQUIRED.keys():
            raise SpecError(f"{where}condition {text!r} takes no argument; write {kind.value!r}.")
        if kind is ConditionKind.PARAPHRASE:
            if not _is_whole(argument):
                raise SpecError(f"{where}condition {text!r} needs a number after the colon, as in paraphrase:1.")
            return replace(self, argument=str(int(argument)))
        if kind is ConditionKind.PLACEBO:
            if not _is_whole(argument) or not 1 <= int(argument) <= MAX_PLACEBO_TOKENS:
                raise SpecError(
                    f"{where}condition {text!r} needs a number of tokens from 1 to {MAX_PLACEBO_TOKENS} after the "
                    "colon, as in placebo:8."
                )
            return replace(self, argument=str(int(argument)))
        if kind is ConditionKind.MIXED:
            if not re.fullmatch(r"0?\.[0-9]*[1-9][0-9]*", argument):
                raise SpecError(
                    f"{where}condition {text!r} needs a share of the documents between 0 and 1 after the colon, "
                    "as in mixed:0.5."
                )
            return replace(self, argument=repr(float(argument)))
        return self

    def __str__(self) -> str:
        text = self.kind.value if self.argument is None else f"{self.kind.value}:{self.argument}"
        if self.adapter is not None:
            bare = self.kind is ConditionKind.NONE
            text = f"adapter:{self.adapter}" if bare else f"{text}+adapter:{self.adapter}"
        if self.pooling is not None:
            text = f"{text}+pooling:{self.pooling.value}"
        return text


def _is_whole(text: str) -> bool:
    return len(text) <= 9 and text.isascii() and text.isdigit()


BASELINE = Condition(ConditionKind.NONE)


@dataclass(frozen=True, slots=True)
class Side:
    """All that one role of one condition sends along with a text.

    Attributes:
        prefix: The string put before the text; ``""`` sends nothing, provably.
        adapter: The LoRA adapter switched on, ``None`` for a model without, ``"none"`` for all switched off.
        api: Parameters of the vendor's call (``{"task_type": "CLUSTERING"}``) as sorted pairs.
        title_slot: The prefix holds ``{title}``, filled by the document's own title, or ``none``; or a parameter is
            ``{title}``, which takes the title, and is left out where a text has none.
        pooling: Forces the prefix's tokens into or out of the pooled vector.
        route: For a model with separate networks for queries and documents: which of them takes the text. Set when
            a text is sent (``KnownModel.sent_side``), since only the loaded model knows.
    """

    prefix: str = ""
    adapter: str | None = None
    api: tuple[tuple[str, str], ...] = ()
    title_slot: bool = False
    pooling: Pooling | None = None
    route: Role | None = None

    def prefix_for(self, title: str | None = None) -> str:
        """The string put before a text; a ``title_slot`` takes the document's title, or ``none``."""
        return self.prefix.replace("{title}", title or "none") if self.title_slot else self.prefix

    def api_for(self, title: str | None = None) -> tuple[tuple[str, str], ...]:
        """The parameters sent with a text; one that is ``{title}`` takes the document's title, if it has one."""
        filled = ((name, title if value == "{title}" else value) for name, value in self.api)
        return tuple((name, value) for name, value in filled if value)


@dataclass(frozen=True, slots=True)
class Mixture:
    """The documents of an index that are sent otherwise than the rest, as when it was re-embedded in part.

    Attributes:
        share: Of the documents, between 0 and 1.
        document: What they are sent with.
        seed: Together with a document's text it decides whether the document is one of them.
    """

    share: float
    document: Side
    seed: int

    def holds(self, text: str) -> bool:
        """Whether the document with this text is one of them; so is, on average, the share of all texts."""
        digest = hashlib.blake2b(f"{self.seed}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < self.share * 2**64


@dataclass(frozen=True, slots=True)
class PrefixPair:
    """What both roles send.

    Attributes:
        query: For queries, and for symmetric tasks unless ``symmetric`` says otherwise.
        document: For documents.
        symmetric: Which member a task without roles (STS, clustering, classification) uses.
        mixture: The documents sent otherwise than with ``document``, if any.
    """

    query: Side = field(default_factory=Side)
    document: Side = field(default_factory=Side)
    symmetric: Role = Role.QUERY
    mixture: Mixture | None = None

    def side_for(self, role: Role | None) -> Side:
        """The side a text of this role is sent with; ``None`` is a symmetric task's text."""
        return self.document if (role or self.symmetric) is Role.DOCUMENT else self.query

    def document_side_of(self, text: str) -> Side:
        """The side one document is sent with; ``text`` is the whole of it, title included, whatever the side sends."""
        return self.mixture.document if self.mixture is not None and self.mixture.holds(text) else self.document
