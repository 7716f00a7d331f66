"""The workers of a cluster, as the process that leads them sees them."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefixbench.run.actor import Home, find_home
from prefixbench.run.executor import Job, Worker
from prefixbench.run.stages import MOST_TASKS

ASK_SECONDS = 60.0
"""How long the nodes are given to say where their vectors are; who has not said it by then says it when it works."""


@dataclass(eq=False)
class Ticket:
    """A job on its way.

    Attributes:
        tries: Workers that died of it.
        began: When it was last given to a worker, by the monotonic clock.
        runs: Workers that are at it.
    """

    job: Job[Any]
    then: Callable[[Any], None]
    tries: int = 0
    is_done: bool = False
    began: float = 0.0
    runs: int = 0


@dataclass(eq=False)
class RemoteWorker:
    """One worker.

    Attributes:
        actor: Its handle.
        ready: The reference that says when, and where, it is there.
        home: Where it is; ``None`` until it is there.
        ticket: What it is at.
        answer: The reference of what comes of that.
        keeps: What it has at hand, by name, the least recently used first.
        dropped: What it is to forget before its next job.
    """

    kind: Worker
    actor: Any
    ready: Any
    home: Home | None = None
    ticket: Ticket | None = None
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
        return self.ready if self.home is None else self.answer

    def remember(self, name: str) -> None:
        """Note what it has at hand after its next job."""
        self.keeps[name] = None
        self.keeps.move_to_end(name)
        while len(self.keeps) > (MOST_TASKS if self.kind is Worker.SCORER else 1):
            self.keeps.popitem(last=False)

    def drop(self, name: str) -> None:
        """Have it forget what it keeps under this name."""
        if name in self.keeps:
            del self.keeps[name]
            self.dropped.append(name)


def ask_nodes(cache: Path, mark: str, address: str | None) -> list[Home]:
    """Where the nodes of the cluster have their vectors, known before anything is handed out; as ``find_home``."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(find_home)
    asked = []
    for node in ray.nodes():
        if node["Alive"]:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked.append(ask.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(cache, mark, address))
    done, _ = ray.wait(asked, num_returns=len(asked), timeout=ASK_SECONDS)
    homes = []
    for reference in done:
        with contextlib.suppress(ray.exceptions.RayError):  # a node lost meanwhile
            homes.append(ray.get(reference)[0])
    return homes
