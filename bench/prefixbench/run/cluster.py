"""The executor of many machines: encoders and scorers as Ray actors, the driver alone writing results."""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from prefixbench.errors import ClusterError, EncodeError, FullDiskError, LostVectorsError
from prefixbench.plain import first_line
from prefixbench.run.actor import Actor, Answer, Home
from prefixbench.run.cluster_settings import ClusterSettings, share_out
from prefixbench.run.crew import RemoteWorker, Ticket, ask_nodes
from prefixbench.run.executor import Failure, Job, Worker, choose_for
from prefixbench.run.progress import Progress
from prefixbench.run.session import EncodedCell
from prefixbench.run.transit import Transit
from prefixbench.vectors import STORE_FOLDER
from prefixbench.vectors.mirror import find_address

T = TypeVar("T")

MOST_TRIES = 3
"""Workers that may die of one job before it counts as failed."""

LEAST_SLOW_SECONDS, TIMES_SLOW = 30.0, 4.0
"""A job is given to an idle worker too, once it runs so long, and so many times as long as its stage usually does."""

PATIENCE_SECONDS = 600.0
"""How long a sweep waits for the cluster to give it any worker of a kind that it needs."""

GROW_SECONDS = 10.0
"""How often a sweep looks whether nodes have joined."""

_LOOK_SECONDS = 1.0


class RayExecutor:
    """Encoders and scorers as actors of a Ray cluster.

    A job goes to a worker that has its model or data at hand, else to one that is idle. A worker that dies, alone or
    with its node, is replaced, and its job given to another; a job that several die of fails. A job that takes much
    longer than others of its stage is given to an idle worker as well, and the first answer counts: a stage done twice
    does no harm. What finds no room on a node's disk goes to another node, as long as there is one with room.
    """

    def __init__(self, settings: ClusterSettings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._workers: list[RemoteWorker] = []
        self._waiting: dict[Worker, list[Ticket]] = {Worker.SCORER: [], Worker.ENCODER: []}
        self._seconds: dict[Callable[..., Any], list[float]] = defaultdict(list)
        self._transit = Transit()
        self._stores: set[str] = set()
        self._full: set[str] = set()
        self._address: str | None = None
        self._mark = f".seen-{secrets.token_hex(8)}"
        self._last_ready = self._last_placed = time.monotonic()
        self.n_scorers = settings.scorers or 1

    def start(self) -> None:
        """Join the cluster, or start a local one, and place the workers."""
        if self._workers:
            return
        import ray

        own: dict[str, Any] = {}
        if self._settings.address is None:
            own = {"include_dashboard": False, "num_cpus": os.cpu_count()}
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # on by default; who started a cluster was asked
        try:
            ray.init(self._settings.address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
            why = first_line(error)
            if self._settings.address is None:
                raise ClusterError(f"--executor ray: no Ray cluster could be started here ({why}).") from None
            raise ClusterError(f"--address {self._settings.address}: no Ray cluster could be joined ({why}).") from None
        self._settings.cache.mkdir(parents=True, exist_ok=True)
        (self._settings.cache / self._mark).touch()
        address = find_address(self._settings.cache / STORE_FOLDER)
        self._address = None if address is None else address.url
        homes = ask_nodes(self._settings.cache, self._mark, self._address)
        self._stores = {home.store for home in homes}
        if apart := len(self._stores - {""}):
            how = f"fetched from {self._address}" if self._address else "sent"
            self._progress.say(
                f"{apart} of {len(homes)} nodes do not see {self._settings.cache}; vectors are {how} and kept there"
            )
        self._last_ready = time.monotonic()
        self._place_workers()

    def submit(self, job: Job[T], then: Callable[[T | Failure], None]) -> None:
        """Queue a job; see ``Executor``."""
        self._waiting[job.worker].append(Ticket(job, then))

    def run(self) -> None:
        """Work until nothing is left; see ``Executor``.

        Raises:
            ClusterError: The cluster gives no worker.
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
            if time.monotonic() - self._last_placed > GROW_SECONDS:
                with contextlib.suppress(ClusterError):  # a node was lost; the others go on
                    self._place_workers()

    def release(self, name: str) -> None:
        """Forget it in the workers that keep it, before their next job, or let go of vectors; see ``Executor``."""
        self._transit.release(name)
        for worker in self._workers:
            worker.drop(name)

    def stop(self) -> None:
        """End the workers and leave the cluster, or end the one that was started here; see ``Executor``."""
        import ray

        for queue in self._waiting.values():
            queue.clear()
        (self._settings.cache / self._mark).unlink(missing_ok=True)
        for worker in self._workers:
            ray.kill(worker.actor)
        self._workers = []
        ray.shutdown()

    def _place_workers(self) -> None:
        """Place as many workers as the cluster carries; nodes that came since the last time get theirs."""
        import ray

        self._last_placed = time.monotonic()
        n_nodes = sum(node["Alive"] for node in ray.nodes())
        n_encoders, n_scorers = share_out(ray.cluster_resources(), n_nodes, self._settings)
        for kind, count in ((Worker.ENCODER, n_encoders), (Worker.SCORER, n_scorers)):
            for _ in range(count - sum(worker.kind is kind for worker in self._workers)):
                self._workers.append(self._place(kind))
        self.n_scorers = sum(worker.kind is Worker.SCORER for worker in self._workers)

    @property
    def _is_shared(self) -> bool:
        return self._stores <= {""}

    def _place(self, kind: Worker) -> RemoteWorker:
        import ray

        gpus = self._settings.gpus_per_model if kind is Worker.ENCODER else 0.0
        made = ray.remote(Actor).options(num_cpus=1, num_gpus=gpus, scheduling_strategy="SPREAD")
        actor = made.remote(kind, self._settings.cache, self._mark, self._address)
        return RemoteWorker(kind, actor, actor.arrive.remote())

    def _hand_out(self) -> None:
        for worker in self._workers:
            if worker.home is None or worker.ticket is not None or self._should_rest(worker):
                continue
            waiting = self._waiting[worker.kind]
            others = [other for other in self._workers if other is not worker and other.kind is worker.kind]
            elsewhere = {name for other in others for name in other.keeps}
            index = choose_for(worker.keeps, elsewhere, [ticket.job.keeps for ticket in waiting])
            if index is not None:
                self._begin(worker, worker.home, waiting.pop(index))
            elif waiting and worker.kind is Worker.ENCODER:
                self._begin(worker, worker.home, waiting.pop(0))  # a replica of a model that others have too
            elif not waiting and (slow := self._find_slow(worker.kind)) is not None:
                self._begin(worker, worker.home, slow)

    def _should_rest(self, worker: RemoteWorker) -> bool:
        """Whether its node's disk is full, while another node has room for such work."""
        homes = [other.home for other in self._workers if other.kind is worker.kind and other.home is not None]
        return (
            worker.home is not None
            and worker.home.node in self._full
            and any(home.node not in self._full for home in homes)
        )

    def _begin(self, worker: RemoteWorker, home: Home, ticket: Ticket) -> None:
        import ray

        try:
            shipment = [] if self._address else self._transit.ship(ticket.job.needs, home.store)
            worker.answer = worker.actor.run.remote(ticket.job, worker.dropped, shipment, is_shared=self._is_shared)
        except LostVectorsError as error:
            self._finish(ticket, Failure.of(error))
            return
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
            # The job itself finds no room in Ray's store: others that end make some.
            if any(other.is_needed for other in self._workers):
                self._waiting[worker.kind].insert(0, ticket)
            else:
                self._finish(ticket, Failure.of(ClusterError(f"Ray's object store is full ({first_line(error)}).")))
            return
        worker.ticket, worker.dropped = ticket, []
        ticket.began, ticket.runs = time.monotonic(), ticket.runs + 1
        worker.remember(ticket.job.keeps)

    def _find_slow(self, kind: Worker) -> Ticket | None:
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

    def _take(self, worker: RemoteWorker) -> None:
        """Take a worker's readiness, its answer or its death."""
        import ray

        try:
            answer = ray.get(worker.awaited)
        except ray.exceptions.RayTaskError as error:
            answer = Answer(Failure.of(error.cause or error))  # it lives, but cannot read its job or give its answer
        except ray.exceptions.RayError as error:
            self._replace(worker, error)
            return
        if worker.home is None:
            worker.home, self._last_ready = answer, time.monotonic()
            self._stores.add(answer.store)
            return
        ticket, worker.ticket, worker.answer = worker.ticket, None, None
        assert ticket is not None
        if ticket.is_done:
            return
        if isinstance(answer.value, Failure):
            if self._went_elsewhere(worker, worker.home, ticket, answer.value):
                return
        else:
            self._full.discard(worker.home.node)
            self._seconds[ticket.job.stage].append(time.monotonic() - ticket.began)
            self._transit.arrive(ticket.job.needs, worker.home.store)
            if ticket.job.makes:
                self._transit.note(ticket.job.makes, worker.home.store, worker.actor, answer.parcels)
            self._count(answer.value)
        self._finish(ticket, answer.value)

    def _went_elsewhere(self, worker: RemoteWorker, home: Home, ticket: Ticket, failure: Failure) -> bool:
        """Queue a job anew that failed for want of room on one node's disk, where another may have some."""
        if failure.error == LostVectorsError.__name__:
            self._transit.lose(ticket.job.needs)
        if failure.error != FullDiskError.__name__:
            return False
        self._full.add(home.node)
        if not self._should_rest(worker):
            return False
        self._progress.say(f"a node has no room left, its work goes to others: {failure.reason}")
        ticket.runs = 0
        self._waiting[worker.kind].insert(0, ticket)
        return True

    def _finish(self, ticket: Ticket, answer: object) -> None:
        ticket.is_done = True
        ticket.then(answer)

    def _replace(self, worker: RemoteWorker, error: Exception) -> None:
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
        why = first_line(error)
        self._finish(
            ticket, Failure.of(EncodeError(f"{MOST_TRIES} workers died of it, most likely for want of memory ({why})"))
        )

    def _count(self, answer: object) -> None:
        if isinstance(answer, EncodedCell):
            self._progress.cell_started()
            self._progress.texts_planned(answer.cost.texts_embedded)
            self._progress.texts_embedded(answer.cost.texts_embedded)

    def _look_for_workers(self) -> None:
        """End a sweep that waits for workers which never come."""
        wanted = {kind for kind, queue in self._waiting.items() if queue}
        if wanted <= {worker.kind for worker in self._workers if worker.home is not None}:
            self._last_ready = time.monotonic()
        elif time.monotonic() - self._last_ready > PATIENCE_SECONDS:
            names = " or ".join(sorted(wanted))
            raise ClusterError(
                f"the cluster gave no {names} for {PATIENCE_SECONDS:.0f} s; lower --gpus-per-model, --encoders or "
                "--workers."
            )
