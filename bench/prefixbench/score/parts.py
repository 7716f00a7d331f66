"""Texts of one role as mteb asks for them, and their vectors as a pair of prefixes has them sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.errors import ScoreError
from prefixbench.spec.conditions import Role
from prefixbench.vectors.mapped_texts import select_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from prefixbench.spec.conditions import PrefixPair, Side
    from prefixbench.vectors.embedder import Vectors

    EmbedSide = Callable[[Sequence[str], Side, Sequence[str] | None], Vectors]


@dataclass(frozen=True, slots=True)
class TextPart:
    """Texts of one role, in the order they are asked for, repeats included.

    Attributes:
        role: ``None`` in symmetric tasks.
        texts: As mteb joins them with titles and instructions.
        bodies: Documents without their titles, stripped, where the corpus has titles; shape of ``texts``.
        titles: The titles, ``""`` where a document has none; shape of ``texts``.
    """

    role: Role | None
    texts: Sequence[str]
    bodies: Sequence[str] | None = None
    titles: Sequence[str] | None = None

    def request(self, title_slot: bool) -> tuple[Sequence[str], Sequence[str] | None]:
        """Texts and titles as the embedder is asked for them by a side with or without a slot for titles."""
        if title_slot and self.bodies is not None and self.titles is not None:
            return self.bodies, self.titles
        return self.texts, None

    def select(self, rows: NDArray[np.int64]) -> TextPart:
        """The texts at these places alone."""
        bodies = None if self.bodies is None else select_texts(self.bodies, rows)
        titles = None if self.titles is None else select_texts(self.titles, rows)
        return replace(self, texts=select_texts(self.texts, rows), bodies=bodies, titles=titles)

    def split(self, pair: PrefixPair) -> dict[Side, NDArray[np.int64]]:
        """Places of the texts by the side they are sent with; one side for all, unless the pair holds a mixture."""
        if self.role is not Role.DOCUMENT or pair.mixture is None:
            return {pair.side_for(self.role): np.arange(len(self.texts))}
        is_mixed = np.fromiter(map(pair.mixture.holds, self.texts), np.bool_, len(self.texts))
        by_side = {pair.document: np.flatnonzero(~is_mixed), pair.mixture.document: np.flatnonzero(is_mixed)}
        if len(by_side) == 1:
            return {pair.document: np.arange(len(self.texts))}
        return {side: rows for side, rows in by_side.items() if len(rows)} or {pair.document: np.arange(0)}


def make_part(
    role: Role | None, texts: Iterable[str], bodies: Iterable[str] | None = None, titles: Iterable[str] | None = None
) -> TextPart:
    """Texts of one role; documents with their bodies and titles apart, where they have titles.

    Raises:
        ScoreError: A text is none, such as a null.
    """
    whole = tuple(texts)
    check_texts(whole, "text" if role is None else role.value)
    alone = None if bodies is None else tuple(body.strip() for body in bodies)
    return TextPart(role, whole, alone, None if titles is None else tuple(titles))


def check_texts(texts: Sequence[object], named: str, before: int = 0, total: int | None = None) -> None:
    """Refuse data that hold something else than texts, which mteb does not score either.

    Args:
        texts: Some of them.
        named: What they are.
        before: How many stand before them.
        total: How many there are, where these are not all.

    Raises:
        ScoreError: A text is none, such as a null; says which.
    """
    for place, text in enumerate(texts, before + 1):
        if not isinstance(text, str):
            raise ScoreError(
                f"{named} {place} of {total or len(texts)} is no text but {text!r}; mteb scores no such data."
            )


def embed_part(embed: EmbedSide, pair: PrefixPair, part: TextPart) -> Vectors:
    """The vector of each text, sent as the pair says; shape ``(n_texts, dim)``.

    Args:
        embed: Texts, the side they are sent with and their titles to vectors.
        pair: What each role sends; a mixture sends some documents otherwise than the rest.
        part: Texts of one role.
    """
    by_side = part.split(pair)
    if len(by_side) == 1:
        (side,) = by_side
        texts, titles = part.request(side.title_slot)
        return embed(texts, side, titles)
    vectors: Vectors | None = None
    for side, rows in by_side.items():
        texts, titles = part.select(rows).request(side.title_slot)
        some = embed(texts, side, titles)
        if vectors is None:
            vectors = np.empty((len(part.texts), some.shape[1]), dtype=np.float32)
        vectors[rows] = some
    assert vectors is not None
    return vectors
