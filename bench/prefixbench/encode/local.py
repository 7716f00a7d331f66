"""A model on this machine behind the ``Embedder`` protocol."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from prefixbench.encode.adapters import Adapters
from prefixbench.encode.network import Network
from prefixbench.encode.proof import check_received
from prefixbench.encode.stream import WINDOW_TEXTS, Batch, Budget, stream_batches, stream_own_batches
from prefixbench.errors import AuditError, EncodeError
from prefixbench.spec.conditions import Role, Side
from prefixbench.vectors.embedder import EmbedderIdentity, Tokenized, Vectors
from prefixbench.vectors.keys import digest_tokens

PROVEN_TEXTS = 3
"""Texts of each side whose way to the tokenizer is checked against the model's own."""


class LocalEmbedder:
    """A model on this machine.

    Args:
        network: The loaded model.
        identity: What its vectors depend on.
        adapters: Its LoRA adapters.
        batch_tokens: Padded tokens a batch may hold.
        notes: Deviations worth a reader's notice, such as an engine that was passed over.
    """

    def __init__(
        self,
        network: Network,
        identity: EmbedderIdentity,
        adapters: Adapters,
        batch_tokens: int,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.network = network
        self.adapters = adapters
        self.budget = Budget(batch_tokens)
        self.notes = notes
        self._identity = identity
        self._proven: set[Side] = set()
        self._prompt_lengths: dict[tuple[str, Side], int] = {}
        self._dim: int | None = None

    @property
    def identity(self) -> EmbedderIdentity:
        """What its vectors depend on."""
        return self._identity

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.network.model.device)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        if self._dim is None:
            with self.adapters.switched(Side()):
                self._dim = int(self._run(next(self._batches(["a"], [""], Side())), Side()).shape[1])
        return self._dim

    def routed_side(self, side: Side, role: Role | None) -> Side:
        """The side as this model must be sent it: with the role, where queries and documents take different ways."""
        return replace(side, route=role) if self.network.is_role_aware else side

    def includes_prefix(self, side: Side) -> bool:
        """Whether the prefix's own tokens are averaged into the vector."""
        return self.network.includes_prefix(side)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """Embed each text with exactly this side, in the order given; see ``Embedder.embed``."""
        texts = list(texts)
        prefixes = expand_prefixes(texts, side, titles)
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        with self.adapters.switched(side), self.network.pooled_as(side):
            if side not in self._proven and texts:
                check_received(self.network, texts[:PROVEN_TEXTS], prefixes[:PROVEN_TEXTS], side)
                self._proven.add(side)
            waiting: list[tuple[Batch, torch.Tensor]] = []
            for batch in self._batches(texts, prefixes, side):
                waiting.append((batch, self._run(batch, side)))
                if len(waiting) >= self._in_flight:
                    _collect(waiting, vectors)
            _collect(waiting, vectors)
        _check_vectors(vectors, texts)
        return vectors

    def tokenize(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> list[Tokenized]:
        """What the model's tokenizer receives and makes of each text, untruncated."""
        prefixes = expand_prefixes(texts, side, titles)
        whole = join_prefixes(prefixes, texts)
        tokenizer = self.network.tokenizer_for(side)
        if tokenizer is not None:
            return [Tokenized(text, ids) for text, ids in zip(whole, tokenizer.encode_whole(whole), strict=True)]
        return [
            Tokenized(prefix + text, _read_ids(self.network.prepare([text], prefix, side)))
            for prefix, text in zip(prefixes, texts, strict=True)
        ]

    def input_digests(
        self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None
    ) -> list[bytes] | None:
        """Digests of prefix and truncated token ids; see ``TellingEmbedder.input_digests``."""
        tokenizer = self.network.tokenizer_for(side)
        if tokenizer is None:
            return None
        digests: list[bytes] = []
        prefixes = expand_prefixes(texts, side, titles)
        for start in range(0, len(texts), WINDOW_TEXTS):
            window = slice(start, start + WINDOW_TEXTS)
            whole = join_prefixes(prefixes[window], texts[window])
            digests += map(digest_tokens, prefixes[window], tokenizer.encode(whole).ids)
        return digests

    def _batches(self, texts: Sequence[str], prefixes: Sequence[str], side: Side) -> Iterator[Batch]:
        tokenizer = self.network.tokenizer_for(side)
        if tokenizer is None:
            return stream_own_batches(
                lambda chosen, prefix: self.network.prepare(chosen, prefix, side), texts, prefixes, self.budget
            )
        whole = join_prefixes(prefixes, texts)
        pinned = self.network.model.device.type == "cuda"
        return stream_batches(tokenizer, whole, self._left_out(prefixes, side), self.budget, pinned=pinned)

    def _left_out(self, prefixes: Sequence[str], side: Side) -> NDArray[np.int64] | None:
        """Tokens pooling leaves out of each text (-1 without prefix); ``None`` where it leaves out nothing."""
        if self.includes_prefix(side):
            return None
        for prefix in set(prefixes):
            if (prefix, side) not in self._prompt_lengths:
                length = self.network.prompt_length(prefix, side)
                self._prompt_lengths[prefix, side] = -1 if length is None else length
        return np.array([self._prompt_lengths[prefix, side] for prefix in prefixes], dtype=np.int64)

    @property
    def _in_flight(self) -> int:
        """Batches a GPU may have queued before their vectors are fetched; fetching each would make it wait."""
        return 16 if self.network.model.device.type == "cuda" else 1

    def _run(self, batch: Batch, side: Side) -> torch.Tensor:
        """Vectors of one batch; where memory runs out, of its halves, and every later batch is cut smaller."""
        try:
            return self.network.forward(dict(batch.features), side)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            n_texts = len(batch.positions)
            if n_texts == 1:
                raise EncodeError(
                    f"no memory on {self.device} to embed a single text of {int(batch.lengths[0])} tokens with "
                    f"{self.identity.model!r}; lower max_seq_length or choose another device."
                ) from error
        gc.collect()
        if self.network.model.device.type == "cuda":
            torch.cuda.empty_cache()
        self.budget.halve()
        middle = n_texts // 2
        halves = (_slice(batch, slice(0, middle)), _slice(batch, slice(middle, n_texts)))
        return torch.cat([self._run(half, side) for half in halves])


def expand_prefixes(texts: Sequence[str], side: Side, titles: Sequence[str] | None) -> list[str]:
    """The prefix of each text, a title slot filled from its title."""
    if not side.title_slot or titles is None:
        return [side.prefix_for()] * len(texts)
    return [side.prefix_for(title) for title in titles]


def join_prefixes(prefixes: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Prefix and text as the one string a tokenizer is given."""
    return [prefix + text for prefix, text in zip(prefixes, texts, strict=True)]


def _collect(waiting: list[tuple[Batch, torch.Tensor]], vectors: Vectors) -> None:
    """Fetch finished vectors into their places and empty the list."""
    for batch, computed in waiting:
        vectors[batch.positions] = computed.cpu().numpy()
    waiting.clear()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; the CPU's allocator raises a plain ``RuntimeError``."""
    named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return named or "can't allocate memory" in str(error) or "out of memory" in str(error).lower()


def _slice(batch: Batch, part: slice) -> Batch:
    features = {
        name: value[part] if isinstance(value, torch.Tensor) and value.ndim else value
        for name, value in batch.features.items()
    }
    return Batch(batch.positions[part], features, batch.lengths[part])


def _read_ids(features: dict[str, Any]) -> tuple[int, ...]:
    ids = features.get("input_ids")
    return tuple(ids.flatten().tolist()) if isinstance(ids, torch.Tensor) else ()


def _check_vectors(vectors: Vectors, texts: Sequence[str]) -> None:
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    bad = np.flatnonzero(~(squares > 0) | ~np.isfinite(squares))
    if len(bad):
        index = int(bad[0])
        kind = "zero" if squares[index] == 0 else "NaN or infinite"
        raise AuditError(f"the model gave a {kind} vector for text {index} of {len(texts)}: {texts[index][:80]!r}.")
