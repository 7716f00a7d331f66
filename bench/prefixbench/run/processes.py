"""The executor of one machine: scoring in worker processes beside the encoding, which this process does itself."""

from __future__ import annotations

import functools
import gc
import logging
import os
import pickle
import sys
import threading
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from prefixbench.errors import ScoreError
from prefixbench.run.executor import Failure, Job, Worker, choose_for
from prefixbench.run.stages import MOST_TASKS, forget

T = TypeVar("T")
Then = Callable[[Any], None]

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "PYTHONWARNINGS": "ignore",
}
"""One BLAS thread a worker, so that workers do not crowd the encoder out; progress is told by one process only."""

DIED = "the scoring process died, most likely for want of memory; run again with --workers 0."

_NICENESS = 5
"""Scoring fills the gaps that the encoder leaves, and does not take its cores."""


class ProcessExecutor:
    """Scoring workers as processes, each given one job at a time; encoding in this process, between their answers.

    A job goes to the worker that has its data at hand, else to one that is idle. A worker that dies fails the job it
    was at, and is replaced; the others' jobs and those that wait are not touched. Without workers, from the start or
    since they gave way, this process scores too: first of all, so that what a cell needs is soon free again.
    """

    def __init__(self, n_scorers: int) -> None:
        self.n_scorers = max(1, n_scorers)
        self._scorers = [_Scorer() for _ in range(n_scorers)]
        self._to_score: deque[tuple[Job[Any], Then]] = deque()
        self._to_encode: deque[tuple[Job[Any], Then]] = deque()
        self._answers: deque[tuple[Then, Any]] = deque()

    def start(self) -> None:
        """Start the workers: forked with the imports done where that is safe, else importing beside this process."""
        if any(scorer.process is not None for scorer in self._scorers):
            return
        if not _may_fork():
            for scorer in self._scorers:
                scorer.start("spawn")
            return
        # Objects that the collector never visits stay in pages that all workers share.
        gc.collect()
        gc.freeze()
        for scorer in self._scorers:
            scorer.start("fork")

    def submit(self, job: Job[T], then: Callable[[T | Failure], None]) -> None:
        """Queue a job; see ``Executor``."""
        (self._to_score if job.worker is Worker.SCORER else self._to_encode).append((job, then))

    def run(self) -> None:
        """Work until nothing is left; see ``Executor``."""
        while True:
            while self._answers:
                then, answer = self._answers.popleft()
                then(answer)
            if not self._scorers and self._to_score:
                job, then = self._to_score.popleft()
                then(job.run())
                continue
            self._hand_out()
            busy = [scorer for scorer in self._scorers if scorer.task is not None]
            if not busy and not self._to_encode:
                return
            done = [scorer for scorer in busy if scorer.connection in _find_ready(busy, 0 if self._to_encode else None)]
            self._answers.extend(scorer.finish() for scorer in done)
            if not done and self._to_encode:
                job, then = self._to_encode.popleft()
                then(job.run())

    def release(self, name: str) -> None:
        """Forget it here and in the workers that keep it; see ``Executor``."""
        forget(name)
        for scorer in self._scorers:
            scorer.drop(name)

    def give_way(self) -> None:
        """Let the workers finish what they are at, end them, and score in this process from now on."""
        self._answers.extend(scorer.finish() for scorer in self._scorers if scorer.task is not None)
        for scorer in self._scorers:
            scorer.end()
        self._scorers = []
        self.n_scorers = 1

    def stop(self) -> None:
        """End the workers, whatever they are at; see ``Executor``."""
        for waiting in (self._to_score, self._to_encode, self._answers):
            waiting.clear()
        for scorer in self._scorers:
            scorer.end()

    def _hand_out(self) -> None:
        for scorer in self._scorers:
            index = self._choose_for(scorer) if scorer.task is None else None
            if index is not None:
                job, then = self._to_score[index]
                del self._to_score[index]
                scorer.begin(job, then)

    def _choose_for(self, scorer: _Scorer) -> int | None:
        elsewhere = {name for other in self._scorers if other is not scorer for name in other.keeps}
        return choose_for(scorer.keeps, elsewhere, [job.keeps for job, _ in self._to_score])


class _Scorer:
    """One worker process, as the process that started it sees it."""

    def __init__(self) -> None:
        self.process: BaseProcess | None = None
        self.connection: Connection | None = None
        self.task: tuple[Job[Any], Then] | None = None
        self.keeps: OrderedDict[str, None] = OrderedDict()
        self.dropped: list[str] = []

    def start(self, method: str) -> None:
        self.connection, theirs = get_context(method).Pipe()
        process = get_context(method).Process(target=_serve, args=(theirs,), daemon=False)  # type: ignore[attr-defined]
        with _worker_environment(), warnings.catch_warnings():
            # Later Pythons warn of forking with threads; there are none, see _may_fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        self.process = process
        self.keeps.clear()
        self.dropped.clear()

    def begin(self, job: Job[Any], then: Then) -> None:
        """Give the worker, which is idle, a job; one that died meanwhile is replaced."""
        if not self._send(job):
            self.end()
            self.start("spawn")
            self._send(job)
        self.task = (job, then)
        self.keeps[job.keeps] = None
        self.keeps.move_to_end(job.keeps)
        while len(self.keeps) > MOST_TASKS:
            self.keeps.popitem(last=False)

    def drop(self, name: str) -> None:
        """Let the worker forget what it keeps under this name, after the job it is at."""
        if name in self.keeps:
            del self.keeps[name]
            self.dropped.append(name)
            if self.task is None:
                self._send(None)

    def _send(self, job: Job[Any] | None) -> bool:
        if self.process is None or self.connection is None or not self.process.is_alive():
            return False
        try:
            self.connection.send((job, self.dropped))
        except OSError:
            return False
        self.dropped = []
        return True

    def finish(self) -> tuple[Then, Any]:
        """The answer of the worker, waited for, or its death, and who waits for it."""
        assert self.task is not None
        assert self.connection is not None
        _, then = self.task
        self.task = None
        try:
            answer = self.connection.recv()
        except (EOFError, OSError):
            self.end()
            answer = Failure.of(ScoreError(DIED))
        except Exception as error:  # noqa: BLE001 - an answer that cannot be read fails its own cell alone
            answer = Failure.of(error)
        if self.dropped:
            self._send(None)
        return then, answer

    def end(self) -> None:
        """Kill the process and wait until it is gone; it holds nothing that is not written whole or not at all."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        self.task = None
        self.keeps.clear()


def _find_ready(busy: list[_Scorer], timeout: float | None) -> list[Any]:
    return wait([scorer.connection for scorer in busy if scorer.connection is not None], timeout) if busy else []


def _may_fork() -> bool:
    """Whether workers can share this process's imports: forking is safe while it runs no threads of its own."""
    return sys.platform == "linux" and threading.active_count() == 1


@contextmanager
def _worker_environment() -> Iterator[None]:
    saved = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


def _serve(connection: Connection) -> None:
    """Run jobs until the parent is gone."""
    _prepare_worker()
    while True:
        try:
            content = connection.recv_bytes()
        except (EOFError, OSError):
            return
        answer = Job(_run, (content,), Worker.SCORER, "").run()
        if answer is not None:
            _answer(connection, answer)


def _run(content: bytes) -> Any:  # noqa: ANN401 - whatever the stage returns
    """Forget what is no longer needed, and do the job, if there is one."""
    job, dropped = pickle.loads(content)  # noqa: S301 - written by the parent
    for name in dropped:
        forget(name)
    return None if job is None else job.run()


def _answer(connection: Connection, answer: object) -> None:
    try:
        connection.send(answer)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        connection.send(Failure.of(error))


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end when the parent is gone."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_NICENESS)
    silence_worker()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def silence_worker() -> None:
    """One thread, no bars and no notes: what a forked worker cannot learn from its environment any more."""
    import datasets
    import mteb
    import torch
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    os.environ.update(_ENVIRONMENT)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger(mteb.__name__).setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    disable_progress_bars()
    tqdm.__init__ = functools.partialmethod(tqdm.__init__, disable=True)
