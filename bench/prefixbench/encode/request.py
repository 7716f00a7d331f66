"""The distinct texts of one call to an embedder, and where their vectors are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prefixbench.vectors.keys import find_repeats, vector_keys
from prefixbench.vectors.mapped_texts import count_characters, take_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from prefixbench.spec.conditions import Side
    from prefixbench.vectors.embedder import Embedder, EmbedderIdentity, Inputs, Vectors


class Request:
    """Texts of which those that share a key are one; only some of them are ever taken out of where they are held.

    Attributes:
        side: What is sent with each.
        keys: Of the distinct texts, in order of first appearance, shape ``(n_distinct, KEY_BYTES)``.
    """

    def __init__(
        self, identity: EmbedderIdentity, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None
    ) -> None:
        self.side = side
        self.keys = vector_keys(identity, side, texts, titles)
        self._texts = texts
        self._titles = titles if side.title_slot else None
        # Mostly no text comes twice; then nothing is kept of where each stands.
        self._first: NDArray[np.int64] | None = None
        self._inverse: NDArray[np.int64] | None = None
        if (repeats := find_repeats(self.keys)) is not None:
            self._first, self._inverse = repeats
            self.keys = self.keys[self._first]

    def __len__(self) -> int:
        return len(self.keys)

    def texts(self, places: NDArray[np.int64]) -> list[str]:
        """Some of the distinct texts."""
        return take_texts(self._texts, places if self._first is None else self._first[places])

    def titles(self, places: NDArray[np.int64]) -> list[str] | None:
        """Their titles, where the side has a slot for them."""
        if self._titles is None:
            return None
        return take_texts(self._titles, places if self._first is None else self._first[places])

    def read(self, embedder: Embedder, places: NDArray[np.int64]) -> Inputs:
        """Some of the texts as the model is given them."""
        return embedder.read(self.texts(places), self.side, self.titles(places))

    def count_characters(self, places: NDArray[np.int64]) -> NDArray[np.int32]:
        """Characters of some of the distinct texts, without prefix and title; shape ``(n,)``."""
        return count_characters(self._texts, places if self._first is None else self._first[places])

    def expand(self, vectors: Vectors, dim: int) -> Vectors:
        """The vector of each text asked for, repeats included, in an array of the caller's own."""
        if self._inverse is not None:
            return vectors[self._inverse]
        return vectors.copy().reshape(len(self.keys), dim)
