"""The contract between a model and the rest: texts and one side in, vectors and proof of what was sent out.

An ``Embedder`` is the only thing that differs between a model on this machine and one behind an interface. It reads
texts (``read``: what is sent, and what the tokenizer makes of it) and embeds what was read (``embed``); all else, the
store, the audit, batches of a size that a kill may cost, is built on these two calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from prefixbench.plain import Name, Sentence
from prefixbench.spec.conditions import PrefixPair, Role, Side

Vectors = NDArray[np.float32]
"""Shape ``(n_texts, dim)``, C-contiguous float32."""

RoleName = Literal["query", "document", "text"]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Everything about an embedder that can change a vector, apart from side and text.

    Attributes:
        model: Its name.
        revision: The commit its files were loaded at.
        weights_digest: sha256 over the files it was loaded from; for a service, over what stands for them.
        max_seq_length: Tokens read of prefix and text together; 0 for no limit.
        pooling: mean, cls, last token, and what follows it (normalisation, layer norm).
        dtype: Class of arithmetic (``float32``, ``bfloat16-openvino``); engines that agree to 1e-9 share one class.
        engine: What computed it; recorded, not part of the key where the probe agreed.
        device: Class of device (``cpu``, ``cuda``, ``mps``, ``service``); ``""`` where an old row does not say.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    model: Name
    revision: str | None
    weights_digest: Sentence
    max_seq_length: int
    pooling: Sentence
    dtype: Sentence
    engine: Sentence
    device: Sentence = ""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """What a model turned out to be when it was loaded; all of it can be remembered.

    Attributes:
        identity: What its vectors depend on.
        dim: Length of a vector.
        device: Where it ran, as recorded with results (``cuda:0``).
        is_role_aware: Whether queries and documents take different ways through it, apart from any prefix.
        notes: What a reader of its results should know, such as why its engine was taken.
        similarity: The function its repository compares vectors by, as sentence-transformers spells it; ``None`` where
            it names none.
    """

    identity: EmbedderIdentity
    dim: int
    device: str
    is_role_aware: bool
    notes: tuple[str, ...] = ()
    similarity: str | None = None

    def sent_side(self, side: Side, role: Role | None) -> Side:
        """The side as this model is sent it: with the role, where that decides the way."""
        return replace(side, route=role) if self.is_role_aware else side

    def sent_pair(self, pair: PrefixPair, *, symmetric: bool = False) -> PrefixPair:
        """All sides as this model is sent them; texts of a symmetric task take the way of texts without a role."""
        query, document = (self.sent_side(pair.side_for(role), None if symmetric else role) for role in Role)
        mixture = pair.mixture and replace(pair.mixture, document=self.sent_side(pair.mixture.document, Role.DOCUMENT))
        return replace(pair, query=query, document=document, mixture=mixture)


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Tokenised texts.

    Attributes:
        ids: What the model reads of each text, truncated, special tokens included.
        type_ids: Segment ids beside them, where the model reads any.
        full_lengths: Tokens of each text before truncation, shape ``(n_texts,)``.
        left_out: Tokens of the prefix that pooling leaves out of each text (-1 where there is no prefix), shape
            ``(n_texts,)``; ``None`` where pooling leaves out nothing.
        cuts_left: Whether what is too long loses its beginning, where the prefix stands, instead of its end.
    """

    ids: list[list[int]]
    type_ids: list[list[int]] | None
    full_lengths: NDArray[np.int64]
    left_out: NDArray[np.int64] | None = None
    cuts_left: bool = False

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens the model reads of each text, shape ``(n_texts,)``."""
        return np.fromiter((len(row) for row in self.ids), dtype=np.int64, count=len(self.ids))

    def take(self, positions: Sequence[int]) -> TokenRows:
        """The rows of some texts."""
        chosen = np.asarray(positions, dtype=np.int64)
        return TokenRows(
            [self.ids[position] for position in positions],
            None if self.type_ids is None else [self.type_ids[position] for position in positions],
            self.full_lengths[chosen],
            None if self.left_out is None else self.left_out[chosen],
            self.cuts_left,
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Texts as they go to a model with one side, read by its tokenizer where there is one at hand.

    Attributes:
        side: What is sent with each.
        texts: What follows the prefix.
        prefixes: What stands before each text, a title slot filled.
        tokens: What the tokenizer made of prefix and text; ``None`` for a model that tokenises out of sight.
        titles: The title of each text, for a side with a slot for it.
    """

    side: Side
    texts: Sequence[str]
    prefixes: Sequence[str]
    tokens: TokenRows | None = None
    titles: Sequence[str] | None = None

    @classmethod
    def of(cls, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Put the side's prefix before each text, a title slot filled by the text's title, or ``none``."""
        if side.title_slot and titles is not None:
            return cls(side, texts, [side.prefix_for(title) for title in titles], titles=titles)
        return cls(side, texts, [side.prefix_for()] * len(texts))

    @property
    def parameters(self) -> list[tuple[tuple[str, str], ...]]:
        """What is sent beside each text to a vendor."""
        if self.titles is None:
            return [self.side.api_for()] * len(self.texts)
        return [self.side.api_for(title) for title in self.titles]

    @property
    def sent(self) -> list[str]:
        """Prefix and text as the one string a tokenizer is given."""
        return [prefix + text for prefix, text in zip(self.prefixes, self.texts, strict=True)]

    def take(self, positions: Sequence[int]) -> Inputs:
        """Some of the texts."""
        return Inputs(
            self.side,
            [self.texts[position] for position in positions],
            [self.prefixes[position] for position in positions],
            None if self.tokens is None else self.tokens.take(positions),
            None if self.titles is None else [self.titles[position] for position in positions],
        )


class Embedder(Protocol):
    """What gives texts their vectors."""

    @property
    def known(self) -> KnownModel:
        """What the model is, and what its vectors depend on."""

    @property
    def tokens_used(self) -> int:
        """Tokens that went through the model so far, as its vendor counts them where there is one."""

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Make what the model is given of each text, in the order given; may run beside ``embed`` in another thread.

        Args:
            texts: What follows the prefix.
            side: What is sent with each.
            titles: For a side with a ``title_slot``: the title of each text, ``""`` where it has none.

        Raises:
            AuditError: What would reach the tokenizer is not prefix + text.
        """

    def embed(self, inputs: Inputs) -> Vectors:
        """Embed what was read, in its order, shape ``(n_texts, dim)``. Whether numbers are finite is for the caller.

        Raises:
            EncodeError: The forward pass, or the service, failed.
            InexpressibleError: The model has no such adapter or pooling.
        """


Arrival = tuple[NDArray[np.intp], Vectors]
"""Places of some texts, shape ``(n,)``, and their vectors, shape ``(n, dim)``."""

Arrive = Callable[[Inputs], Iterator[Arrival]]


def find_arrive(embedder: Embedder) -> Arrive | None:
    """The method ``arrive`` of an embedder that hands on vectors one request at a time, each to be stored at once.

    Such an embedder is paid for what it computes, and proves by itself that a prefix or parameter moves its vectors.
    """
    arrive: Arrive | None = getattr(embedder, "arrive", None)
    return arrive


@dataclass(frozen=True, slots=True)
class TextSample:
    """One text exactly as the tokenizer received it, with the ids the model reads of it.

    Attributes:
        text: Prefix and text.
        token_ids: ``()`` where the model tokenises out of sight.
        title: What was sent beside it as its title, where that is a parameter.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    text: str
    token_ids: tuple[int, ...]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class RoleAudit:
    """Proof of what one role sent. Counts of tokens are ``None`` where the model tokenises out of sight.

    Attributes:
        role: ``query``, ``document`` or ``text`` for symmetric tasks.
        prefix: The string put before each text, a title slot left open.
        prefix_tokens: Tokens the prefix takes, special tokens not counted; its mean, rounded, where titles differ.
        n_texts: Distinct texts sent.
        n_truncated: Texts longer than the model reads, prefix included.
        n_truncated_without_prefix: Those of them that would have been too long anyway.
        tokens_pushed_out: Tokens of text that the prefix pushed past the end, over all texts.
        n_tokens: Tokens the model read, over all texts, special tokens included.
        prefix_in_pooling: Whether the prefix's own tokens are averaged into the vector.
        adapter: The adapter switched on.
        api: Parameters sent to a vendor.
        samples: The first three texts.
        n_zero_vectors: Texts that got a vector of zeros, as empty ones do from some models.
        n_prefix_cut: Texts whose prefix, or part of it, was cut away by truncation.
        tokens_sha256: Over all that the model reads of all texts in order: token ids, tokens left out of pooling,
            adapter, parameters and route. Two sides with one digest are the same to the model.
        notes: What a service made of these texts, where its own count of tokens tells: cut, or added to.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    role: RoleName
    prefix: str
    prefix_tokens: int | None
    n_texts: int
    n_truncated: int | None
    n_truncated_without_prefix: int | None
    tokens_pushed_out: int | None
    n_tokens: int | None
    prefix_in_pooling: bool = True
    adapter: Name | None = None
    api: dict[str, str] = field(default_factory=dict)
    samples: tuple[TextSample, ...] = ()
    n_zero_vectors: int = 0
    n_prefix_cut: int = 0
    tokens_sha256: str | None = None
    notes: tuple[Sentence, ...] = ()
