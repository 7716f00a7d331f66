"""A model's vocabulary, for placebos: how many tokens a string takes, and random words of the same length."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from prefixbench.errors import ModelLoadError
from prefixbench.plain import first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_NAME = "tokenizer.json"
"""The file that holds a tokenizer whole, in a model's folder."""

_MIN_LETTERS = 3


class Vocabulary(Protocol):
    """A tokenizer's vocabulary."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, special tokens aside."""

    def draw_tokens(self, n: int, rng: np.random.Generator) -> str:
        """Random vocabulary words, meant to take ``n`` tokens; the caller counts again."""


class TokenizerVocabulary:
    """The vocabulary in a folder's ``tokenizer.json``, read without torch."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._words: tuple[str, ...] | None = None

    @classmethod
    def load(cls, folder: Path) -> TokenizerVocabulary:
        """Read ``tokenizer.json`` of a model's folder.

        Raises:
            ModelLoadError: There is none, or it is no tokenizer.
        """
        from tokenizers import Tokenizer

        path = folder / TOKENIZER_NAME
        if not path.is_file():
            raise ModelLoadError(f"{folder} has no tokenizer.json, which a placebo is drawn from")
        try:
            return cls(Tokenizer.from_file(str(path)))
        except Exception as error:  # the library raises nothing narrower
            raise ModelLoadError(f"{path} cannot be read as a tokenizer: {first_line(error)}.") from error

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, special tokens aside."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def draw_tokens(self, n: int, rng: np.random.Generator) -> str:
        """``n`` random whole words of the vocabulary, each a token of its own, joined by spaces."""
        words = self.words
        return " ".join(words[int(i)] for i in rng.integers(0, len(words), size=n))

    @property
    def words(self) -> tuple[str, ...]:
        """Vocabulary entries that are whole lower-case words, in an order fixed by the vocabulary alone."""
        if self._words is None:
            # A word that begins after a space is marked by Ġ (byte-level BPE) or ▁ (SentencePiece), and by nothing
            # at all in WordPiece, where ## marks the pieces that do not begin one.
            entries = sorted(self._tokenizer.get_vocab())
            marked = [entry[1:] for entry in entries if entry[:1] in {"Ġ", "▁"}]
            plain = [entry for entry in entries if not entry.startswith("##")]
            self._words = tuple(word for word in (marked or plain) if _is_word(word))
        return self._words


def _is_word(entry: str) -> bool:
    return len(entry) >= _MIN_LETTERS and entry.isascii() and entry.isalpha() and entry.islower()
