"""Proof that prefix + text, and nothing else, is what the model is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import torch

from prefixbench.encode.network import Network
from prefixbench.errors import AuditError
from prefixbench.spec.conditions import Side

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@contextmanager
def recorded_calls(tokenizer: PreTrainedTokenizerBase) -> Iterator[list[str]]:
    """Collect every text a tokenizer is called with while inside.

    The tokenizer's class is replaced by a recording subclass, since Python looks calls up on the class.
    """
    received: list[str] = []
    own = type(tokenizer)
    call_own = cast("Callable[..., object]", own.__call__)

    def call(self: PreTrainedTokenizerBase, text: str | Sequence[str], *args: object, **kwargs: object) -> object:
        received.extend([text] if isinstance(text, str) else list(text))
        return call_own(self, text, *args, **kwargs)

    tokenizer.__class__ = type(own.__name__, (own,), {"__call__": call})
    try:
        yield received
    finally:
        tokenizer.__class__ = own


def check_received(network: Network, texts: Sequence[str], prefixes: Sequence[str], side: Side) -> None:
    """Send texts through the model's own preparation and compare what its tokenizer received, and made of it.

    Raises:
        AuditError: The tokenizer received something else than prefix + text, or the ids differ from those of
            prefix + text, as when a model adds a prompt of its own.
    """
    first = network.routed_modules(side)[0]
    tokenizer = getattr(first, "tokenizer", None)
    native = network.tokenizer_for(side)
    for text, prefix in zip(texts, prefixes, strict=True):
        planned = prefix + text
        if tokenizer is None or not callable(tokenizer):
            continue
        with recorded_calls(tokenizer) as received:
            features = network.prepare([text], prefix, side)
        # The model may also measure the prefix alone, to leave it out of pooling.
        others = [seen for seen in received if seen not in (planned, prefix)]
        if others or planned not in received:
            seen = repr(max(others, key=len)) if others else "nothing"
            raise AuditError(f"the tokenizer received {seen} where {planned!r} was planned.")
        ids = features.get("input_ids")
        if native is not None and isinstance(ids, torch.Tensor):
            ours = native.encode([planned]).ids[0]
            if ids[0].tolist() != ours:
                raise AuditError(
                    f"the model's own preparation makes other tokens of {planned!r} than the text alone: it adds "
                    f"a prompt of its own ({ids[0].tolist()[:12]} against {ours[:12]})."
                )
