"""Length-sorted batches under a budget of padded tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PADDING_SHARE = 0.05
"""A batch that would pad more than this is closed early, once it holds a fair share of the budget."""

WORTHWHILE_SHARE = 1 / 32
"""Share of the budget below which a batch is filled on, padding or not: tiny batches cost more than padding."""

DEFAULT_CPU_TOKENS = 2048
DEFAULT_GPU_TOKENS = 65536
STATIC_TOKENS = 32768
"""For averaged word vectors, which are not padded and take little memory."""


def cut_batches(
    lengths: NDArray[np.int64], budget: int, groups: NDArray[np.int64] | None = None
) -> list[NDArray[np.intp]]:
    """Cut texts into batches, longest first, each batch of one group.

    Args:
        lengths: Tokens of each text, shape ``(n_texts,)``.
        budget: Padded tokens a batch may hold; a text longer than it makes a batch of its own.
        groups: Texts of different groups never share a batch, shape ``(n_texts,)``.

    Returns:
        Positions of each batch's texts; every position once.
    """
    order = np.argsort(-lengths, kind="stable") if groups is None else np.lexsort((-lengths, groups))
    batches: list[NDArray[np.intp]] = []
    start, tokens = 0, 0
    for end in range(len(order)):
        first, here = order[start], order[end]
        padded = int(lengths[first]) * (end - start + 1)
        other_group = groups is not None and groups[here] != groups[first]
        wasteful = tokens >= budget * WORTHWHILE_SHARE and (tokens + int(lengths[here])) < padded * (1 - PADDING_SHARE)
        if end > start and (other_group or padded > budget or wasteful):
            batches.append(order[start:end])
            start, tokens = end, 0
        tokens += int(lengths[here])
    if len(order):
        batches.append(order[start:])
    return batches
