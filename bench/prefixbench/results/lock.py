"""One sweep at a time writes to a results folder."""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prefixbench.errors import ResultsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Hold a results folder for writing; the lock falls with the process, however it ends.

    Raises:
        ResultsError: Another process holds it; says which.
    """
    path = folder / "lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise ResultsError(f"{folder}: {holder} is writing to this folder; wait for it, or stop it.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
