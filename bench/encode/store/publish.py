"""Files that are either whole or not there: written aside, flushed to the disk, then renamed into place."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from bench.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPORARY_SUFFIX = ".tmp"

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too big",
}
_NO_DIRECTORY_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}


def publish_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that every reader, on any machine and after any crash, sees all of it or nothing.

    Args:
        path: Where it is to stand; its folder is made where absent.
        write: Given a binary file, writes the content.

    Raises:
        CacheError: The disk is full, the quota used up, or the folder may not be written to. Nothing is left behind.
    """
    # A name of its own a process and a call: two writers never share a temporary file.
    temporary = path.parent / f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CacheError(describe_write_failure(path.parent, error)) from error
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def describe_write_failure(folder: Path, error: OSError) -> str:
    """One sentence that says why a folder of the cache cannot be written to, and what helps."""
    reason = _FULL.get(error.errno or 0)
    if reason:
        return (
            f"{folder}: {reason}, nothing more can be stored; what is stored is whole. Free space there, run "
            "'prefixbench cache prune --max-size SIZE', or name another folder with --cache."
        )
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"{folder}: cannot be written to ({why}); name another folder with --cache."


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems sync renames themselves and refuse the call.
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(handle)
