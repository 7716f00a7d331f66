"""The contract between a model and the rest: distinct texts and one side in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from prefixbench.spec.conditions import Side

Vectors = NDArray[np.float32]
"""Shape ``(n_texts, dim)``, C-contiguous float32."""


@dataclass(frozen=True, slots=True)
class Tokenized:
    """What the tokenizer made of one text, special tokens included, before truncation."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Everything about an embedder that can change a vector, apart from side and text.

    Attributes:
        model: Its name.
        revision: The commit its files were loaded at.
        weights_digest: sha256 over its weight files.
        max_seq_length: Tokens read of prefix and text together; 0 for no limit.
        pooling: mean, cls, last token, and what follows it (normalisation, layer norm).
        dtype: Class of precision (``float32``, ``bfloat16``); engines that agree to 1e-9 share one class.
        engine: What computed it; recorded, not part of the key where the probe agreed.
    """

    model: str
    revision: str | None
    weights_digest: str
    max_seq_length: int
    pooling: str
    dtype: str
    engine: str


class Embedder(Protocol):
    """What gives texts their vectors."""

    @property
    def identity(self) -> EmbedderIdentity:
        """What its vectors depend on."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """Embed each text with exactly this side, in the order given.

        Args:
            texts: What follows the prefix.
            side: What is sent with each.
            titles: For a side with a ``title_slot``: the title of each text, ``""`` where it has none.

        Raises:
            AuditError: The text that reached the tokenizer is not prefix + text, or a vector is NaN or zero.
        """

    def tokenize(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> list[Tokenized]:
        """What the model's tokenizer receives and makes of each text, untruncated."""


class TellingEmbedder(Embedder, Protocol):
    """One that also says which texts are the same to it."""

    def input_digests(
        self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None
    ) -> list[bytes] | None:
        """A digest of what the model reads of each text, so that texts it cannot tell apart are known beforehand.

        Returns:
            One digest a text, or ``None`` for a model that prepares its texts out of sight.
        """
