"""Tokenisation on the tokenizer's native core: exact strings in, token ids and untruncated counts out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from prefixbench.vectors.embedder import TokenRows

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

UNLIMITED = 1_000_000
"""Tokenizers without a limit report a number above this."""


class TextReader(Protocol):
    """Texts to token ids, and token ids to the tensors a network takes."""

    max_length: int | None
    reads_types: bool

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise each text exactly as given."""

    def batch(self, rows: TokenRows, positions: NDArray[np.intp]) -> dict[str, torch.Tensor]:
        """The tensors of some texts, under the names the network takes."""


class NativeTokenizer:
    """A private copy of a transformer's tokenizer core, without padding; calls release the interpreter lock.

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
        side = tokenizer.truncation_side
        self._cuts_left = side == "left"
        if self.max_length is not None:
            self._cut.enable_truncation(self.max_length, stride=0, strategy="longest_first", direction=side)
        self.reads_types = "token_type_ids" in tokenizer.model_input_names
        self._pad_id = tokenizer.pad_token_id or 0
        self._pad_type = tokenizer.pad_token_type_id
        self._pads_left = tokenizer.padding_side == "left"

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise each text exactly as given; only those that are too long are read a second time, to be cut."""
        whole = self._whole.encode_batch_fast(list(texts))
        full_lengths = np.fromiter((len(row) for row in whole), dtype=np.int64, count=len(whole))
        if self.max_length is not None:
            long = np.flatnonzero(full_lengths > self.max_length)
            cut = self._cut.encode_batch_fast([texts[int(position)] for position in long])
            for position, row in zip(long, cut, strict=True):
                whole[int(position)] = row
        types = [row.type_ids for row in whole] if self.reads_types else None
        return TokenRows([row.ids for row in whole], types, full_lengths, cuts_left=self._cuts_left)

    def batch(self, rows: TokenRows, positions: NDArray[np.intp]) -> dict[str, torch.Tensor]:
        """One padded batch, each tensor of shape ``(n_texts, longest)``."""
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
        return _to_tensors(batch if rows.type_ids is None else {**batch, "token_type_ids": types})


class StaticTokenizer:
    """The tokenizer of a model that averages word vectors: no special tokens, no padding, texts end to end."""

    reads_types = False

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        truncation: dict[str, Any] | None = tokenizer.truncation
        self.max_length = int(truncation["max_length"]) if truncation else None

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """Tokenise each text exactly as given; what its own file says of truncation holds."""
        rows = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        full = [len(row) + sum(len(rest) for rest in row.overflowing) for row in rows]
        return TokenRows([row.ids for row in rows], None, np.array(full, dtype=np.int64))

    def batch(self, rows: TokenRows, positions: NDArray[np.intp]) -> dict[str, torch.Tensor]:
        """All ids in one row, and where each text begins."""
        chosen = [rows.ids[i] for i in positions]
        starts = np.cumsum([0, *(len(ids) for ids in chosen[:-1])])
        flat = np.fromiter(itertools.chain.from_iterable(chosen), dtype=np.int64)
        return _to_tensors({"input_ids": flat, "offsets": starts.astype(np.int64)})


def _to_tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}
