"""Where scoring runs: in worker processes beside the encoding, each keeping the tasks it has loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context
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


def _prepare_worker() -> None:
    """Do the slow imports before the first job arrives; Ctrl-C is the parent's to handle."""
    import logging
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import mteb
    import torch

    torch.set_num_threads(1)
    logging.getLogger(mteb.__name__).setLevel(logging.ERROR)


class Lanes:
    """A fixed number of worker processes; jobs with the same key go to the same one.

    With no workers, jobs run at once in this process.
    """

    def __init__(self, n_workers: int) -> None:
        self.n_workers = n_workers
        self._pools: list[ProcessPoolExecutor | None] = [None] * n_workers
        self._lane_by_key: dict[str, int] = {}

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
        """Start the workers, so that they import while this process plans."""
        for lane in range(self.n_workers):
            self._pool(lane)

    def stop(self) -> None:
        """End the workers, whatever they are at; jobs not begun are dropped."""
        for pool in self._pools:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
        # A worker still starting would otherwise complain of the pipe that its parent closed.
        for worker in active_children():
            worker.terminate()


def _run_now(job: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    future: Future[T] = Future()
    try:
        future.set_result(job(*args, **kwargs))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        future.set_exception(error)
    return future
