"""What goes back to the system, and what must not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from prefixbench.encode import memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has these calls")


def test_pages_of_a_mapped_file_are_given_back_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "with a space.bin"
    content = np.arange(1 << 20, dtype=np.float32)
    content.tofile(path)
    mapped = np.memmap(path, dtype=np.float32, mode="r")
    changed = np.memmap(path, dtype=np.float32, mode="c")
    changed[:] = -1
    before = psutil.Process().memory_info().shared  # pages of files
    assert mapped.sum() == content.sum()
    assert psutil.Process().memory_info().shared - before > content.nbytes / 2
    memory.give_back_mapped(path)
    assert psutil.Process().memory_info().shared - before < content.nbytes / 2
    assert (mapped == content).all()
    assert (changed == -1).all(), "what was written to is in no file"


def test_a_large_block_goes_back_when_it_is_freed() -> None:
    memory.return_large_blocks()
    process = psutil.Process()
    before = process.memory_info().rss
    blocks = [np.ones(2 * memory.LARGE_BLOCK, dtype=np.uint8) for _ in range(64)]
    last = np.ones(2 * memory.LARGE_BLOCK, dtype=np.uint8)  # above the others, so that nothing could be trimmed
    grown = process.memory_info().rss - before
    assert grown > 100 << 20
    del blocks
    assert process.memory_info().rss - before < grown / 4
    assert last.all()
