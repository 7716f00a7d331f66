"""The audit of one role: what was sent, what the prefix cost, and that it was not inert."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.errors import AuditError, InertError
from prefixbench.vectors.embedder import Inputs, RoleAudit, TextSample, TokenRows
from prefixbench.vectors.keys import Digests

if TYPE_CHECKING:
    from prefixbench.encode.request import Request
    from prefixbench.spec.conditions import Role, Side
    from prefixbench.vectors.embedder import Embedder, Vectors

N_SAMPLES = 3

BLOCK = 4096
"""Texts whose tokens are in memory at a time."""


class RoleCount:
    """What reading all texts of a role once tells, text by text, in any order.

    Args:
        side: What is sent with each.
        n_texts: How many there are.
    """

    def __init__(self, side: Side, n_texts: int) -> None:
        self.side = side
        self.lengths = np.zeros(n_texts, dtype=np.int32)
        self.full_lengths = np.zeros(n_texts, dtype=np.int32)
        self.samples: dict[int, TextSample] = {}
        self.is_tokenized = True
        self.prefix_in_pooling = True
        self.cuts_left = False

    def add(self, positions: NDArray[np.int64], inputs: Inputs) -> None:
        """Count some of the texts.

        Args:
            positions: Which, shape ``(n,)``.
            inputs: As read.
        """
        tokens, sent, slots = inputs.tokens, inputs.sent, dict(inputs.side.api)
        for index in np.flatnonzero(positions < N_SAMPLES).tolist():
            ids = () if tokens is None else tuple(tokens.ids[index])
            told = next((value for name, value in inputs.parameters[index] if slots[name] != value), None)
            self.samples[int(positions[index])] = TextSample(sent[index], ids, told)
        if tokens is None:
            self.is_tokenized = False
            return
        self.lengths[positions] = tokens.lengths
        self.full_lengths[positions] = tokens.full_lengths
        self.prefix_in_pooling = tokens.left_out is None
        self.cuts_left = tokens.cuts_left

    def digest_all(self, digests: Digests) -> str | None:
        """See ``RoleAudit.tokens_sha256``; ``digests`` are those of every text, shape ``(n_texts, TEXT_BYTES)``."""
        if not self.is_tokenized:
            return None
        steered = [self.side.adapter, self.side.route and self.side.route.value, sorted(self.side.api)]
        total = hashlib.sha256(digests.data)
        total.update(repr(steered).encode())
        return total.hexdigest()


def audit_role(
    embedder: Embedder,
    count: RoleCount,
    request: Request,
    role: Role | None,
    n_zero_vectors: int,
    tokens_sha256: str | None,
) -> RoleAudit:
    """Turn a finished count into the record.

    Args:
        embedder: The model; it reads the prefix alone, and bare those texts that were too long.
        count: Of every text of the role.
        request: The texts, in the order counted.
        role: Names the row; ``None`` is a symmetric task's text.
        n_zero_vectors: Texts that got a vector of zeros.
        tokens_sha256: See ``RoleAudit``.

    Raises:
        AuditError: The model reads no token of any text, or gave nothing but zeros.
    """
    name = embedder.known.identity.model
    if n_zero_vectors == len(request) > 0:
        raise AuditError(f"{name}: all {len(request)} vectors are zeros.")
    audit = RoleAudit(
        role="text" if role is None else role.value,
        prefix=count.side.prefix,
        prefix_tokens=None,
        n_texts=len(request),
        n_truncated=None,
        n_truncated_without_prefix=None,
        tokens_pushed_out=None,
        n_tokens=None,
        prefix_in_pooling=count.prefix_in_pooling,
        adapter=count.side.adapter,
        api=dict(count.side.api),
        samples=tuple(count.samples[position] for position in sorted(count.samples)),
        n_zero_vectors=n_zero_vectors,
        tokens_sha256=tokens_sha256,
    )
    return replace(audit, **_count_cost(embedder, count, request)) if count.is_tokenized else audit


def _count_cost(embedder: Embedder, count: RoleCount, request: Request) -> dict[str, Any]:
    """What the prefix takes, and what it pushes out of the texts that are too long."""
    bare_side = replace(count.side, prefix="", title_slot=False)
    (frame,) = _read_tokens(embedder, [""], bare_side).full_lengths.tolist()
    prefix_tokens = _count_prefix_tokens(embedder, request, bare_side, frame)
    long = np.flatnonzero(count.full_lengths > count.lengths)
    read_of_text = count.lengths - prefix_tokens - frame
    if len(long) and not count.cuts_left and (read_of_text <= 0).all():
        raise AuditError(
            f"{embedder.known.identity.model}: the prefix {count.side.prefix[:60]!r} takes {int(prefix_tokens.max())} "
            f"tokens where the model reads {int(count.lengths.max())}, so that no token of any text is read."
        )
    pushed = n_long_anyway = 0
    for start in range(0, len(long), BLOCK):
        some = long[start : start + BLOCK]
        bare = _read_tokens(embedder, request.texts(some), bare_side)
        pushed += int((bare.lengths - np.maximum(count.lengths[some] - prefix_tokens[some], 0)).clip(min=0).sum())
        n_long_anyway += int((bare.full_lengths > bare.lengths).sum())
    return {
        "prefix_tokens": round(float(prefix_tokens.mean())) if len(request) else 0,
        "n_truncated": len(long),
        "n_truncated_without_prefix": n_long_anyway,
        # Truncation on the left takes the prefix before it takes any text.
        "tokens_pushed_out": 0 if count.cuts_left else pushed,
        "n_tokens": int(count.lengths.sum()),
        "n_prefix_cut": int((prefix_tokens[long] > 0).sum()) if count.cuts_left else 0,
    }


def _count_prefix_tokens(embedder: Embedder, request: Request, bare_side: Side, frame: int) -> NDArray[np.int32]:
    """Tokens that the prefix of each text takes, shape ``(n_texts,)``; ``frame`` are those of no text at all."""
    counts = np.zeros(len(request), dtype=np.int32)
    places = np.arange(len(request))
    for start in range(0, len(request), BLOCK):
        titles = request.titles(places[start : start + BLOCK])
        if titles is None:
            counts[:] = _read_tokens(embedder, [request.side.prefix_for()], bare_side).full_lengths - frame
            break
        prefixes = [request.side.prefix_for(title) for title in titles]
        distinct = sorted(set(prefixes))
        lengths = _read_tokens(embedder, distinct, bare_side).full_lengths - frame
        taken = dict(zip(distinct, lengths.tolist(), strict=True))
        counts[start : start + BLOCK] = [taken[prefix] for prefix in prefixes]
    return counts


def _read_tokens(embedder: Embedder, texts: Sequence[str], side: Side) -> TokenRows:
    """Token rows of texts as given."""
    tokens = embedder.read(texts, side).tokens if len(texts) else None
    return TokenRows([], None, np.zeros(0, dtype=np.int64)) if tokens is None else tokens


def check_not_inert(
    vectors_a: Vectors, vectors_b: Vectors, side_a: Side, side_b: Side, names: tuple[str, str] = ("one", "the other")
) -> None:
    """Refuse two sides that differ in what they send and give the same vectors.

    Args:
        vectors_a: Vectors of some texts under the first side, shape ``(n_texts, dim)``.
        vectors_b: Vectors of the same texts under the second.
        side_a: What the first sent.
        side_b: What the second sent.
        names: The conditions, for the message.

    Raises:
        InertError: They are identical: the parameter has no effect.
    """
    if side_a == side_b or vectors_a.shape != vectors_b.shape or not len(vectors_a):
        return
    if np.array_equal(vectors_a, vectors_b):
        raise InertError(
            f"{names[0]} ({_describe(side_a)}) and {names[1]} ({_describe(side_b)}) give identical vectors for all "
            f"{len(vectors_a)} texts: the parameter has no effect."
        )


def _describe(side: Side) -> str:
    parts = [f"prefix {side.prefix!r}"]
    parts += [f"adapter {side.adapter!r}"] if side.adapter is not None else []
    parts += [f"{key}={value}" for key, value in side.api]
    return ", ".join(parts)
