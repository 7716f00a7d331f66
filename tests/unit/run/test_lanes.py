"""Scoring workers: one a key, one thread each, replaced when they die, gone when their parent is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest
import torch
from prefixbench.run.lanes import Lanes

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def lanes() -> Iterator[Lanes]:
    lanes = Lanes(2)
    lanes.start()
    yield lanes
    lanes.stop()


def test_jobs_of_one_key_share_a_worker_of_one_thread(lanes: Lanes) -> None:
    first, again, other = (lanes.submit(key, os.getpid).result() for key in ("one", "one", "two"))
    assert first == again
    assert len({first, other, os.getpid()}) == 3
    assert lanes.submit("one", torch.get_num_threads).result() == 1
    assert lanes.submit("one", os.getpriority, os.PRIO_PROCESS, 0).result() > os.getpriority(os.PRIO_PROCESS, 0)


def test_a_worker_that_dies_is_replaced(lanes: Lanes) -> None:
    before = lanes.submit("two", os.getpid).result()
    with pytest.raises(BrokenProcessPool):
        lanes.submit("two", os._exit, 1).result()
    assert lanes.submit("two", os.getpid).result() != before


def test_without_workers_jobs_run_here() -> None:
    assert Lanes(0).submit("one", os.getpid).result() == os.getpid()


def test_stopping_leaves_no_thread_to_be_woken_on_the_way_out() -> None:
    before = set(threading.enumerate())
    lanes = Lanes(1)
    lanes.submit("one", time.sleep, 60)
    lanes.stop()
    assert set(threading.enumerate()) <= before


def test_a_worker_ends_with_its_parent() -> None:
    script = (
        "import os, signal\n"
        "from prefixbench.run.lanes import Lanes\n"
        "lanes = Lanes(1)\n"
        "print(lanes.submit('one', os.getpid).result(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    worker = int(done.stdout)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and psutil.pid_exists(worker):
        time.sleep(0.05)
    assert not psutil.pid_exists(worker)
