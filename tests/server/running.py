"""Servers as processes of their own, on free ports of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


@contextmanager
def run_server(*command: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """A server as ``COMMAND --host 127.0.0.1 --port N`` on a free port, its address; ended on the way out.

    Raises:
        RuntimeError: It ended, or did not answer in time; with the end of what it wrote.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    whole = [*command, "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        whole, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(environment or {})}
    )
    try:
        wait_for(process, f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait_for(process: subprocess.Popen[str], url: str) -> None:
    """Return once a server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = process.communicate()[0]
            raise RuntimeError(f"{process.args!r} ended: {said[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{process.args!r} did not answer at {url}")


def call(hub: str, folder: Path, *arguments: str, seconds: float = 250) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, since the hub's address is read when its package is imported."""
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(folder / "hf"), "PREFIXBENCH_CACHE": str(folder)}
    command = [sys.executable, "-m", "prefixbench", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
