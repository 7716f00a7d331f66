"""A model on this machine behind the ``Embedder`` protocol."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from prefixbench.encode.adapters import Adapters
from prefixbench.encode.batching import cut_batches
from prefixbench.encode.network import Network
from prefixbench.encode.proof import check_received
from prefixbench.errors import EncodeError
from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import EmbedderIdentity, Inputs, KnownModel, TokenRows, Vectors

PROVEN_TEXTS = 3
"""Texts of each side whose way to the tokenizer is checked against the model's own."""

GPU_QUEUE = 16
"""Batches a GPU may have queued before their vectors are fetched; fetching each would make it wait."""


class LocalEmbedder:
    """A model on this machine.

    Args:
        network: The loaded model.
        identity: What its vectors depend on.
        adapters: Its LoRA adapters.
        batch_tokens: Padded tokens a batch may hold; halved when memory runs out.
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
        self.batch_tokens = batch_tokens
        self.tokens_used = 0
        self._proven: set[Side] = set()
        self._prompt_lengths: dict[tuple[str, Side], int] = {}
        self.known = KnownModel(
            identity,
            self._measure_dim(),
            str(network.model.device),
            network.is_role_aware,
            notes,
            network.similarity,
        )

    @property
    def identity(self) -> EmbedderIdentity:
        """What its vectors depend on."""
        return self.known.identity

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Tokenise prefix and text once; the first texts of each side are proven. See ``Embedder.read``."""
        inputs = Inputs.of(texts, side, titles)
        if side not in self._proven and texts:
            with self.adapters.switched(side):
                check_received(self.network, inputs.texts[:PROVEN_TEXTS], inputs.prefixes[:PROVEN_TEXTS], side)
            self._proven.add(side)
        tokenizer = self.network.tokenizer_for(side)
        tokens = self._read_own(inputs) if tokenizer is None else tokenizer.encode(inputs.sent)
        return replace(inputs, tokens=replace(tokens, left_out=self._count_left_out(inputs, tokens.lengths)))

    def embed(self, inputs: Inputs) -> Vectors:
        """Embed what was read; see ``Embedder.embed``."""
        if inputs.tokens is None:
            inputs = self.read(inputs.texts, inputs.side)
        side, tokens = inputs.side, inputs.tokens
        assert tokens is not None
        vectors = np.empty((len(inputs.texts), self.known.dim), dtype=np.float32)
        groups = tokens.left_out
        if self.network.tokenizer_for(side) is None:
            # The model's own preparation takes one prefix for a whole batch.
            groups = np.unique(np.array(inputs.prefixes, dtype=object).astype(str), return_inverse=True)[1]
            groups = groups.astype(np.int64)
        with self.adapters.switched(side), self.network.pooled_as(side):
            waiting: list[tuple[NDArray[np.intp], torch.Tensor]] = []
            in_flight = GPU_QUEUE if self.network.model.device.type == "cuda" else 1
            for chosen in cut_batches(tokens.lengths, self.batch_tokens, groups):
                waiting.append((chosen, self._run(self._prepare(inputs, chosen), side, len(chosen))))
                if len(waiting) >= in_flight:
                    _collect(waiting, vectors)
            _collect(waiting, vectors)
        self.tokens_used += int(tokens.lengths.sum())
        return vectors

    def _measure_dim(self) -> int:
        side = Side()
        with self.adapters.switched(side):
            inputs = Inputs.of(["a"], side)
            self.network.prepare(inputs.texts, "", side)  # what the audit asks of the model is asked when it is loaded
            tokenizer = self.network.tokenizer_for(side)
            rows = self._read_own(inputs) if tokenizer is None else tokenizer.encode(inputs.sent)
            features = self._prepare(replace(inputs, tokens=rows), np.array([0]))
            return int(self.network.forward(features, side).shape[1])

    def _read_own(self, inputs: Inputs) -> TokenRows:
        """Token ids as a model that prepares its texts itself makes them, one text at a time."""
        rows = []
        for prefix, text in zip(inputs.prefixes, inputs.texts, strict=True):
            ids = self.network.prepare([text], prefix, inputs.side).get("input_ids")
            rows.append(ids.flatten().tolist() if isinstance(ids, torch.Tensor) else [])
        return TokenRows(rows, None, np.array([len(row) for row in rows], dtype=np.int64))

    def _count_left_out(self, inputs: Inputs, lengths: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Tokens pooling leaves out of each text (-1 where it makes no difference); ``None`` where it takes in all."""
        side = inputs.side
        if self.network.includes_prefix(side):
            return None
        for prefix in set(inputs.prefixes):
            if (prefix, side) not in self._prompt_lengths:
                length = self.network.prompt_length(prefix, side)
                self._prompt_lengths[prefix, side] = -1 if length is None else length
        counts = np.array([self._prompt_lengths[prefix, side] for prefix in inputs.prefixes], dtype=np.int64)
        # The last token stays the last, whatever is left out before it.
        return np.where(lengths > counts, -1, counts) if self.network.pools_last_token else counts

    def _prepare(self, inputs: Inputs, chosen: NDArray[np.intp]) -> dict[str, Any]:
        """The features of one batch."""
        tokenizer, rows = self.network.tokenizer_for(inputs.side), inputs.tokens
        if tokenizer is None or rows is None:
            return self.network.prepare([inputs.texts[i] for i in chosen], inputs.prefixes[chosen[0]], inputs.side)
        features: dict[str, Any] = dict(tokenizer.batch(rows, chosen))
        if self.network.model.device.type == "cuda":
            features = {name: tensor.pin_memory() for name, tensor in features.items()}
        features["modality"] = "text"
        if rows.left_out is not None and rows.left_out[chosen[0]] >= 0:
            features["prompt_length"] = int(rows.left_out[chosen[0]])
        return features

    def _run(self, features: dict[str, Any], side: Side, n_texts: int) -> torch.Tensor:
        """Vectors of one batch; where memory runs out, of its halves, and every later batch is cut smaller."""
        try:
            return self.network.forward(dict(features), side)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if n_texts == 1:
                n_tokens = int(features["input_ids"].numel()) if "input_ids" in features else 0
                raise EncodeError(
                    f"no memory on {self.known.device} to embed a single text of {n_tokens} tokens with "
                    f"{self.identity.model!r}; lower max_seq_length or choose another device."
                ) from error
        gc.collect()
        if self.network.model.device.type == "cuda":
            torch.cuda.empty_cache()
        self.batch_tokens = max(1, self.batch_tokens // 2)
        middle = n_texts // 2
        parts = (slice(0, middle), slice(middle, n_texts))
        return torch.cat([self._run(_slice(features, part), side, part.stop - part.start) for part in parts])


def _collect(waiting: list[tuple[NDArray[np.intp], torch.Tensor]], vectors: Vectors) -> None:
    """Fetch finished vectors into their places and empty the list."""
    for positions, computed in waiting:
        vectors[positions] = computed.cpu().numpy()
    waiting.clear()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out; the CPU's allocator raises a plain ``RuntimeError``."""
    named = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return named or "can't allocate memory" in str(error) or "out of memory" in str(error).lower()


def _slice(features: dict[str, Any], part: slice) -> dict[str, Any]:
    if "offsets" in features:
        starts = [*features["offsets"].tolist(), len(features["input_ids"])]
        first, end = starts[part.start], starts[part.stop]
        ids, offsets = features["input_ids"][first:end], features["offsets"][part] - first
        return {**features, "input_ids": ids, "offsets": offsets}
    return {
        name: value[part] if isinstance(value, torch.Tensor) and value.ndim else value
        for name, value in features.items()
    }
