"""Executors: every job's result comes back, a job that fails or dies takes nothing with it, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from prefixbench.errors import ScoreError, UnknownNameError, UntrustedCodeError
from prefixbench.run.executor import Executor, Failure, Job, Kept, Worker
from prefixbench.run.processes import DIED, ProcessExecutor

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessExecutor]:
    executor = ProcessExecutor(2)
    executor.start()
    yield executor
    executor.stop()


def run_all(executor: Executor, *calls: tuple[Callable[..., Any], Any, str]) -> list[Any]:
    """Results in the order of the calls, each a stage, its argument and what it keeps."""
    found: dict[int, Any] = {}
    for index, (stage, argument, keeps) in enumerate(calls):
        arguments = () if argument is None else (argument,)
        job: Job[Any] = Job(stage, arguments, Worker.SCORER, keeps)
        executor.submit(job, partial(found.__setitem__, index))
    executor.run()
    return [found[index] for index in range(len(calls))]


def raise_ours(kind: str) -> None:
    raise {
        "score": ScoreError("no score."),
        "code": UntrustedCodeError("brings code."),
        "name": UnknownNameError("model", "e5", ["e5-small"]),
        "exit": SystemExit(3),
        "memory": MemoryError(),
        "generator": GeneratorExit(),
        "key": KeyError("text"),
    }[kind]


def return_a_lock(_: str) -> object:
    return threading.Lock()


def kill_self(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


FAILURES = {
    "score": Failure("no score.", "ScoreError"),
    "code": Failure("brings code.", "UntrustedCodeError", is_rule=True),
    "name": Failure("unknown model 'e5'; valid choices: e5-small.", "UnknownNameError"),
    "exit": Failure("SystemExit: 3", "SystemExit"),
    "memory": Failure(
        "The machine ran out of memory; lower --batch-tokens or --limit, or use --dtype bfloat16.", "MemoryError"
    ),
    "generator": Failure("GeneratorExit: no message", "GeneratorExit"),
    "key": Failure("KeyError: 'text'", "KeyError"),
}


def test_whatever_a_stage_raises_is_its_own_failure(processes: ProcessExecutor) -> None:
    calls = [(raise_ours, kind, kind) for kind in FAILURES]
    for executor in (processes, ProcessExecutor(0)):
        assert run_all(executor, *calls, (len, "four", "x")) == [*FAILURES.values(), 4]


def test_an_interruption_is_no_failure() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    executor = ProcessExecutor(0)
    executor.submit(Job(interrupt, (), Worker.ENCODER, ""), print)
    with pytest.raises(KeyboardInterrupt):
        executor.run()


def test_jobs_that_need_the_same_data_share_a_worker_of_one_thread(processes: ProcessExecutor) -> None:
    first, other = run_all(processes, (os.getpid, None, "one"), (os.getpid, None, "two"))
    again, threads, niceness = run_all(
        processes, (os.getpid, None, "one"), (torch.get_num_threads, None, "one"), (os.nice, 0, "one")
    )
    assert first == again
    assert len({first, other, os.getpid()}) == 3
    assert threads == 1
    assert niceness > os.nice(0)


def test_a_crowd_waiting_for_one_worker_is_shared_out(processes: ProcessExecutor) -> None:
    pids = run_all(processes, *[(_sleep_and_tell, 0.05, "crowded")] * 8)
    assert len(set(pids)) == 2


def _sleep_and_tell(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_a_worker_that_dies_fails_the_job_it_was_at_and_no_other(processes: ProcessExecutor) -> None:
    (before,) = run_all(processes, (os.getpid, None, "victim"))
    found = run_all(processes, (kill_self, "", "victim"), *[(abs, -n, "victim") for n in range(5)])
    assert found == [Failure(DIED, "ScoreError"), 0, 1, 2, 3, 4]
    assert not psutil.pid_exists(before)


def test_a_worker_that_died_idle_is_replaced_unnoticed(processes: ProcessExecutor) -> None:
    (before,) = run_all(processes, (os.getpid, None, "idle"))
    worker = next(child for child in active_children() if child.pid == before)
    os.kill(before, signal.SIGKILL)
    worker.join()
    (after,) = run_all(processes, (os.getpid, None, "idle"))
    assert isinstance(after, int)
    assert after != before


def test_a_result_that_cannot_be_sent_fails_its_job(processes: ProcessExecutor) -> None:
    (found,) = run_all(processes, (return_a_lock, "", "x"))
    assert found == Failure("TypeError: cannot pickle '_thread.lock' object", "TypeError")


def test_what_comes_of_a_job_may_be_more_jobs(processes: ProcessExecutor) -> None:
    for executor in (processes, ProcessExecutor(0)):
        order: list[Any] = []

        def encode(value: Any, executor: Executor = executor, order: list[Any] = order) -> None:
            order.append(value)
            if len(order) < 6:
                worker = (Worker.ENCODER, Worker.SCORER)[len(order) % 2]
                executor.submit(Job(abs, (-len(order),), worker, "k"), encode)

        executor.submit(Job(abs, (0,), Worker.SCORER, "k"), encode)
        executor.run()
        assert order == [0, 1, 2, 3, 4, 5]


def test_encoding_happens_in_the_process_that_asks(processes: ProcessExecutor) -> None:
    found: list[Any] = []
    processes.submit(Job(os.getpid, (), Worker.ENCODER, "model"), found.append)
    processes.run()
    assert found == [os.getpid()]


def test_workers_that_give_way_lose_no_job_and_leave_no_process() -> None:
    executor = ProcessExecutor(2)
    executor.start()
    order: list[Any] = []
    try:
        for _ in range(5):
            executor.submit(Job(_sleep_and_tell, (0.2,), Worker.SCORER, "data"), order.append)
        executor.submit(Job(executor.give_way, (), Worker.ENCODER, "model"), order.append)
        executor.run()
        pids = [one for one in order if one is not None]
        assert len(pids) == 5
        assert len(set(pids) - {os.getpid()}) == 2  # each worker finished the job it was at
        assert pids.count(os.getpid()) == 3
        assert not [child for child in active_children() if child.pid in pids]
        assert executor.n_scorers == 1
    finally:
        executor.stop()


_kept: Kept[str] = Kept(2)


def test_only_the_last_values_are_kept_and_room_is_made_before_the_next() -> None:
    at_hand: list[list[bool]] = []

    def make() -> str:
        at_hand.append([name in _kept for name in "abc"])
        return "value"

    for name in ("a", "b", "a", "c"):
        _kept.get(name, make)
    assert at_hand == [[False, False, False], [True, False, False], [True, False, False]]
    _kept.drop("a")
    assert [name in _kept for name in "abc"] == [False, False, True]


def test_stopping_ends_the_workers_and_nothing_else() -> None:
    threads = set(threading.enumerate())
    another = get_context("spawn").Process(target=time.sleep, args=(60,))
    another.start()
    try:
        executor = ProcessExecutor(1)
        (worker,) = run_all(executor, (os.getpid, None, "one"))
        executor.submit(Job(time.sleep, (60,), Worker.SCORER, "one"), print)
        executor.stop()
        assert not psutil.pid_exists(worker)
        assert another.is_alive()
        assert set(threading.enumerate()) <= threads
    finally:
        another.kill()
        another.join()


def test_workers_end_with_their_parent() -> None:
    script = (
        "import os, signal\n"
        "from prefixbench.run.executor import Job, Worker\n"
        "from prefixbench.run.processes import ProcessExecutor\n"
        "executor = ProcessExecutor(2)\n"
        "executor.start()\n"
        "for name in ('one', 'two'):\n"
        "    executor.submit(Job(os.getpid, (), Worker.SCORER, name), lambda pid: print(pid, flush=True))\n"
        "executor.run()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    workers = [int(line) for line in done.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(psutil.pid_exists(worker) for worker in workers):
        time.sleep(0.05)
    assert not any(psutil.pid_exists(worker) for worker in workers)
