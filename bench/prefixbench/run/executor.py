"""Where stages run: the contract of every executor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from prefixbench.errors import FullDiskError, PrefixbenchError, UntrustedCodeError
from prefixbench.files import FULL
from prefixbench.plain import strip_credentials

T = TypeVar("T")


class Worker(StrEnum):
    """What a stage needs at hand."""

    ENCODER = "encoder"
    SCORER = "scorer"


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """One call of one stage; all of it survives pickling.

    Attributes:
        stage: A function of a module.
        arguments: Frozen values.
        worker: The kind of worker that can run it.
        keeps: What the worker has at hand afterwards, by name: a model, the data of a task. Jobs that name the same are
            best run by the same worker.
        makes: The name under which other jobs ask for the vectors that this one leaves in the store, if any.
        needs: Names of the vectors that it reads; all of them were made before.
    """

    stage: Callable[..., T]
    arguments: tuple[Any, ...]
    worker: Worker
    keeps: str
    makes: str = ""
    needs: tuple[str, ...] = ()

    def run(self) -> T | Failure:
        """Call the stage; whatever it raises is a failure, but for the user's interruption."""
        try:
            return self.stage(*self.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - one cell never stops the rest, not even by SystemExit
            return Failure.of(error)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a stage raised, as the ledger keeps it.

    Attributes:
        reason: One sentence.
        error: The exception's class.
        is_rule: A rule of the user's forbids the cell, which is skipped.
    """

    reason: str
    error: str
    is_rule: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an exception: one of ours by its sentence, others with their class."""
        kind = type(error).__name__
        if isinstance(error, PrefixbenchError):
            return cls(str(error), kind, isinstance(error, UntrustedCodeError))
        if isinstance(error, MemoryError):
            return cls("The machine ran out of memory; lower --batch-tokens or --limit, or use --dtype bfloat16.", kind)
        if isinstance(error, OSError) and error.errno in FULL:
            kind = FullDiskError.__name__  # whichever library was writing
        text = " ".join(strip_credentials(str(error)).split()) or "no message"
        return cls(f"{kind}: {text[:500]}", kind)


class Executor(Protocol):
    """Runs jobs somewhere, and hands each result back in the process that submitted it.

    Attributes:
        n_scorers: Scoring jobs that run at a time.
    """

    n_scorers: int

    def start(self) -> None:
        """Get workers ready, if they are not; begun before planning, they share what planning must import."""

    def submit(self, job: Job[T], then: Callable[[T | Failure], None]) -> None:
        """Run a job some time, and call ``then`` with what came of it; a worker that dies is a failure of its job."""

    def run(self) -> None:
        """Work until nothing is left, neither of what was submitted nor of what ``then`` submits."""

    def release(self, name: str) -> None:
        """Let go of what is kept or was made under this name: no further job needs it."""

    def stop(self) -> None:
        """End at once the workers that this executor started, and drop what is left."""


def choose_for(keeps: Collection[str], elsewhere: Collection[str], waiting: Sequence[str]) -> int | None:
    """The job an idle worker does next: the first whose data it has; else one whose data no other has, or that queues.

    Args:
        keeps: What the worker has at hand.
        elsewhere: What other workers have at hand.
        waiting: What each waiting job needs, in the order submitted.

    Returns:
        Its place among those that wait; ``None`` where all of them are better left to the workers that have their data.
    """
    seen: dict[str, int] = {}
    fallback = None
    for index, name in enumerate(waiting):
        if name in keeps:
            return index
        seen[name] = seen.get(name, 0) + 1
        if fallback is None and (name not in elsewhere or seen[name] > 1):
            fallback = index
    return fallback


class Kept(Generic[T]):
    """Values that are dear to make, by name; at most so many in one process, the least recently used leave first.

    Args:
        most: How many.
        close: Called with each value that leaves.
    """

    def __init__(self, most: int, close: Callable[[T], object] | None = None) -> None:
        self.most = most
        self._close = close
        self._values: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return the value of this name, made now if it is not at hand; room is made before."""
        if name not in self._values:
            while len(self._values) >= self.most:
                self.drop(next(iter(self._values)))
            self._values[name] = make()
        self._values.move_to_end(name)
        return self._values[name]

    def drop(self, name: str) -> None:
        """Let a value go, where it is at hand."""
        if name in self._values:
            value = self._values.pop(name)
            if self._close is not None:
                self._close(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values
