"""The formats compared: each stores checksummed vectors by key, durably, batch by batch, and gives them back."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any, Protocol

import lmdb
import numpy as np
import pyarrow as pa
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity, Vectors
from prefixbench.vectors.index import KeyIndex
from prefixbench.vectors.keys import Keys, Namespace, list_keys
from prefixbench.vectors.publish import publish_file
from prefixbench.vectors.segment import Segment, compute_checksums
from safetensors import safe_open
from safetensors.numpy import save
from typing_extensions import override
from xxhash import xxh3_64_digest

IDENTITY = EmbedderIdentity("benchmark", None, "0" * 64, 256, "mean", "float32", "none")
SIDE = Side("query: ")
NAMESPACE = Namespace.of(IDENTITY, SIDE)


class Format(Protocol):
    """A store opened on a folder."""

    def __init__(self, folder: Path) -> None: ...

    def put(self, keys: Keys, vectors: Vectors) -> None:
        """Store one batch; it survives a power cut once this returns."""

    def contains(self, keys: Keys) -> int:
        """How many of the keys are stored."""

    def get(self, keys: Keys) -> Vectors:
        """The vectors, checked against their checksums."""


class Segments(Format):
    """Ours: immutable Arrow files, mapped."""

    def __init__(self, folder: Path) -> None:
        self.store = VectorStore.open(folder)

    @override
    def put(self, keys: Keys, vectors: Vectors) -> None:
        self.store.put_many(keys, vectors, NAMESPACE)

    @override
    def contains(self, keys: Keys) -> int:
        return int(self.store.contains_many(keys).sum())

    @override
    def get(self, keys: Keys) -> Vectors:
        return self.store.get_many(keys)[1]


class Safetensors(Format):
    """Immutable safetensors files with our index; numpy reads them by copying."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.index = folder, KeyIndex()
        self.index.add([self._load(path) for path in sorted(folder.glob("*.safetensors"))])

    def _load(self, path: Path) -> Segment:
        with safe_open(path, framework="np") as file:
            keys, vectors, sums = (file.get_tensor(name) for name in ("keys", "vectors", "checksums"))
        return Segment(path, keys, vectors, sums, np.zeros(len(keys), dtype=np.bool_))

    @override
    def put(self, keys: Keys, vectors: Vectors) -> None:
        content = save({"keys": keys, "vectors": vectors, "checksums": compute_checksums(keys, vectors)})
        path = self.folder / f"{len(self.index.segments):08d}.safetensors"
        publish_file(path, lambda file: file.write(content))
        self.index.add([self._load(path)])

    @override
    def contains(self, keys: Keys) -> int:
        return int((self.index.locate(keys) >= 0).sum())

    @override
    def get(self, keys: Keys) -> Vectors:
        parts = list(self.index.group(self.index.locate(keys)))
        out = np.empty((len(keys), parts[0][0].vectors.shape[1]), dtype=np.float32)
        for segment, chosen, rows in parts:
            assert segment.check(rows).all()
            out[chosen] = segment.read(rows)
        return out


class Lmdb(Format):
    """One memory-mapped B+ tree: key to checksum and vector."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.env = lmdb.open(str(folder), map_size=1 << 36, max_readers=64)

    @override
    def put(self, keys: Keys, vectors: Vectors) -> None:
        records = [
            (key, xxh3_64_digest(vector) + vector.tobytes())
            for key, vector in zip(list_keys(keys), vectors, strict=True)
        ]
        with self.env.begin(write=True) as transaction, transaction.cursor() as cursor:
            cursor.putmulti(records)

    @override
    def contains(self, keys: Keys) -> int:
        with self.env.begin() as transaction, transaction.cursor() as cursor:
            return sum(map(cursor.set_key, list_keys(keys)))

    @override
    def get(self, keys: Keys) -> Vectors:
        with self.env.begin(buffers=True) as transaction:
            values: list[Any] = [transaction.get(key) for key in list_keys(keys)]
            out = np.empty((len(keys), (len(values[0]) - 8) // 4), dtype=np.float32)
            for row, value in enumerate(values):
                assert xxh3_64_digest(value[8:]) == value[:8]
                out[row] = np.frombuffer(value, dtype=np.float32, offset=8)
        return out


class Lance(Format):
    """A Lance data set, one fragment a batch; its keys are read into a dictionary when it is opened."""

    def __init__(self, folder: Path) -> None:
        self.lance: Any = importlib.import_module("lance")
        self.folder, self.rows = folder, dict[bytes, int]()
        if folder.exists():
            self.data = self.lance.dataset(str(folder))
            keys = self.data.to_table(columns=["key"])["key"].to_pylist()
            self.rows = {key: row for row, key in enumerate(keys)}

    @override
    def put(self, keys: Keys, vectors: Vectors) -> None:
        table = pa.table(
            {
                "key": pa.array(list_keys(keys), pa.binary(keys.shape[1])),
                "checksum": pa.array(compute_checksums(keys, vectors)),
                "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1]),
            }
        )
        before = set(self.folder.rglob("*"))
        mode = "append" if self.folder.exists() else "create"
        self.data = self.lance.write_dataset(table, str(self.folder), mode=mode)
        for path in set(self.folder.rglob("*")) - before:  # it leaves flushing to the system
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)

    @override
    def contains(self, keys: Keys) -> int:
        return sum(key in self.rows for key in list_keys(keys))

    @override
    def get(self, keys: Keys) -> Vectors:
        rows = [self.rows[key] for key in list_keys(keys)]
        table = self.data.take(rows, columns=["checksum", "vector"]).combine_chunks()
        vectors: Vectors = np.asarray(table["vector"].chunk(0).flatten()).reshape(len(keys), -1)
        assert (compute_checksums(keys, vectors) == np.asarray(table["checksum"])).all()
        return vectors


FORMATS: dict[str, type[Format]] = {"segments (Arrow)": Segments, "safetensors": Safetensors, "LMDB": Lmdb}
if importlib.util.find_spec("lance"):
    FORMATS["Lance"] = Lance
