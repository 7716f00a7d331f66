"""The audit of one role: what was sent, what the prefix cost, and that it was not inert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prefixbench.encode.local import LocalEmbedder, expand_prefixes, join_prefixes
from prefixbench.encode.proof import check_received
from prefixbench.errors import AuditError
from prefixbench.spec.conditions import Role, Side
from prefixbench.vectors.embedder import Vectors

N_SAMPLES = 3

RoleName = Literal["query", "document", "text"]


@dataclass(frozen=True, slots=True)
class TextSample:
    """One text exactly as the tokenizer received it, with the ids it made of it, before truncation."""

    text: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RoleAudit:
    """Proof of what one role sent; fields as in the record of the same name.

    Attributes:
        role: ``query``, ``document`` or ``text`` for symmetric tasks.
        prefix: The string put before each text, a title slot left open.
        prefix_tokens: Tokens the prefix takes, special tokens not counted; its mean, rounded, where titles differ.
        n_texts: Texts sent.
        n_truncated: Texts longer than the model reads, prefix included.
        n_truncated_without_prefix: Texts that would have been too long anyway.
        tokens_pushed_out: Tokens of text that the prefix pushed past the end, over all texts.
        n_tokens: Tokens the model read, over all texts, special tokens included.
        prefix_in_pooling: Whether the prefix's own tokens are averaged into the vector.
        adapter: The adapter switched on.
        api: Parameters sent to a vendor.
        samples: The first three texts.
    """

    role: RoleName
    prefix: str
    prefix_tokens: int
    n_texts: int
    n_truncated: int
    n_truncated_without_prefix: int
    tokens_pushed_out: int
    n_tokens: int
    prefix_in_pooling: bool = True
    adapter: str | None = None
    api: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[TextSample, ...] = ()


def audit_side(
    embedder: LocalEmbedder,
    texts: Sequence[str],
    side: Side,
    titles: Sequence[str] | None = None,
    *,
    role: Role | None = None,
) -> RoleAudit:
    """Count and prove what a side sends with these texts.

    Args:
        embedder: The loaded model.
        texts: Every text of the role, without prefix.
        side: What is sent with each, as given to ``embed``.
        titles: For a side with a ``title_slot``.
        role: Names the row; ``None`` is a symmetric task's text.

    Raises:
        AuditError: The tokenizer received something else than prefix + text, or the prefix or a vendor's parameter
            changes no vector.
    """
    prefixes = expand_prefixes(texts, side, titles)
    n_samples = min(N_SAMPLES, len(texts))
    network = embedder.network
    with embedder.adapters.switched(side):
        check_received(network, texts[:n_samples], prefixes[:n_samples], side)
    sample_titles = None if titles is None else titles[:n_samples]
    samples = embedder.tokenize(texts[:n_samples], side, sample_titles)
    for sample, text, prefix in zip(samples, texts[:n_samples], prefixes, strict=False):
        if sample.text != prefix + text:
            raise AuditError(f"the tokenizer received {sample.text!r} where {prefix + text!r} was planned.")
    if side.prefix or side.api:
        bare = Side(route=side.route)
        pair = embedder.embed(texts[:n_samples], bare), embedder.embed(texts[:n_samples], side, sample_titles)
        check_not_inert(*pair, bare, side, ("nothing", "this side"))
    counts = _count(embedder, texts, prefixes, side)
    return RoleAudit(
        role="text" if role is None else role.value,
        prefix=side.prefix,
        n_texts=len(texts),
        prefix_in_pooling=network.includes_prefix(side),
        adapter=side.adapter,
        api=dict(side.api),
        samples=tuple(TextSample(sample.text, sample.token_ids) for sample in samples),
        **counts,
    )


def _count(embedder: LocalEmbedder, texts: Sequence[str], prefixes: Sequence[str], side: Side) -> dict[str, int]:
    """Token counts of a role; texts are counted with and without prefix by the model's own tokenizer."""
    if not texts:
        return dict.fromkeys(
            ("prefix_tokens", "n_truncated", "n_truncated_without_prefix", "tokens_pushed_out", "n_tokens"), 0
        )
    bare = _count_tokens(embedder, texts, side)
    full = bare
    if any(prefixes):
        full = _count_tokens(embedder, join_prefixes(prefixes, texts), side)
    limit = embedder.identity.max_seq_length or int(full.max())
    distinct = sorted({"", *prefixes})
    counts = _count_tokens(embedder, distinct, side)
    taken = {prefix: int(count - counts[0]) for prefix, count in zip(distinct, counts, strict=True)}
    prefix_tokens = np.array([taken[prefix] for prefix in prefixes])
    pushed = np.minimum(bare, limit) - np.maximum(np.minimum(full, limit) - prefix_tokens, 0)
    return {
        "prefix_tokens": round(float(prefix_tokens.mean())),
        "n_truncated": int((full > limit).sum()),
        "n_truncated_without_prefix": int((bare > limit).sum()),
        "tokens_pushed_out": int(pushed[full > limit].clip(min=0).sum()),
        "n_tokens": int(np.minimum(full, limit).sum()),
    }


def _count_tokens(embedder: LocalEmbedder, texts: Sequence[str], side: Side) -> NDArray[np.int64]:
    """Tokens of each text as given, special tokens included, shape ``(n_texts,)``."""
    tokenizer = embedder.network.tokenizer_for(side)
    if tokenizer is not None:
        return tokenizer.count(texts)
    rows = embedder.tokenize(texts, Side(route=side.route))
    return np.array([len(row.token_ids) for row in rows], dtype=np.int64)


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
        AuditError: They are identical: the parameter has no effect.
    """
    if side_a == side_b or vectors_a.shape != vectors_b.shape or not len(vectors_a):
        return
    if np.array_equal(vectors_a, vectors_b):
        raise AuditError(
            f"{names[0]} ({_describe(side_a)}) and {names[1]} ({_describe(side_b)}) give identical vectors for all "
            f"{len(vectors_a)} texts: the parameter has no effect."
        )


def _describe(side: Side) -> str:
    parts = [f"prefix {side.prefix!r}"]
    parts += [f"adapter {side.adapter!r}"] if side.adapter is not None else []
    parts += [f"{key}={value}" for key, value in side.api]
    return ", ".join(parts)
