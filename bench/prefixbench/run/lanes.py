"""Where scoring runs: in worker processes beside the encoding, each keeping the tasks it has loaded."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_WORKER_ENVIRONMENT = {
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


_NICENESS = 5
"""Scoring fills the gaps that the encoder leaves, and does not take its cores."""


def _prepare_worker() -> None:
    """Ctrl-C is the parent's to handle; when the parent is gone, so is the worker."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.nice(_NICENESS)
    os.environ.update(_WORKER_ENVIRONMENT)
    _import_libraries()
    _silence()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _import_libraries() -> None:
    """The slow imports."""
    import prefixbench.run.jobs  # noqa: F401


def _silence() -> None:
    """One thread, no bars and no notes: what a forked worker cannot learn from its environment any more."""
    import datasets
    import mteb
    import torch
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from tqdm.std import tqdm  # type: ignore[import-untyped]

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger(mteb.__name__).setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    disable_progress_bars()
    tqdm.__init__ = functools.partialmethod(tqdm.__init__, disable=True)


def _may_fork() -> bool:
    """Whether workers can share this process's imports: forking is safe while it runs no threads of its own."""
    return sys.platform == "linux" and threading.active_count() == 1


class Lanes:
    """A fixed number of worker processes; jobs with the same key go to the same one.

    With no workers, jobs run at once in this process.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._pools: list[ProcessPoolExecutor | None] = [None] * n_workers
        self._lane_by_key: dict[str, int] = {}
        self.started = False

    def submit(self, key: str, job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a job beside everything else; the future raises what the job raises."""
        if not self.n_workers:
            return _run_now(job, *args, **kwargs)
        lane = self._lane_by_key.setdefault(key, len(self._lane_by_key) % self.n_workers)
        try:
            return self._pool(lane).submit(job, *args, **kwargs)
        except BrokenProcessPool:
            self._pools[lane] = None
            return self._pool(lane).submit(job, *args, **kwargs)

    def _pool(self, lane: int) -> ProcessPoolExecutor:
        pool = self._pools[lane]
        if pool is None and not self.started:
            self.start()
            return self._pool(lane)
        if pool is None:
            saved = {name: os.environ.get(name) for name in _WORKER_ENVIRONMENT}
            os.environ.update(_WORKER_ENVIRONMENT)
            try:
                pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare_worker)
                pool.submit(int)
            finally:
                for name, value in saved.items():
                    if value is None:
                        os.environ.pop(name)
                    else:
                        os.environ[name] = value
            self._pools[lane] = pool
        return pool

    def start(self) -> None:
        """Start the workers: forked with the imports done where that is safe, else importing while this process plans.

        A worker that dies is always replaced by one that does its own imports.
        """
        self.started = True
        if not self.n_workers or not _may_fork():
            for lane in range(self.n_workers):
                self._pool(lane)
            return
        _import_libraries()
        with warnings.catch_warnings():
            # The threads that later Pythons warn of are those that wait for the workers forked before.
            warnings.simplefilter("ignore", DeprecationWarning)
            for lane in range(self.n_workers):
                pool = ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=_prepare_worker)
                pool.submit(int)
                self._pools[lane] = pool

    def stop(self) -> None:
        """End the workers, whatever they are at; jobs not begun are dropped."""
        # A worker still starting would otherwise complain of the pipe that its parent closed.
        for worker in active_children():
            worker.terminate()
        # Waiting leaves no thread behind that the interpreter, on its way out, would wake by a pipe already closed.
        for pool in self._pools:
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)


def _run_now(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(job(*args, **kwargs))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        future.set_exception(error)
    return future
