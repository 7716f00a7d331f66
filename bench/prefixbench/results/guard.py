"""Reading and writing inside a results folder that nobody vouches for: no link is followed, no pipe is waited for."""

from __future__ import annotations

import fcntl
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.errors import ResultsError
from prefixbench.files import TEMPORARY_SUFFIX, open_ordinary, read_bytes, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "lock"
MOST_BYTES = 1 << 30
"""No file of a results folder that is read whole is larger."""

_TEMPORARY = re.compile(rf"\.[0-9a-f]{{16}}{re.escape(TEMPORARY_SUFFIX)}")


def locate_inside(folder: Path, name: str) -> Path:
    """Return the path of a file of a results folder.

    Args:
        folder: The results folder, which may itself be reached through a link.
        name: The file's name below it, parts joined by ``/``.

    Raises:
        ResultsError: The name leads out of the folder, or a part of it is a link.
    """
    path = folder
    for part in Path(name).parts:
        path /= part
        if part in {"..", "/"}:
            raise ResultsError(f"{folder}: {name!r} leads out of the results folder.")
        if path.is_symlink():
            raise ResultsError(f"{path}: is a link; nothing in a results folder is read or written through one.")
    return path


def read_inside(folder: Path, name: str, most: int = MOST_BYTES) -> bytes | None:
    """Read a file of a results folder; ``None`` where there is none.

    Raises:
        ResultsError: It is a link, a pipe, a folder, larger than ``most`` bytes, or cannot be read.
    """
    path = locate_inside(folder, name)
    try:
        return read_bytes(path, most)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path}: cannot be read ({describe_os_error(error)}).") from None


def write_inside(folder: Path, name: str, content: bytes) -> None:
    """Publish a file of a results folder, whole or not at all.

    Raises:
        ResultsError: A part of its name is a link, or the folder cannot be written to.
    """
    path = locate_inside(folder, name)
    try:
        write_bytes(path, content)
    except OSError as error:
        raise ResultsError(f"{path}: cannot be written ({describe_os_error(error)}).") from None


def describe_os_error(error: Exception) -> str:
    """Return what the system says, without the path and the number."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left unfinished; only to be called by who holds the folder."""
    for path in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        if is_leftover(path):
            path.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Tell whether a file was being written when its writer was killed."""
    return _TEMPORARY.fullmatch(path.name) is not None and not path.is_symlink()


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold a results folder for writing; the lock falls with the process, however it ends.

    Raises:
        ResultsError: Another process holds it; says which. Or it cannot be written to.
    """
    path = locate_inside(folder, LOCK)
    try:
        handle = open_ordinary(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written to ({describe_os_error(error)}).") from None
    with os.fdopen(handle, "r+", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read(200).strip() or "another process"
            raise ResultsError(f"{folder}: {holder} is writing to this folder; wait for it, or stop it.") from None
        except OSError as error:
            raise ResultsError(f"{folder}: cannot be locked ({describe_os_error(error)}).") from None
        try:
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield
        finally:
            os.truncate(file.fileno(), 0)
