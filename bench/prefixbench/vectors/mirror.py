"""Vectors at an address: segments that many machines share without a common folder, through whatever fsspec reaches.

Each machine has a folder of its own, which is all that the store reads. A segment is sent when it is written, and
fetched when somebody asks for a key that it holds; which keys a segment holds is read from its head alone. A segment
that was sent in part, or arrives as something else than was written, does not count.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from prefixbench.errors import CacheError
from prefixbench.files import is_address, locate_cache, read_object, write_bytes
from prefixbench.plain import first_line, strip_credentials
from prefixbench.vectors.index import KeyIndex
from prefixbench.vectors.keys import KEY_BYTES, Keys
from prefixbench.vectors.namespaces import RECORD_NAME
from prefixbench.vectors.publish import publish_file
from prefixbench.vectors.segment import SEGMENT_SUFFIX, Segment, UnreadableSegmentError, parse_segment

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

T = TypeVar("T")

ADDRESS_FILE = "address.json"
"""In a store's folder: where its segments are shared."""

_BLOCK_BYTES = 1 << 18

_log = logging.getLogger("prefixbench.cache")


@dataclass(frozen=True, slots=True)
class Address:
    """A place that fsspec reaches, such as ``s3://bucket/folder``."""

    url: str

    def reach(self, act: Callable[[AbstractFileSystem, str], T], to: str) -> T:
        """Do something there; whatever goes wrong is one sentence, but for a file that is not there.

        Args:
            act: Given the file system and the path.
            to: What is being done, for the sentence (``read``).

        Raises:
            FileNotFoundError: As the file system says.
            CacheError: Anything else; the packages behind fsspec have no common exception.
        """
        try:
            return act(*self._open())
        except (FileNotFoundError, UnreadableSegmentError):
            raise
        except Exception as error:
            why = strip_credentials(first_line(error))
            raise CacheError(f"--cache {self.url}: cannot be {to} ({why}).") from error

    def _open(self) -> tuple[AbstractFileSystem, str]:
        # Found anew each time, for a forked worker must not use the connections of its parent; fsspec keeps them apart.
        from fsspec.core import url_to_fs

        system, path = url_to_fs(self.url, use_listings_cache=False)
        return system, path.rstrip("/")


def open_cache(named: str | Path) -> Path:
    """The cache folder that a user names: a folder as it is, for an address the one that this machine keeps for it.

    Raises:
        CacheError: The address cannot be reached, needs a package that is not there, or holds another format.
    """
    if not is_address(named):
        return Path(named)
    from prefixbench.vectors.folder import FORMAT, FORMAT_NAME, STORE_FOLDER

    address = Address(str(named))
    content = json.dumps({"format": FORMAT}).encode() + b"\n"

    def read_format(system: AbstractFileSystem, path: str) -> object:
        return json.loads(system.cat_file(f"{path}/{FORMAT_NAME}"))["format"]

    def write_format(system: AbstractFileSystem, path: str) -> None:
        system.makedirs(path, exist_ok=True)
        system.pipe_file(f"{path}/{FORMAT_NAME}", content)

    try:
        known = address.reach(read_format, "read")
    except FileNotFoundError:
        address.reach(write_format, "written to")
        known = FORMAT
    if known != FORMAT:
        raise CacheError(f"--cache {named}: the store has format {known!r}; this version reads format {FORMAT}.")
    folder = locate_cache(named)
    write_bytes(folder / STORE_FOLDER / ADDRESS_FILE, json.dumps({"address": address.url}).encode())
    return folder


def find_address(store: Path) -> Address | None:
    """Where a store's segments are shared, if anywhere."""
    url = read_object(store / ADDRESS_FILE).get("address")
    return Address(url) if isinstance(url, str) else None


class Mirror:
    """One namespace at an address.

    Args:
        address: Of the store.
        folder: The namespace's on this machine.
    """

    def __init__(self, address: Address, folder: Path) -> None:
        self._address = address
        self._folder = folder
        self._there: dict[str, Segment] = {}
        self._refused: dict[str, int] = {}
        self._index = KeyIndex()
        self._is_settled = self._has_told = False

    def holds(self, keys: Keys) -> NDArray[np.bool_]:
        """Which keys a segment there has, shape ``(n,)``; nothing but heads is fetched.

        Raises:
            CacheError: The address cannot be reached.
        """
        self._look()
        held: NDArray[np.bool_] = self._index.locate(keys) >= 0
        return held

    def fetch(self, keys: Keys) -> bool:
        """Bring the segments that hold some of these keys; says whether any came.

        Raises:
            CacheError: The address cannot be reached, or the folder cannot be written to.
        """
        self._look()
        fetched: list[bool] = []
        # Again, since one that turns out damaged may hide another that holds the same.
        while names := self._list_absent(keys):
            fetched += [self._fetch(name) for name in names]
        if any(fetched) and not (self._folder / RECORD_NAME).exists():
            with contextlib.suppress(FileNotFoundError):  # it is for people
                content = self._read(RECORD_NAME)
                publish_file(self._folder / RECORD_NAME, lambda file: file.write(content))
        return any(fetched)

    def _list_absent(self, keys: Keys) -> list[str]:
        """Segments there that hold some of the keys and are not here."""
        found = [segment.path.name for segment, _, _ in self._index.group(self._index.locate(keys))]
        return [name for name in found if not (self._folder / name).exists()]

    def send(self, path: Path) -> None:
        """Send a segment that was written.

        Raises:
            CacheError: The address cannot be written to; the segment stays here, and is sent another time.
        """
        self._put(path)
        if not self._has_told:
            self._has_told = True
            self._put(self._folder / RECORD_NAME)

    def _put(self, path: Path) -> None:
        def put(system: AbstractFileSystem, root: str) -> None:
            system.makedirs(f"{root}/{self._folder.name}", exist_ok=True)
            system.put_file(str(path), f"{root}/{self._folder.name}/{path.name}")

        try:
            self._address.reach(put, "written to")
        except FileNotFoundError as error:
            raise CacheError(f"--cache {self._address.url}: cannot be written to ({first_line(error)}).") from error

    def _look(self) -> None:
        """Learn of the segments that came since the last look."""
        sizes = self._list()
        new = [
            name
            for name, size in sizes.items()
            if name.endswith(SEGMENT_SUFFIX) and name not in self._there and self._refused.get(name) != size
        ]
        heads = []
        for name in sorted(new):
            try:
                heads.append(self._read_head(name))
            except (UnreadableSegmentError, FileNotFoundError):
                self._refused[name] = sizes[name]  # still on its way, or never whole; looked at again as it grows
        self._there |= {segment.path.name: segment for segment in heads}
        self._index.add(heads)
        self._settle(sizes)

    def _list(self) -> dict[str, int]:
        def look(system: AbstractFileSystem, root: str) -> list[dict[str, Any]]:
            system.invalidate_cache()
            entries: list[dict[str, Any]] = system.ls(f"{root}/{self._folder.name}", detail=True)
            return entries

        try:
            entries = self._address.reach(look, "read")
        except FileNotFoundError:
            return {}
        return {entry["name"].rstrip("/").rpartition("/")[2]: int(entry["size"] or 0) for entry in entries}

    def _settle(self, sizes: dict[str, int]) -> None:
        """Once: send what a process that was cut off did not."""
        if self._is_settled:
            return
        self._is_settled = True
        for path in sorted(self._folder.glob(f"*{SEGMENT_SUFFIX}")):
            if path.is_file() and sizes.get(path.name) != path.stat().st_size:
                try:
                    self._put(path)
                except CacheError as error:
                    _log.warning("%s", error)  # what is to be read may be there all the same
                    return

    def _read(self, name: str) -> bytes:
        def read(system: AbstractFileSystem, root: str) -> bytes:
            content: bytes = system.cat_file(f"{root}/{self._folder.name}/{name}")
            return content

        return self._address.reach(read, "read")

    def _read_head(self, name: str) -> Segment:
        """The keys of a segment there."""

        def read(system: AbstractFileSystem, root: str) -> Keys:
            options = pa.ipc.IpcReadOptions(included_fields=[0])
            path = f"{root}/{self._folder.name}/{name}"
            with system.open(path, "rb", block_size=_BLOCK_BYTES) as file:
                try:
                    with pa.ipc.open_file(pa.PythonFile(file, mode="r"), options=options) as reader:
                        column = reader.get_batch(0).column("key")
                    if column.type != pa.binary(KEY_BYTES):
                        raise UnreadableSegmentError(f"keys are {column.type}")
                except (pa.ArrowException, KeyError, ValueError) as error:
                    raise UnreadableSegmentError(str(error)) from error
                except OSError as error:
                    if type(error) is not OSError or error.errno is not None:
                        raise
                    raise UnreadableSegmentError(str(error)) from error  # as Arrow says that a file ends too early
            return np.frombuffer(column.buffers()[1], np.uint8, len(column) * KEY_BYTES).reshape(-1, KEY_BYTES)

        keys = self._address.reach(read, "read")
        nothing = np.empty((len(keys), 0), np.float32)
        return Segment(Path(name), keys, nothing, np.empty(0, np.uint64), np.empty(0, np.bool_))

    def _fetch(self, name: str) -> bool:
        """Bring one segment; one that is not what was written, or is gone, is passed over from now on."""
        try:
            content = self._read(name)
        except FileNotFoundError:
            self._forget(name, 0)
            return False
        if not _is_sound(content):
            _log.warning("--cache %s: %s is not what was written; passed over.", self._address.url, name)
            self._forget(name, len(content))
            return False
        publish_file(self._folder / name, lambda file: file.write(content))
        return True

    def _forget(self, name: str, size: int) -> None:
        self._refused[name] = size
        del self._there[name]
        self._index = KeyIndex()
        self._index.add(list(self._there.values()))


def _is_sound(content: bytes) -> bool:
    try:
        return not parse_segment(np.frombuffer(content, np.uint8)).find_damage().size
    except UnreadableSegmentError:
        return False
