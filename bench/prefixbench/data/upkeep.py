"""Making the folder of kept tables smaller; everything in it is made again from the user's files when needed."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from prefixbench.data.prepare import DATA_FOLDER, MADE
from prefixbench.errors import CacheError
from prefixbench.vectors.mapped_texts import HELD_FOLDER, HELD_SUFFIX

LEFT_BEHIND = 24 * 3600.0
"""Seconds after which a table that is still being written has been left by a killed process."""


@dataclass(frozen=True, slots=True)
class DataPrune:
    """What went.

    Attributes:
        n_sets: Data sets whose tables were deleted.
        n_bytes: What that freed, with what killed processes had left.
    """

    n_sets: int
    n_bytes: int


def prune_data(cache: Path, older_than: float | None, now: float | None = None) -> DataPrune:
    """Delete tables of own data; remnants of killed processes always go, and corpora that these held in files.

    Args:
        cache: The cache folder.
        older_than: Those not used for so many seconds; none where absent.
        now: Seconds since 1970, for tests.

    Raises:
        CacheError: The folder may not be written to.
    """
    now = time.time() if now is None else now
    n_sets = n_bytes = 0
    try:
        for folder in sorted((cache / DATA_FOLDER).glob("*")):
            used = (folder / MADE if (folder / MADE).is_file() else folder).stat().st_mtime
            is_left = folder.name.endswith(".tmp")
            oldest = LEFT_BEHIND if is_left else older_than
            if oldest is None or now - used <= oldest:
                continue
            n_bytes += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            n_sets += not is_left
            shutil.rmtree(folder)
        for held in sorted((cache / HELD_FOLDER).glob(f"*{HELD_SUFFIX}")):
            if now - held.stat().st_mtime > LEFT_BEHIND:
                n_bytes += held.stat().st_size
                held.unlink()
    except OSError as error:
        raise CacheError(f"{cache / DATA_FOLDER}: cannot be pruned ({error.strerror or error}).") from error
    return DataPrune(n_sets, n_bytes)
