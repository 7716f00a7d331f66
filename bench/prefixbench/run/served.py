"""A model that is called, as a session asks for it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.proof import describe_side
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.results.records import EndpointRecord, LeverRecord, TokenRecord
from prefixbench.run.progress import Progress


def open_served(
    settings: EndpointSettings, folder: Path | None, cache: Path, meter: Meter, progress: Progress
) -> RemoteEmbedder:
    """Connect to an endpoint and send its probes.

    Args:
        settings: The endpoint.
        folder: Files of the model it is like, whose tokenizer counts along; ``None`` where they are not at hand.
        cache: Where what was found is remembered.
        meter: What the sweep may spend.
        progress: Told what a reader should know at once.

    Raises:
        EndpointError: It does not answer.
        AuditError: It does not give each text a vector of its own.
    """
    progress.say(f"calling {settings.model}, {settings.place}")
    account = meter.open_account(settings.model, settings.price)
    return open_endpoint(settings, cache, account, LocalTokenizer.load(settings.like, folder), progress.say)


def describe_served(name: str, embedder: RemoteEmbedder) -> EndpointRecord:
    """What the probes found of an endpoint, for the ledger.

    Args:
        name: The model, as the sweep names it.
        embedder: It, after what was asked of it.
    """
    identity = embedder.known.identity
    levers = tuple(
        LeverRecord(
            told=describe_side(side),
            against=describe_side(embedder.settings.backend.contrast_of(side)),
            distance=distance,
            is_inert=embedder.is_inert(distance),
            tokens_added=embedder.count_added(side),
        )
        for side, distance in embedder.levers.items()
    )
    return EndpointRecord(
        model=name,
        place=embedder.settings.place,
        build=identity.revision,
        weights_digest=identity.weights_digest,
        repeat_distance=embedder.repeat_distance,
        hidden_tokens=embedder.found["hidden_tokens"],
        levers=levers,
        tokens=TokenRecord(**asdict(embedder.tally)),
        notes=embedder.known.notes,
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
    )
