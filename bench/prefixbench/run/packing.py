"""On a node whose folder of vectors is its own: what an encoded cell's vectors are, sent and taken in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.encode.request import Request
from prefixbench.run.session import EncodedCell, group_texts
from prefixbench.run.texts import PlaceTexts
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.keys import Keys, Namespace
from prefixbench.vectors.parcel import Parcel, pack_chunk, unpack_chunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Packer:
    """Packs what one worker's cells left in a node's store, and puts into the store what others packed.

    Args:
        cache: The node's cache folder.
    """

    def __init__(self, cache: Path) -> None:
        self._store = VectorStore.open(cache / STORE_FOLDER)
        self._keys: dict[Parcel, Keys] = {}

    def list_parcels(self, encoded: EncodedCell, texts: PlaceTexts) -> tuple[Parcel, ...]:
        """A cell's vectors, a parcel for the texts of a role sent with one side; ready to be packed until the next."""
        identity, dim = encoded.known.identity, encoded.known.dim
        self._keys = {}
        for role in dict.fromkeys(part.role for part in texts.manifest.parts):
            for side, own, titles in group_texts(texts.manifest, encoded.cell.pair, role):
                keys = Request(identity, own, side, titles).keys
                self._keys[Parcel.of(Namespace.of(identity, side), dim, keys)] = keys
        return tuple(self._keys)

    def pack(self, parcel: Parcel, chunk: int) -> NDArray[np.uint8]:
        """One chunk of a parcel that was listed; raises as ``pack_chunk``."""
        return pack_chunk(self._store, parcel, self._keys[parcel], chunk)

    def unpack(self, parcel: Parcel, content: NDArray[np.uint8]) -> None:
        """Take in one chunk; raises as ``unpack_chunk``."""
        unpack_chunk(self._store, parcel, content)


def carry_texts(texts: PlaceTexts) -> PlaceTexts:
    """The texts of a place without the file that may hold a large corpus: other nodes do not see it."""
    manifest = texts.manifest.in_memory()
    texts.manifest.discard()
    return replace(texts, manifest=manifest)
