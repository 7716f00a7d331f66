"""A command as a process of its own, watched from outside: seconds, memory, and what else the machine did."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Usage:
    """What a command and its children took.

    Attributes:
        wall_seconds: From start to end.
        cpu_seconds: Of all its processes.
        peak_rss_bytes: Largest sum of resident memory of all its processes, sampled; shared pages count for each.
        peak_pss_bytes: The same with each shared page counted once.
        peak_anonymous_bytes: Of that, what no file stands behind: the system cannot take it back but by swapping.
        other_cores: Cores that everything else on the machine kept busy meanwhile, on average.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    peak_pss_bytes: int
    peak_anonymous_bytes: int
    other_cores: float


@dataclass
class _Peaks:
    rss: int = 0
    pss: int = 0
    anonymous: int = 0
    cpu: dict[int, float] = field(default_factory=dict)


IDLE_CORES = 0.15
"""Less than this busy, the machine counts as idle."""


def wait_until_idle(patience: float) -> None:
    """Wait for other work on the machine to end, no longer than ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        began, busy = time.monotonic(), busy_seconds()
        time.sleep(2.0)
        if (busy_seconds() - busy) / (time.monotonic() - began) < IDLE_CORES:
            return


def watch(command: list[str], environment: dict[str, str], expected: tuple[int, ...] = (0,)) -> Usage:
    """Run a command to its end.

    Raises:
        SystemExit: It ended with another code than expected.
    """
    peaks = _Peaks()
    before, busy = os.times(), busy_seconds()
    began = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        _look(process.pid, peaks)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_BETWEEN_LOOKS)
    wall = time.monotonic() - began
    if process.returncode not in expected:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    after = os.times()
    reaped = after.children_user + after.children_system - before.children_user - before.children_system
    cpu = max(reaped, sum(peaks.cpu.values()))  # children that nobody waited for are only in the samples
    others = max(0.0, busy_seconds() - busy - cpu) / wall
    return Usage(wall, cpu, peaks.rss, peaks.pss, peaks.anonymous, others)


def _look(root: int, peaks: _Peaks) -> None:
    rss = pss = anonymous = 0
    with contextlib.suppress(psutil.Error):
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
        for process in tree:
            with contextlib.suppress(psutil.Error):
                memory = _read_memory(process.pid) or dict.fromkeys(("Rss", "Pss"), process.memory_info().rss)
                rss, pss = rss + memory["Rss"], pss + memory["Pss"]
                anonymous += memory.get("Pss_Anon", 0)
                times = process.cpu_times()
                peaks.cpu[process.pid] = times.user + times.system
    peaks.rss, peaks.pss = max(peaks.rss, rss), max(peaks.pss, pss)
    peaks.anonymous = max(peaks.anonymous, anonymous)


def _read_memory(process: int) -> dict[str, int]:
    """Bytes of a process by the system's names for them; none where it does not tell.

    Read once a look: the system walks all of a process's pages for it.
    """
    with contextlib.suppress(OSError):
        rows = (line.split() for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:])
        return {name.rstrip(":"): 1024 * int(size) for name, size, _ in rows}
    return {}


def busy_seconds() -> float:
    """Seconds of all cores together that this machine was not idle, since it was started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))
