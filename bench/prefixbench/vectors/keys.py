"""Where a vector is kept: a digest of everything that can change it.

A key is 16 bytes of namespace (model, weights, pooling, adapter, all but the strings) followed by 24 bytes of entry
(prefix as sent, text). Every digest is BLAKE2b over length-delimited fields, so that no two sequences of fields run
together, and ``None`` differs from ``""``.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import struct
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import EmbedderIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NAMESPACE_BYTES, ENTRY_BYTES, TEXT_BYTES = 16, 24, 24
KEY_BYTES = NAMESPACE_BYTES + ENTRY_BYTES

_NAMESPACE, _ENTRY, _TEXT = b"prefixbench/ns/1", b"prefixbench/en/1", b"prefixbench/tx/1"
_LENGTH = struct.Struct("<Q")

BLOCK = 8192
"""Texts whose digests are Python's own objects at a time; those of a million at once would take more than the texts."""

Keys = NDArray[np.uint8]
"""Shape ``(n_texts, KEY_BYTES)``, C-contiguous."""

Digests = NDArray[np.uint8]
"""Shape ``(n_texts, TEXT_BYTES)``, C-contiguous: the texts alone, without model and prefix."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """All that vectors of one kind share: they differ by prefix and text only.

    Attributes:
        identity: The model as loaded; its ``engine`` is recorded, not digested.
        state: The side without its strings: adapter, parameters, pooling, route.
    """

    identity: EmbedderIdentity
    state: Side

    @classmethod
    def of(cls, identity: EmbedderIdentity, side: Side) -> Namespace:
        """The namespace of the vectors this model makes of texts sent with this side."""
        return cls(identity, replace(side, prefix="", title_slot=False, api=tuple(sorted(side.api))))

    @property
    def digest(self) -> bytes:
        """``NAMESPACE_BYTES`` over every field but the engine, those of the future included."""
        return _compute_digest(_list_fields(replace(self.identity, engine=""), self.state), NAMESPACE_BYTES, _NAMESPACE)


def vector_keys(
    identity: EmbedderIdentity, side: Side, texts: Sequence[str], titles: Sequence[str] | None = None
) -> Keys:
    """The keys of many texts' vectors.

    Args:
        identity: The model as loaded.
        side: What is sent with each text.
        texts: What follows the prefix.
        titles: The title of each text; read only where the side has a ``title_slot``.

    Returns:
        Shape ``(n_texts, KEY_BYTES)``.
    """
    return _make_keys(Namespace.of(identity, side), side, len(texts), _digest_blocks(texts), titles)


def compute_text_digests(texts: Sequence[str]) -> Digests:
    """Digests of texts alone, shape ``(n_texts, TEXT_BYTES)``; from these keys follow without the texts."""
    digests = np.empty((len(texts), TEXT_BYTES), dtype=np.uint8)
    for start, block in zip(range(0, len(texts), BLOCK), _digest_blocks(texts), strict=True):
        digests[start : start + BLOCK] = block
    return digests


def join_digests(parts: Sequence[Sequence[str]]) -> Digests:
    """The digests of several sequences of texts, one after another; those of one are not copied."""
    if len(parts) == 1:
        return compute_text_digests(parts[0])
    return np.concatenate([compute_text_digests(texts) for texts in parts])


def _digest_blocks(texts: Iterable[str]) -> Iterator[Digests]:
    """The digests of ``BLOCK`` texts after another."""
    new, left = hashlib.blake2b, iter(texts)
    while block := list(itertools.islice(left, BLOCK)):
        joined = b"".join(new(_encode(text), digest_size=TEXT_BYTES, person=_TEXT).digest() for text in block)
        yield np.frombuffer(joined, dtype=np.uint8).reshape(-1, TEXT_BYTES)


def keys_from_digests(namespace: Namespace, side: Side, digests: Digests, titles: Sequence[str] | None = None) -> Keys:
    """The keys of texts known by their digests.

    Args:
        namespace: Whose vectors.
        side: What is sent with each text; only its prefix is read.
        digests: Shape ``(n_texts, TEXT_BYTES)``.
        titles: The title of each text; read only where the side has a ``title_slot``.

    Returns:
        Shape ``(n_texts, KEY_BYTES)``.
    """
    blocks = (digests[start : start + BLOCK] for start in range(0, len(digests), BLOCK))
    return _make_keys(namespace, side, len(digests), blocks, titles)


def _make_keys(
    namespace: Namespace, side: Side, n_texts: int, blocks: Iterable[Digests], titles: Sequence[str] | None
) -> Keys:
    """The keys of texts whose digests come ``BLOCK`` after another, so that those of a large corpus are never held."""
    keys = np.empty((n_texts, KEY_BYTES), dtype=np.uint8)
    keys[:, :NAMESPACE_BYTES] = np.frombuffer(namespace.digest, dtype=np.uint8)
    if side.title_slot and titles is not None:
        prefixes: Iterator[str] = (_join_strings(side, title) for title in titles)
    else:
        prefixes = itertools.repeat(side.prefix_for(), n_texts)
    started = functools.lru_cache(BLOCK)(_start_entry)
    for start, block in zip(range(0, n_texts, BLOCK), blocks, strict=True):
        entries = _split(block)
        parts = []
        for prefix, entry in zip(itertools.islice(prefixes, len(entries)), entries, strict=True):
            state = started(prefix).copy()
            state.update(entry)
            parts.append(state.digest())
        keys[start : start + BLOCK, NAMESPACE_BYTES:] = np.frombuffer(b"".join(parts), np.uint8).reshape(
            -1, ENTRY_BYTES
        )
    return keys


def _start_entry(prefix: str) -> hashlib.blake2b:
    encoded = _encode(prefix)
    return hashlib.blake2b(_LENGTH.pack(len(encoded)) + encoded, digest_size=ENTRY_BYTES, person=_ENTRY)


def find_distinct(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each distinct row appears first, ascending; and for each row, the number of its like among those.

    Args:
        rows: Keys or digests, shape ``(n, n_bytes)``, ``n_bytes`` a multiple of eight.

    Returns:
        Shapes ``(n_distinct,)`` and ``(n,)``.
    """
    words = np.ascontiguousarray(rows).view(np.uint64)
    tails = words[:, -1]  # of a digest in keys and digests alike, so that others of one value are one all but surely
    order = np.argsort(tails, kind="stable")
    opens = np.ones(len(rows), dtype=np.bool_)
    for start in range(1, len(rows), BLOCK):
        ours, before = order[start : start + BLOCK], order[start - 1 : start - 1 + BLOCK]
        opens[start : start + BLOCK] = (words[ours] != words[before[: len(ours)]]).any(axis=1)
    leaders = order[opens]
    for start in range(0, len(leaders), BLOCK):
        if (np.diff(tails[leaders[start : start + BLOCK + 1]]) == 0).any():
            return _find_distinct_slowly(rows)
    first = np.sort(leaders)
    inverse = np.empty(len(rows), dtype=np.int64)
    inverse[order] = np.repeat(np.searchsorted(first, leaders), np.diff(np.flatnonzero(opens), append=len(rows)))
    return first, inverse


def find_repeats(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """As ``find_distinct``, but ``None`` where no row comes twice: then it takes eight bytes a row, for a moment."""
    tails = np.ascontiguousarray(rows).view(np.uint64)[:, -1].copy()
    tails.sort()
    for start in range(1, len(tails), BLOCK):
        ours = tails[start : start + BLOCK]
        if (ours == tails[start - 1 : start - 1 + BLOCK][: len(ours)]).any():
            return find_distinct(rows)
    return None


def _find_distinct_slowly(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same where different rows end alike."""
    listed = _split(rows)
    numbers: dict[bytes, int] = {}
    inverse = np.fromiter((numbers.setdefault(row, len(numbers)) for row in listed), np.int64, len(listed))
    return np.unique(inverse, return_index=True)[1], inverse


def _join_strings(side: Side, title: str) -> str:
    """All that differs with the title, as one string; a title that is a parameter is none of the prefix."""
    told = [title for _, value in side.api if value == "{title}" and title]
    return "\0".join([side.prefix_for(title), *told])


def list_keys(keys: Keys) -> list[bytes]:
    """The keys as ``bytes``, many times faster than one by one."""
    return _split(keys)


def _split(rows: NDArray[np.uint8]) -> list[bytes]:
    joined: list[bytes] = np.ascontiguousarray(rows).view(f"V{rows.shape[1]}").reshape(-1).tolist()
    return joined


def _list_fields(*values: EmbedderIdentity | Side) -> Iterator[str | None]:
    for value in values:
        for field in fields(value):
            yield field.name
            yield from _flatten(getattr(value, field.name))


def _flatten(value: object) -> Iterator[str | None]:
    """Strings that tell apart every value a field may have; a list says how long it is."""
    match value:
        case None:
            yield None
        case bool() | int() | float():
            yield repr(value)
        case StrEnum():
            yield value.value
        case str():
            yield value
        case tuple():
            yield str(len(value))
            for part in value:
                yield from _flatten(part)
        case _:
            raise TypeError(f"a field of type {type(value).__name__} has no place in a key yet")


def _compute_digest(parts: Iterable[str | None], size: int, person: bytes) -> bytes:
    state = hashlib.blake2b(digest_size=size, person=person)
    for part in parts:
        encoded = b"" if part is None else _encode(part)
        state.update((b"n" if part is None else b"s") + _LENGTH.pack(len(encoded)) + encoded)
    return state.digest()


def _encode(text: str) -> bytes:
    # Data sets do hold lone surrogates; this maps every str to its own bytes, where "replace" would merge them.
    return text.encode("utf-8", "surrogatepass")
