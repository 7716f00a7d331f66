"""Files of the vector store: whole or absent, and a full disk said in one sentence."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, BinaryIO

from prefixbench.files import FULL, choose_cache_error, write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NO_ROOM = {**FULL, errno.EFBIG: "the file is too big"}


def publish_file(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file of the store; see ``write_file``.

    Raises:
        FullDiskError: The disk is full or the quota used up. Nothing is left behind.
        CacheError: The folder may not be written to.
    """
    try:
        write_file(path, write)
    except OSError as error:
        raise choose_cache_error(error)(describe_write_failure(path.parent, error)) from error


def describe_write_failure(folder: Path, error: OSError) -> str:
    """One sentence that says why a folder of the cache cannot be written to, and what helps."""
    reason = _NO_ROOM.get(error.errno or 0)
    if reason:
        return (
            f"{folder}: {reason}, nothing more can be stored; what is stored is whole. Free space there, run "
            "'prefixbench cache prune --max-size SIZE', or name another folder with --cache."
        )
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"{folder}: cannot be written to ({why}); name another folder with --cache."
