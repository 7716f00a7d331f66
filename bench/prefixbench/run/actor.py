"""What runs on a node of a cluster. It imports no more than its first job needs, so that it is soon there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefixbench.errors import CacheError, LostVectorsError
from prefixbench.files import default_cache_folder
from prefixbench.plain import first_line
from prefixbench.run.executor import Failure, Job, Worker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from prefixbench.run.packing import Packer
    from prefixbench.vectors.parcel import Parcel

PATIENCE_SECONDS = 600.0
"""How long a worker waits for vectors that another node sends."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where a node's vectors are.

    Attributes:
        node: The node, as Ray names it.
        store: Names the store: ``""`` is the one that the process that leads the sweep has, shared by all that see it.
    """

    node: str
    store: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a job came to.

    Attributes:
        value: What the stage returned, or its failure.
        parcels: The vectors that it left in the node's store, where others may have to be sent them.
    """

    value: Any
    parcels: tuple[Parcel, ...] | None = None


def find_home(cache: Path, mark: str, address: str | None = None) -> tuple[Home, Path]:
    """Where this node's vectors are, and its cache folder: the one named, where that is the leader's, else its own.

    Args:
        cache: The leader's cache folder.
        mark: Name of a file that the leader made in it.
        address: Where its vectors are shared, if anywhere.
    """
    import ray

    node = str(ray.get_runtime_context().get_node_id())
    if (cache / mark).is_file():
        return Home(node, ""), cache
    if address is not None:
        from prefixbench.vectors.mirror import open_cache

        return Home(node, node), open_cache(address)
    own = Path(os.environ["PREFIXBENCH_CACHE"]) if os.environ.get("PREFIXBENCH_CACHE") else cache
    return Home(node, node), own if _is_writable(own) else default_cache_folder()


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


class Actor:
    """One worker: a job at a time, what is dear to load kept for the next.

    Args:
        kind: What it does.
        cache: The leader's cache folder, which jobs name; where this node has another, that is put in its place.
        mark: Name of the file that tells whether it has.
        address: Where vectors are shared, if anywhere: then none are sent.
    """

    def __init__(self, kind: Worker, cache: Path, mark: str, address: str | None = None) -> None:
        self._theirs = cache
        self._has_address = address is not None
        self._home, self._cache = find_home(cache, mark, address)
        self._packer_made: Packer | None = None
        if kind is Worker.SCORER:
            from prefixbench.run.processes import silence_worker

            silence_worker()
        else:
            # Ray allows as many threads as the cores it books; encoding fills what scoring leaves.
            os.environ["OMP_NUM_THREADS"] = str(os.cpu_count())

    def arrive(self) -> Home:
        """Where it is."""
        return self._home

    def run(
        self, job: Job[Any], dropped: list[str], parcels: Sequence[tuple[Parcel, Sequence[Any]]], *, is_shared: bool
    ) -> Answer:
        """Forget what is no longer needed, take in vectors, and do the job.

        Args:
            job: What is to be done.
            dropped: Names of what is no longer needed.
            parcels: Vectors that the job reads and this node may lack, each with references to its chunks.
            is_shared: Whether all nodes have one cache folder, so that nothing need be sent.
        """
        if dropped:
            from prefixbench.run.stages import forget

            for name in dropped:
                forget(name)
        try:
            self._take_in(parcels)
        except CacheError as error:
            return Answer(Failure.of(error))
        arguments = tuple(self._cache if _is_same(one, self._theirs) else one for one in job.arguments)
        value = replace(job, arguments=arguments).run()
        return Answer(value) if is_shared or isinstance(value, Failure) else self._make_portable(job, value)

    def pack(self, parcel: Parcel, chunk: int) -> NDArray[np.uint8]:
        """One chunk of the vectors of the last cell encoded; Ray holds it as long as the leader refers to it."""
        return self._packer.pack(parcel, chunk)

    @property
    def _packer(self) -> Packer:
        if self._packer_made is None:
            from prefixbench.run.packing import Packer

            self._packer_made = Packer(self._cache)
        return self._packer_made

    def _take_in(self, parcels: Sequence[tuple[Parcel, Sequence[Any]]]) -> None:
        import ray

        for parcel, references in parcels:
            for reference in references:
                try:
                    content = ray.get(reference, timeout=PATIENCE_SECONDS)
                except (ray.exceptions.RayError, OSError) as error:
                    why = first_line(getattr(error, "cause", None) or error)
                    raise LostVectorsError(f"the cell's vectors could not be brought to its scorer ({why}).") from None
                self._packer.unpack(parcel, content)

    def _make_portable(self, job: Job[Any], value: object) -> Answer:
        from prefixbench.run.packing import carry_texts
        from prefixbench.run.session import EncodedCell
        from prefixbench.run.texts import PlaceTexts

        if isinstance(value, PlaceTexts):
            return Answer(carry_texts(value))
        if isinstance(value, EncodedCell) and not self._has_address:
            texts = next(one for one in job.arguments if isinstance(one, PlaceTexts))
            return Answer(value, self._packer.list_parcels(value, texts))
        return Answer(value)


def _is_same(argument: object, folder: Path) -> bool:
    return isinstance(argument, Path) and argument == folder
