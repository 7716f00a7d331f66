"""Memory that the system gets back: Linux alone keeps more than is needed, and has the calls that change it."""

from __future__ import annotations

import ctypes
import gc
import mmap
import sys
from pathlib import Path

LARGE_BLOCK = 1 << 20
"""Bytes of a block that is mapped by itself, and unmapped when it is freed."""

_M_MMAP_THRESHOLD = -3
"""As in glibc's ``malloc.h``."""


def give_back_freed() -> None:
    """Free what nothing refers to any more, and let the system have it: the C library would keep it for later."""
    gc.collect()
    _call_library("malloc_trim", 0)


def return_large_blocks() -> None:
    """Have the C library return every large block as soon as it is freed, from now on.

    By default it learns from the first one that is freed to keep those of up to 32 MiB, in case another is asked for.
    """
    _call_library("mallopt", _M_MMAP_THRESHOLD, LARGE_BLOCK)


def give_back_mapped(path: Path) -> None:
    """Let the system have what is in memory of a file that is mapped; what is read again comes from the file.

    Pages come back one by one, not with their neighbours: of word vectors, a few rows in many places are read.
    """
    if sys.platform != "linux":
        return
    name = str(path.resolve())
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        span, mode, *rest = line.split(maxsplit=5)
        if rest[-1] == name and "w" not in mode:  # what was written to exists nowhere else
            start, end = (int(bound, 16) for bound in span.split("-"))
            for advice in (mmap.MADV_RANDOM, mmap.MADV_DONTNEED):
                advise(start, end - start, advice)


def _call_library(name: str, *arguments: int) -> None:
    """Call a function of the C library where it has it."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
