"""Taking files out of a store without pulling them from under whoever reads them."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING

import psutil

from prefixbench.files import TEMPORARY_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path

RETIRED_SUFFIX = ".retired"
DAMAGED_SUFFIX = ".damaged"
"""A condemned segment keeps its bytes under this name, for whoever wants to look, until the store is pruned."""

GRACE_SECONDS = 86_400.0
"""How long retired files stay on a shared file system, and how old a temporary file is before it counts as lost."""

LOCAL_FILE_SYSTEMS = frozenset(
    {"apfs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "hfs", "overlay", "tmpfs", "xfs", "zfs"}
)


def retire_file(path: Path, suffix: str = RETIRED_SUFFIX) -> int:
    """Take a file out of the store; a process that has it mapped reads on.

    On a local file system an unlinked file lives until its last reader ends. A network file system may delete it
    under a reader on another machine, who would die of it; there the file is renamed, which harms no reader, and
    deleted by a later call of ``sweep_folder``.

    Returns:
        Bytes that will be free only later.
    """
    with contextlib.suppress(FileNotFoundError):  # another process was quicker
        size = path.stat().st_size
        renamed = path.rename(path.with_suffix(suffix))
        if suffix == DAMAGED_SUFFIX or not is_local(path.parent):
            return size
        renamed.unlink()
    return 0


def sweep_folder(folder: Path) -> int:
    """Delete what no one can still be using: retired and condemned segments, and what killed writers left.

    Returns:
        Bytes freed.
    """
    grace = 0.0 if is_local(folder) else GRACE_SECONDS
    waits = {RETIRED_SUFFIX: grace, DAMAGED_SUFFIX: grace, TEMPORARY_SUFFIX: GRACE_SECONDS}
    freed = 0
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            # The time of the last change of name, which the time of the last use does not show.
            changed, size = path.stat().st_ctime, path.stat().st_size
            if path.suffix in waits and time.time() - changed >= waits[path.suffix]:
                path.unlink()
                freed += size
    return freed


@functools.cache
def is_local(folder: Path) -> bool:
    """Whether a folder is on a file system that only this machine mounts; where unknown, it is not."""
    place = folder.resolve()
    mounts = {mount.mountpoint: mount.fstype.lower() for mount in psutil.disk_partitions(all=True)}
    for parent in (place, *place.parents):
        if str(parent) in mounts:
            return mounts[str(parent)] in LOCAL_FILE_SYSTEMS
    return False
