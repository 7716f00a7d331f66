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
    def load(cls, name: str, folder: Path | None) -> LocalTokenizer | None:
        """A model's tokenizer, fetched from the hub if need be; ``None`` where it cannot be had.

        Args:
            name: The model's hub name.
            folder: Its files, where they are on this machine.
        """
        path = _fetch(name) if folder is None else folder / "tokenizer.json"
        if path is None or not path.is_file():
            return None
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_file(str(path)))

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text."""
        return [tuple(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(row) for row in self._tokenizer.encode_batch_fast(list(texts))]


def _fetch(name: str) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(hf_hub_download(name, "tokenizer.json"))
    except (HfHubHTTPError, HFValidationError, OSError):
        return None
