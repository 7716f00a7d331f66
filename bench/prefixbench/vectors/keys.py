"""Where a vector is kept: a digest of everything that can change it.

A key is 16 bytes of namespace (model, weights, pooling, adapter, all but the strings) followed by 24 bytes of entry
(prefix as sent, text). Every digest is BLAKE2b over length-delimited fields, so that no two sequences of fields run
together, and ``None`` differs from ``""``.
"""

from __future__ import annotations

import hashlib
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
    return keys_from_digests(Namespace.of(identity, side), side, compute_text_digests(texts), titles)


def compute_text_digests(texts: Sequence[str]) -> Digests:
    """Digests of texts alone, shape ``(n_texts, TEXT_BYTES)``; from these keys follow without the texts."""
    new = hashlib.blake2b
    joined = b"".join(new(_encode(text), digest_size=TEXT_BYTES, person=_TEXT).digest() for text in texts)
    return np.frombuffer(joined, dtype=np.uint8).reshape(len(texts), TEXT_BYTES)


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
    entries = _split(digests)
    if side.title_slot and titles is not None:
        prefixes: Iterable[str] = (_join_strings(side, title) for title in titles)
    else:
        prefixes = (side.prefix_for() for _ in entries)
    started: dict[str, hashlib.blake2b] = {}
    head, parts = namespace.digest, []
    for prefix, entry in zip(prefixes, entries, strict=True):
        if prefix not in started:
            encoded = _encode(prefix)
            started[prefix] = hashlib.blake2b(
                _LENGTH.pack(len(encoded)) + encoded, digest_size=ENTRY_BYTES, person=_ENTRY
            )
        state = started[prefix].copy()
        state.update(entry)
        parts.append(head)
        parts.append(state.digest())
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(len(entries), KEY_BYTES)


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
