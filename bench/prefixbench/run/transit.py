"""Vectors between nodes that share no folder: which stores hold them, and what is on its way through Ray's objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from prefixbench.errors import LostVectorsError
from prefixbench.vectors.parcel import Parcel

Shipment = list[tuple[Parcel, list[Any]]]
"""Parcels, each with references to its chunks."""


class Transit:
    """The leader's book of vectors that cells left behind, by the names under which jobs ask for them.

    Chunks are packed by the worker that encoded, as soon as it has, and belong to the leader: they outlive the worker,
    not its node. They are let go when no name refers to them.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[str, tuple[Parcel, ...] | None]] = {}
        self._stores: dict[Parcel, set[str]] = defaultdict(set)
        self._chunks: dict[Parcel, list[Any]] = {}

    def note(self, name: str, store: str, actor: Any, parcels: tuple[Parcel, ...] | None) -> None:  # noqa: ANN401
        """A cell was encoded.

        Args:
            name: Of its vectors.
            store: The one they are in.
            actor: The worker that put them there.
            parcels: What they are; ``None`` where all nodes have one store.
        """
        self._made[name] = store, parcels
        for parcel in parcels or ():
            self._stores[parcel].add(store)
            if parcel not in self._chunks:
                self._chunks[parcel] = [actor.pack.remote(parcel, chunk) for chunk in range(parcel.n_chunks)]

    def ship(self, needs: Iterable[str], store: str) -> Shipment:
        """What is to be sent to a store so that it holds the vectors of these names.

        Raises:
            LostVectorsError: Some are nowhere any more, and are to be embedded again.
        """
        shipment: dict[Parcel, list[Any]] = {}
        for name in needs:
            made, parcels = self._made.get(name, (None, None))
            if parcels is None:
                if made != store:
                    raise LostVectorsError("vectors of the cell are in the store of another node.")
                continue
            for parcel in parcels:
                if store in self._stores[parcel]:
                    continue
                if parcel not in self._chunks:
                    raise LostVectorsError("vectors of the cell were lost on their way.")
                shipment[parcel] = self._chunks[parcel]
        return list(shipment.items())

    def arrive(self, needs: Iterable[str], store: str) -> None:
        """The vectors of these names are in that store now."""
        for parcel in self._parcels(needs):
            self._stores[parcel].add(store)

    def lose(self, needs: Iterable[str]) -> None:
        """The chunks of these names cannot be had; they are packed anew when the cells are encoded again."""
        for parcel in self._parcels(needs):
            self._chunks.pop(parcel, None)

    def release(self, name: str) -> None:
        """Nobody asks for the vectors of this name any more."""
        _, parcels = self._made.pop(name, ("", None))
        used = set(self._parcels(self._made)) if parcels else set()
        for parcel in set(parcels or ()) - used:
            self._chunks.pop(parcel, None)
            self._stores.pop(parcel, None)

    def _parcels(self, names: Iterable[str]) -> Sequence[Parcel]:
        return [parcel for name in names for parcel in self._made.get(name, ("", None))[1] or ()]
