"""The tokenizer of the model an endpoint is said to serve, to compare what it counts with what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class LocalTokenizer:
    """Counts tokens as the model's own tokenizer does, special tokens included, untruncated."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path | None) -> LocalTokenizer | None:
        """The tokenizer in a model's folder; ``None`` where there is none."""
        if folder is None or not (folder / "tokenizer.json").is_file():
            return None
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(folder / "tokenizer.json")))

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text."""
        return [tuple(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(row) for row in self._tokenizer.encode_batch_fast(list(texts))]
