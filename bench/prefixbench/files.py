"""Files that are whole or absent, the lock of a folder, and where the user's cache stands."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import platformdirs

from prefixbench.errors import CacheError, FullDiskError

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPORARY_SUFFIX = ".tmp"

FileState = tuple[str, int, int, int, int]
"""A file's path, size, times of writing and of change, and inode."""

SEAL = "SHA256SUMS"
"""In a folder that was made here and is trusted later: what its files are."""

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
}
"""What a system says that has no room, in words."""

_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}
"""Some network file systems sync renames themselves and refuse to be asked."""


def is_address(named: str | Path) -> bool:
    """Whether a cache is named by an address, such as ``s3://bucket/folder``, and not by a folder."""
    return isinstance(named, str) and "://" in named


def default_cache_folder() -> Path:
    """Return the folder named by ``PREFIXBENCH_CACHE``, else ``prefixbench`` in the user's cache folder.

    Raises:
        CacheError: The user has no home folder, and no other is named.
    """
    return locate_cache(os.environ.get("PREFIXBENCH_CACHE"))


def locate_cache(named: str | Path | None) -> Path:
    """The folder on this machine of a cache: a folder is its own, an address has one in the user's cache folder.

    Raises:
        CacheError: As ``default_cache_folder``.
    """
    try:
        if named and not is_address(named):
            return Path(named).expanduser()
        folder = Path(platformdirs.user_cache_dir("prefixbench", appauthor=False)).expanduser()
        if not named:
            return folder
        own = os.environ.get("PREFIXBENCH_CACHE", "")
        base = Path(own).expanduser() if own and not is_address(own) else folder
        return base / "addresses" / hashlib.sha256(str(named).encode()).hexdigest()[:16]
    except RuntimeError:  # as both say that there is no home
        raise CacheError(
            "this user has no home folder to keep a cache in; name one with --cache or PREFIXBENCH_CACHE."
        ) from None


def choose_cache_error(error: OSError) -> type[CacheError]:
    """What a cache folder that could not be written to is reported as: a full disk is told from other faults."""
    return FullDiskError if error.errno in FULL else CacheError


def write_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that every reader, on any machine and after any crash, sees all of it or nothing.

    Args:
        path: Where it is to stand; its folder is made where absent.
        write: Given a binary file, writes the content.

    Raises:
        OSError: The disk is full, or the folder may not be written to. Nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own for each call: two writers never share a temporary file.
    temporary = path.parent / f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file's content, whole or not at all; see ``write_file``."""
    write_file(path, lambda file: file.write(content))


def open_ordinary(path: Path, flags: int) -> int:
    """Open a file by its descriptor, never through a link; a pipe, a device or a folder is refused without waiting.

    Args:
        path: The file; its last part is no link.
        flags: As ``os.open`` takes them.

    Raises:
        OSError: The file cannot be opened, or is no ordinary one.
    """
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    return handle


def read_bytes(path: Path, most: int) -> bytes:
    """Read an ordinary file of at most so many bytes, never through a link.

    Raises:
        OSError: The file cannot be read, is no ordinary one, or holds more.
    """
    with os.fdopen(open_ordinary(path, os.O_RDONLY), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most:,} bytes", str(path))
    return content


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def seal_folder(folder: Path) -> None:
    """Write the sha256 of every file below a folder into it, and make all of it survive a power cut."""
    lines = []
    for path in _list_sealed(folder):
        with path.open("rb") as stream:
            lines.append(
                f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {path.relative_to(folder).as_posix()}\n"
            )
            os.fsync(stream.fileno())
        sync_folder(path.parent)
    write_bytes(folder / SEAL, "".join(lines).encode())


def make_sealed(destination: Path, make: Callable[[Path], object]) -> Path:
    """The folder that ``make`` makes, made where it is not there or not as it was sealed, and then kept.

    Args:
        destination: Where it is kept; another process may be quicker, and then its folder is taken.
        make: Fills an empty folder.

    Raises:
        OSError: The disk is full, or the place may not be written to. Nothing is left behind.
    """
    if destination.is_dir():
        if is_sealed(destination):
            return destination
        shutil.rmtree(destination, ignore_errors=True)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as scratch:
        draft = Path(scratch) / "made"
        draft.mkdir()
        make(draft)
        seal_folder(draft)
        try:
            draft.rename(destination)
        except OSError:
            if not destination.is_dir():
                raise
        sync_folder(destination.parent)
    return destination


def is_sealed(folder: Path) -> bool:
    """Whether every file below a folder is as it was when the folder was sealed, and none is missing or new."""
    try:
        lines = (folder / SEAL).read_text(encoding="utf-8").splitlines()
        recorded = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for path in _list_sealed(folder):
            if recorded.pop(path.relative_to(folder).as_posix(), None) != hash_file(path):
                return False
    except (OSError, ValueError):
        return False
    return not recorded


def identify_file(path: Path) -> FileState:
    """What tells a file from what it was before: the inode and the time of its last change cannot be set back."""
    real = path.resolve()
    state = real.stat()
    return (str(real), state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


def hash_file(path: Path) -> str:
    """The sha256 of a file, 64 hex digits; one that is as this process last saw it is not read again."""
    return _hash_file(identify_file(path))


@functools.lru_cache(maxsize=1024)
def _hash_file(state: FileState) -> str:
    with Path(state[0]).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _list_sealed(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SEAL)


def read_object(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; empty where there is none."""
    try:
        # A pipe of that name would be waited on for ever.
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_memo(path: Path) -> dict[str, Any]:
    """Return a remembered JSON object; empty where it is not there as it was written, since all can be found anew."""
    memo = read_object(path)
    value = memo.get("value")
    return value if isinstance(value, dict) and memo.get("sha256") == _digest_memo(value) else {}


def write_memo(path: Path, value: dict[str, Any]) -> None:
    """Remember a JSON object; a folder that cannot be written to only costs time later."""
    with contextlib.suppress(OSError):
        memo = {"sha256": _digest_memo(value), "value": value}
        write_bytes(path, json.dumps(memo, sort_keys=True, allow_nan=False).encode())


def _digest_memo(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
