"""Texts to prepared batches, tokenised ahead of the forward pass by a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from prefixbench.encode.batching import PaddingCount, cut_batches
from prefixbench.encode.tokens import NativeTokenizer, TokenRows

WINDOW_TEXTS = 4096
"""Texts tokenised at once; their ids are all that is held in memory ahead of the forward pass."""

CHARACTERS_PER_TOKEN = 4
"""Only for models that prepare texts themselves, whose token counts are not known beforehand."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """One prepared batch.

    Attributes:
        positions: Where its vectors go, shape ``(n_texts,)``.
        features: The model's inputs.
        lengths: Tokens of each text, shape ``(n_texts,)``.
    """

    positions: NDArray[np.intp]
    features: dict[str, Any]
    lengths: NDArray[np.int64]


@dataclass(slots=True)
class Budget:
    """Padded tokens a batch may hold; halved when memory runs out, and what was computed so far."""

    tokens: int
    padding: PaddingCount = field(default_factory=PaddingCount)

    def halve(self) -> None:
        """Answer to a forward pass that found no memory."""
        self.tokens = max(1, self.tokens // 2)


def sort_by_length(texts: Sequence[str]) -> NDArray[np.intp]:
    """Positions from the longest text to the shortest, by characters."""
    return np.argsort([-len(text) for text in texts], kind="stable")


def work_ahead(make: Callable[[T], Any], jobs: Sequence[T]) -> Iterator[tuple[T, Any]]:
    """Each job with its result, the next one being made by a thread while the caller works on this one."""
    if not jobs:
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenise") as pool:
        waiting = pool.submit(make, jobs[0])
        for job, following in zip(jobs, [*jobs[1:], None], strict=True):
            done = waiting
            if following is not None:
                waiting = pool.submit(make, following)
            yield job, done.result()


def stream_batches(
    tokenizer: NativeTokenizer,
    texts: Sequence[str],
    prompt_lengths: NDArray[np.int64] | None,
    budget: Budget,
    *,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Batches of all texts, longest first.

    Args:
        tokenizer: Of the model.
        texts: Prefix and text as one string each.
        prompt_lengths: Tokens pooling leaves out of each text, shape ``(n_texts,)``; texts of different numbers never
            share a batch. ``None`` where pooling leaves nothing out.
        budget: Read anew for every window, since it may have been halved.
        pinned: Whether tensors are made ready for asynchronous copies to a GPU.
    """
    order = sort_by_length(texts)
    windows = [order[start : start + WINDOW_TEXTS] for start in range(0, len(order), WINDOW_TEXTS)]

    def tokenise(window: NDArray[np.intp]) -> TokenRows:
        return tokenizer.encode([texts[position] for position in window])

    for window, rows in work_ahead(tokenise, windows):
        lengths = rows.lengths
        groups = None if prompt_lengths is None else prompt_lengths[window]
        for chosen in cut_batches(lengths, budget.tokens, groups):
            features = _to_tensors(tokenizer.pad(rows, chosen), pinned)
            features["modality"] = "text"
            if groups is not None and groups[chosen[0]] >= 0:
                features["prompt_length"] = int(groups[chosen[0]])
            budget.padding = budget.padding.plus(lengths[chosen])
            yield Batch(window[chosen], features, lengths[chosen])


def _to_tensors(arrays: dict[str, NDArray[Any]], pinned: bool) -> dict[str, Any]:
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {name: tensor.pin_memory() for name, tensor in tensors.items()} if pinned else dict(tensors)


def stream_own_batches(
    prepare: Callable[[Sequence[str], str], dict[str, Any]],
    texts: Sequence[str],
    prefixes: Sequence[str],
    budget: Budget,
) -> Iterator[Batch]:
    """Batches of a model that prepares texts itself; the prefix goes to its prompt argument."""
    estimates = np.array([1 + len(p + t) // CHARACTERS_PER_TOKEN for p, t in zip(prefixes, texts, strict=True)])
    groups = np.unique(np.array(prefixes, dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)
    for chosen in cut_batches(estimates.astype(np.int64), budget.tokens, groups):
        features = prepare([texts[position] for position in chosen], prefixes[chosen[0]])
        mask = features.get("attention_mask")
        lengths = mask.sum(dim=1).numpy() if isinstance(mask, torch.Tensor) else estimates[chosen]
        budget.padding = budget.padding.plus(lengths)
        yield Batch(chosen, features, lengths)
