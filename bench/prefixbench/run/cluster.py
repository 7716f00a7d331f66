"""The executor of many machines: encoders and scorers as Ray actors, the driver alone writing results."""

from __future__ import annotations

import os
import secrets
import statistics
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from prefixbench.errors import ClusterError, EncodeError
from prefixbench.run.actor import Actor
from prefixbench.run.executor import Failure, Job, Worker, choose_for
from prefixbench.run.progress import Progress
from prefixbench.run.session import EncodedCell
from prefixbench.run.stages import MOST_TASKS

T = TypeVar("T")
Then = Callable[[Any], None]

MOST_TRIES = 3
"""Workers that may die of one job before it counts as failed."""

LEAST_SLOW_SECONDS, TIMES_SLOW = 30.0, 4.0
"""A job is given to an idle worker too, once it runs so long, and so many times as long as its stage usually does."""

PATIENCE_SECONDS = 600.0
"""How long a sweep waits for the cluster to give it any worker of a kind that it needs."""

_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """Where the workers run, and with what.

    Attributes:
        cache: The folder of the embedding store, which every node must see under this path.
        address: Of a running cluster, as ``ray.init`` takes it; a local one is started where ``None``.
        gpus_per_model: GPUs, or a share of one, that each encoder holds; 0 encodes on processors.
        encoders: Encoders, each with one model at a time; where ``None``, as many as the GPUs allow, or one a node.
        scorers: Scoring workers, one core each; where ``None``, the cores that the encoders leave.
    """

    cache: Path
    address: str | None = None
    gpus_per_model: float = 0.0
    encoders: int | None = None
    scorers: int | None = None


@dataclass(eq=False)
class _Ticket:
    """A job on its way."""

    job: Job[Any]
    then: Then
    tries: int = 0
    is_done: bool = False
    began: float = 0.0
    runs: int = 0


@dataclass(eq=False)
class _Remote:
    """One worker, as the driver sees it."""

    kind: Worker
    actor: Any
    ready: Any
    is_ready: bool = False
    ticket: _Ticket | None = None
    answer: Any = None
    keeps: OrderedDict[str, None] = field(default_factory=OrderedDict)
    dropped: list[str] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        """Whether someone waits for its answer."""
        return self.ticket is not None and not self.ticket.is_done

    @property
    def awaited(self) -> Any:  # noqa: ANN401 - a reference of Ray's
        """What it answers next, if anything."""
        return self.answer if self.is_ready else self.ready


class RayExecutor:
    """Encoders and scorers as actors of a Ray cluster.

    A job goes to a worker that has its model or data at hand, else to one that is idle. A worker that dies, alone or
    with its node, is replaced, and its job given to another; a job that several die of fails. A job that takes much
    longer than others of its stage is given to an idle worker as well, and the first answer counts: a stage done twice
    does no harm.
    """

    def __init__(self, settings: ClusterSettings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._workers: list[_Remote] = []
        self._waiting: dict[Worker, list[_Ticket]] = {Worker.SCORER: [], Worker.ENCODER: []}
        self._seconds: dict[Callable[..., Any], list[float]] = defaultdict(list)
        self._mark = settings.cache / f".seen-{secrets.token_hex(8)}"
        self._last_ready = time.monotonic()
        self.n_scorers = settings.scorers or 1

    def start(self) -> None:
        """Join the cluster, or start a local one, and place the workers."""
        if self._workers:
            return
        import ray

        own = {} if self._settings.address else {"include_dashboard": False, "num_cpus": os.cpu_count()}
        try:
            ray.init(self._settings.address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise ClusterError(
                f"--address {self._settings.address}: no Ray cluster could be joined ({error})."
            ) from None
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        self._mark.touch()
        n_encoders, self.n_scorers = _share_out(ray.cluster_resources(), len(ray.nodes()), self._settings)
        self._last_ready = time.monotonic()
        for kind, count in ((Worker.ENCODER, n_encoders), (Worker.SCORER, self.n_scorers)):
            for _ in range(count):
                self._workers.append(self._place(kind))

    def submit(self, job: Job[T], then: Callable[[T | Failure], None]) -> None:
        """Queue a job; see ``Executor``."""
        self._waiting[job.worker].append(_Ticket(job, then))

    def run(self) -> None:
        """Work until nothing is left; see ``Executor``.

        Raises:
            ClusterError: A node does not see the cache folder, or the cluster gives no worker.
        """
        import ray

        while True:
            self._hand_out()
            if not any(self._waiting.values()) and not any(one.is_needed for one in self._workers):
                return
            waited = {one.awaited: one for one in self._workers if one.awaited is not None}
            done, _ = ray.wait(list(waited), num_returns=1, timeout=_LOOK_SECONDS)
            for reference in done:
                self._take(waited[reference])
            self._look_for_workers()

    def release(self, name: str) -> None:
        """Forget it in the workers that keep it, before their next job; see ``Executor``."""
        for worker in self._workers:
            if name in worker.keeps:
                del worker.keeps[name]
                worker.dropped.append(name)

    def stop(self) -> None:
        """End the workers and leave the cluster, or end the one that was started here; see ``Executor``."""
        import ray

        for queue in self._waiting.values():
            queue.clear()
        self._mark.unlink(missing_ok=True)
        for worker in self._workers:
            ray.kill(worker.actor)
        self._workers = []
        ray.shutdown()

    def _place(self, kind: Worker) -> _Remote:
        import ray

        gpus = self._settings.gpus_per_model if kind is Worker.ENCODER else 0.0
        actor = ray.remote(Actor).options(num_cpus=1, num_gpus=gpus, scheduling_strategy="SPREAD").remote(kind)
        return _Remote(kind, actor, actor.sees.remote(str(self._mark)))

    def _hand_out(self) -> None:
        for worker in self._workers:
            if not worker.is_ready or worker.ticket is not None:
                continue
            waiting = self._waiting[worker.kind]
            others = [other for other in self._workers if other is not worker and other.kind is worker.kind]
            elsewhere = {name for other in others for name in other.keeps}
            index = choose_for(worker.keeps, elsewhere, [ticket.job.keeps for ticket in waiting])
            if index is not None:
                self._begin(worker, waiting.pop(index))
            elif waiting and worker.kind is Worker.ENCODER:
                self._begin(worker, waiting.pop(0))  # a replica of a model that others have too
            elif not waiting and (slow := self._find_slow(worker.kind)) is not None:
                self._begin(worker, slow)

    def _begin(self, worker: _Remote, ticket: _Ticket) -> None:
        worker.ticket = ticket
        ticket.began, ticket.runs = time.monotonic(), ticket.runs + 1
        worker.keeps[ticket.job.keeps] = None
        worker.keeps.move_to_end(ticket.job.keeps)
        while len(worker.keeps) > (MOST_TASKS if worker.kind is Worker.SCORER else 1):
            worker.keeps.popitem(last=False)
        worker.answer = worker.actor.run.remote(ticket.job, worker.dropped)
        worker.dropped = []

    def _find_slow(self, kind: Worker) -> _Ticket | None:
        now = time.monotonic()
        for other in self._workers:
            ticket = other.ticket
            if ticket is None or not other.is_needed or other.kind is not kind or ticket.runs > 1:
                continue
            usual = self._seconds[ticket.job.stage]
            limit = max(LEAST_SLOW_SECONDS, TIMES_SLOW * statistics.median(usual)) if usual else None
            if limit is not None and now - ticket.began > limit:
                return ticket
        return None

    def _take(self, worker: _Remote) -> None:
        """Take a worker's readiness, its answer or its death."""
        import ray

        try:
            answer = ray.get(worker.awaited)
        except ray.exceptions.RayTaskError as error:
            answer = Failure.of(error.cause or error)  # it lives, but cannot read its job
        except ray.exceptions.RayError as error:
            self._replace(worker, error)
            return
        if not worker.is_ready:
            if not answer:
                raise ClusterError(
                    f"--cache {self._settings.cache}: a node of the cluster does not see this folder; name one that "
                    "all nodes share."
                )
            worker.is_ready, self._last_ready = True, time.monotonic()
            return
        ticket, worker.ticket, worker.answer = worker.ticket, None, None
        assert ticket is not None
        if not ticket.is_done:
            ticket.is_done = True
            self._seconds[ticket.job.stage].append(time.monotonic() - ticket.began)
            self._count(answer)
            ticket.then(answer)

    def _replace(self, worker: _Remote, error: Exception) -> None:
        import ray

        ray.kill(worker.actor)
        ticket = worker.ticket
        self._workers[self._workers.index(worker)] = self._place(worker.kind)
        if ticket is None or ticket.is_done or any(other.ticket is ticket for other in self._workers):
            return
        ticket.tries, ticket.runs = ticket.tries + 1, 0
        if ticket.tries < MOST_TRIES:
            self._waiting[worker.kind].insert(0, ticket)
            return
        ticket.is_done = True
        why = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        ticket.then(Failure.of(EncodeError(f"{MOST_TRIES} workers died of it, most likely for want of memory ({why})")))

    def _count(self, answer: object) -> None:
        if isinstance(answer, EncodedCell):
            self._progress.cell_started()
            self._progress.texts_planned(answer.cost.texts_embedded)
            self._progress.texts_embedded(answer.cost.texts_embedded)

    def _look_for_workers(self) -> None:
        """End a sweep that waits for workers which never come."""
        wanted = {kind for kind, queue in self._waiting.items() if queue}
        if wanted <= {worker.kind for worker in self._workers if worker.is_ready}:
            self._last_ready = time.monotonic()
        elif time.monotonic() - self._last_ready > PATIENCE_SECONDS:
            names = " or ".join(sorted(wanted))
            raise ClusterError(
                f"the cluster gave no {names} for {PATIENCE_SECONDS:.0f} s; lower --gpus-per-model, --encoders or "
                "--workers."
            )


def _share_out(resources: dict[str, float], n_nodes: int, settings: ClusterSettings) -> tuple[int, int]:
    """How many encoders and scorers the cluster carries."""
    cores = int(resources.get("CPU", 1))
    gpus = resources.get("GPU", 0.0)
    if settings.gpus_per_model and gpus < settings.gpus_per_model:
        raise ClusterError(f"--gpus-per-model {settings.gpus_per_model:g}: the cluster has {gpus:g} GPUs.")
    fitting = int(gpus / settings.gpus_per_model) if settings.gpus_per_model else n_nodes
    encoders = settings.encoders or max(1, min(fitting, cores // 2))
    scorers = settings.scorers or max(1, cores - encoders)
    if encoders + scorers > max(2, cores):
        raise ClusterError(
            f"--encoders {encoders} and --workers {scorers} take {encoders + scorers} cores; the cluster has {cores}."
        )
    return encoders, scorers
