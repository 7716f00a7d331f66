"""The embedding store: a folder of immutable segments that any number of processes and machines read and extend."""

from __future__ import annotations

import json
import logging
import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.errors import CacheError
from prefixbench.vectors.keys import KEY_BYTES, NAMESPACE_BYTES, Keys, Namespace
from prefixbench.vectors.mirror import Mirror, find_address
from prefixbench.vectors.namespace_folder import Damage, NamespaceFolder
from prefixbench.vectors.namespaces import NamespaceRecord, describe_changed_weights, load_record, write_record
from prefixbench.vectors.publish import publish_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prefixbench.vectors.embedder import EmbedderIdentity, Vectors

STORE_FOLDER, FORMAT_NAME = "vectors", "format.json"
"""The store's place in the cache folder, and the file in it that says how to read it."""

FORMAT = 1
"""Raised when older programs could misread what newer ones write."""

KEYS_AT_ONCE = 1 << 16

_log = logging.getLogger("prefixbench.cache")


class VectorStore:
    """Vectors by content-addressed key; may be shared between threads, and by ``fork``.

    Attributes:
        folder: Vectors stand in ``<namespace>/<segment>.arrow`` under it.
        damage: What was found damaged and dropped since opening.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damage: list[Damage] = []
        self._address = find_address(folder)
        self._namespaces: dict[str, NamespaceFolder] = {}
        self._lock = threading.RLock()

    @classmethod
    def open(cls, folder: Path) -> VectorStore:
        """Open a store; nothing is made on disk before the first vector is put.

        Raises:
            CacheError: The folder holds a store of a format this version does not know, or none at all.
        """
        store = cls(folder)
        path = store._format_path
        try:
            if path.exists() and not path.is_file():
                raise CacheError(f"{path}: is no file, so this is no embedding store.")
            known = json.loads(path.read_text(encoding="utf-8"))["format"]
        except FileNotFoundError:
            return store
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CacheError(f"{path}: cannot be read as an embedding store ({error}).") from error
        if known != FORMAT:
            raise CacheError(f"{path}: the store has format {known!r}; this version reads format {FORMAT}.")
        return store

    def contains_many(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys have a vector, without reading it; shape ``(n,)``."""
        return self._find(keys, NamespaceFolder.contains)

    def check_many(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys have a vector that is what was written; shape ``(n,)``. Damaged records are dropped and noted."""
        return self._find(keys, lambda folder, some: folder.locate_sound(some) >= 0)

    def _find(self, keys: Keys, look: Callable[[NamespaceFolder, Keys], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Which keys are found, some at a time, since looking takes more memory than the keys."""
        found = np.zeros(len(keys), dtype=np.bool_)
        with self._lock:
            for start in range(0, len(keys), KEYS_AT_ONCE):
                some = keys[start : start + KEYS_AT_ONCE]
                for folder, chosen in self._group(some):
                    found[start + chosen] = look(folder, some[chosen])
        return found

    def get_many(self, keys: Keys) -> tuple[NDArray[np.bool_], Vectors]:
        """Read vectors, each checked against its checksum when this process first reads it.

        Args:
            keys: Shape ``(n, KEY_BYTES)``, all of one vector length.

        Returns:
            Which were found, ``(n,)``, and the vectors, ``(n, dim)``, read-only, zero where not found, of no length
            where none was. Where the
            records follow one another in one segment, the vectors are the mapped file itself, without a copy.
            A damaged record counts as not found, is dropped from the store and noted in ``damage``.
        """
        found = np.zeros(len(keys), dtype=np.bool_)
        vectors: Vectors | None = None
        with self._lock:
            for folder, chosen in self._group(keys):
                places = folder.locate_sound(keys[chosen])
                found[chosen] = places >= 0
                for within, block in folder.read(places):
                    asked = chosen[within]
                    if len(block) == len(keys) and (np.diff(asked) == 1).all():
                        vectors = block
                        continue
                    if vectors is None:
                        vectors = np.zeros((len(keys), block.shape[1]), dtype=np.float32)
                    vectors[asked] = block
        if vectors is None:
            vectors = np.zeros((len(keys), 0), dtype=np.float32)
        view = vectors.view()
        view.flags.writeable = False
        return found, view

    def put_many(self, keys: Keys, vectors: Vectors, namespace: Namespace) -> None:
        """Store vectors; once this returns they survive a power cut.

        Args:
            keys: Shape ``(n, KEY_BYTES)``, all of this namespace.
            vectors: Shape ``(n, dim)``.
            namespace: Whose vectors they are.

        Raises:
            CacheError: The disk is full or the folder cannot be written to. What was stored before is whole.
            ValueError: Keys and vectors do not belong together.
        """
        if len(keys) != len(vectors) or vectors.ndim != 2 or keys.shape[1:] != (KEY_BYTES,):
            raise ValueError(f"keys of shape {keys.shape} do not belong to vectors of shape {vectors.shape}")
        digest = namespace.digest
        if (keys[:, :NAMESPACE_BYTES] != np.frombuffer(digest, dtype=np.uint8)).any():
            raise ValueError(f"a key is not of the namespace {digest.hex()}")
        if len(keys):
            own = self.namespace(digest.hex())
            with self._lock:
                self._write_format()
                write_record(own.folder, namespace, vectors.shape[1])
                own.put(keys, np.ascontiguousarray(vectors, dtype=np.float32))

    def namespace(self, name: str) -> NamespaceFolder:
        """The folder of one namespace, by its name."""
        if name not in self._namespaces:
            mirror = None if self._address is None else Mirror(self._address, self.folder / name)
            self._namespaces[name] = NamespaceFolder(self.folder / name, self._note_damage, mirror)
        return self._namespaces[name]

    def namespace_names(self) -> list[str]:
        """Every namespace's folder name, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def records(self) -> dict[str, NamespaceRecord]:
        """What the namespaces say of themselves, by folder name; those without a readable record are left out."""
        records = {name: load_record(self.folder / name) for name in self.namespace_names()}
        return {name: record for name, record in records.items() if record is not None}

    def _group(self, keys: Keys) -> Iterator[tuple[NamespaceFolder, NDArray[np.int64]]]:
        words = np.ascontiguousarray(keys[:, :NAMESPACE_BYTES]).view(np.uint64)
        left = np.arange(len(keys))
        while left.size:
            first = words[left[0]]
            same = (words[left] == first).all(axis=1)
            yield self.namespace(first.tobytes().hex()), left[same]
            left = left[~same]

    def _note_damage(self, damage: Damage) -> None:
        self.damage.append(damage)
        _log.warning("%s", damage)

    @property
    def _format_path(self) -> Path:
        return self.folder / FORMAT_NAME

    def _write_format(self) -> None:
        if not self._format_path.exists():
            content = json.dumps({"format": FORMAT}).encode() + b"\n"
            publish_file(self._format_path, lambda file: file.write(content))


def changed_weights(store: VectorStore, identity: EmbedderIdentity) -> str | None:
    """A sentence where the same model at the same revision was seen with other weights, else nothing."""
    return describe_changed_weights(store.records().values(), identity)
