"""Tokenisation on the tokenizer's native core: exact strings in, token ids and untruncated counts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNLIMITED = 1_000_000
"""Tokenizers without a limit report a number above this."""


@dataclass(frozen=True, slots=True)
class TokenRows:
    """Tokenised texts.

    Attributes:
        ids: What the model reads of each text, truncated, special tokens included.
        type_ids: Segment ids beside them, where the model reads any.
        full_lengths: Tokens of each text before truncation, shape ``(n_texts,)``.
    """

    ids: list[list[int]]
    type_ids: list[list[int]] | None
    full_lengths: NDArray[np.int64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens the model reads of each text, shape ``(n_texts,)``."""
        return np.fromiter((len(row) for row in self.ids), dtype=np.int64, count=len(self.ids))


class NativeTokenizer:
    """A private copy of a model's tokenizer core, without padding; calls release the interpreter lock.

    Args:
        tokenizer: The model's own tokenizer; it is copied, never changed.
        max_length: Tokens kept of a text, special tokens included; ``None`` keeps all.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, max_length: int | None) -> None:
        from tokenizers import Tokenizer

        text = tokenizer.backend_tokenizer.to_str()  # type: ignore[union-attr, unused-ignore]
        self._whole = Tokenizer.from_str(text)
        self._cut = Tokenizer.from_str(text)
        for core in (self._whole, self._cut):
            core.no_padding()
            core.no_truncation()
            core.encode_special_tokens = bool(getattr(tokenizer, "split_special_tokens", False))
        self.max_length = max_length if max_length is not None and max_length < UNLIMITED else None
        if self.max_length is not None:
            side = tokenizer.truncation_side
            self._cut.enable_truncation(self.max_length, stride=0, strategy="longest_first", direction=side)
        self.reads_types = "token_type_ids" in tokenizer.model_input_names
        self._pad_id = tokenizer.pad_token_id or 0
        self._pad_type = tokenizer.pad_token_type_id
        self._pads_left = tokenizer.padding_side == "left"

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise each text exactly as given."""
        whole = self._whole.encode_batch_fast(list(texts))
        full_lengths = np.fromiter((len(row) for row in whole), dtype=np.int64, count=len(whole))
        if self.max_length is not None:
            long = np.flatnonzero(full_lengths > self.max_length)
            cut = self._cut.encode_batch_fast([texts[int(position)] for position in long])
            for position, row in zip(long, cut, strict=True):
                whole[int(position)] = row
        types = [row.type_ids for row in whole] if self.reads_types else None
        return TokenRows([row.ids for row in whole], types, full_lengths)

    def encode_whole(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of each text before truncation, special tokens included."""
        return [tuple(row.ids) for row in self._whole.encode_batch_fast(list(texts))]

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens of each text before truncation, special tokens included, shape ``(n_texts,)``."""
        rows = self._whole.encode_batch_fast(list(texts))
        return np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))

    def pad(self, rows: TokenRows, positions: NDArray[np.intp]) -> dict[str, NDArray[Any]]:
        """One batch as arrays of shape ``(n_texts, longest)``, under the names the model's forward takes."""
        width = max(1, *(len(rows.ids[i]) for i in positions))
        shape = (len(positions), width)
        ids = np.full(shape, self._pad_id, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        types = np.full(shape, self._pad_type, dtype=np.int64)
        for row, position in enumerate(positions):
            tokens = rows.ids[position]
            span = slice(width - len(tokens), width) if self._pads_left else slice(0, len(tokens))
            ids[row, span] = tokens
            mask[row, span] = 1
            if rows.type_ids is not None:
                types[row, span] = rows.type_ids[position]
        batch = {"input_ids": ids, "attention_mask": mask}
        return batch if rows.type_ids is None else {**batch, "token_type_ids": types}
