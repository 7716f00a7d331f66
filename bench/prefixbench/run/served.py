"""A model that is called, as a session asks for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from prefixbench.encode.hub import fetch_tokenizer
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.proof import describe_side
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.errors import PrefixbenchError
from prefixbench.plan.expand import Plan
from prefixbench.prefixes.vocabulary import TOKENIZER_NAME
from prefixbench.results.records import EndpointRecord, LeverRecord, TokenRecord
from prefixbench.run.planning import find_local_folder
from prefixbench.run.progress import Progress
from prefixbench.spec.sweep import ModelSpec


def open_served(
    settings: EndpointSettings,
    folder: Path | None,
    cache: Path,
    meter: Meter,
    progress: Progress,
    *,
    keep: bool = True,
) -> RemoteEmbedder:
    """Connect to an endpoint and send its probes.

    Args:
        settings: The endpoint.
        folder: Files of the model it is like, whose tokenizer counts along; ``None`` where they are not at hand.
        cache: Where what was found is remembered.
        meter: What the sweep may spend.
        progress: Told what a reader should know at once.
        keep: Whether what was found is remembered.

    Raises:
        EndpointError: It does not answer.
        AuditError: It does not give each text a vector of its own.
    """
    progress.say(f"calling {settings.model}, {settings.place}")
    account = meter.open_account(settings.model, settings.price)
    return open_endpoint(settings, cache, account, load_tokenizer(settings.like, folder), progress.say, keep=keep)


def load_tokenizer(name: str, folder: Path | None) -> LocalTokenizer | None:
    """A model's tokenizer, fetched from the hub if need be; ``None`` where it cannot be had.

    Args:
        name: The model's hub name.
        folder: Its files, where they are on this machine.
    """
    path = fetch_tokenizer(name) if folder is None else folder / TOKENIZER_NAME
    return LocalTokenizer.load(path) if path is not None and path.is_file() else None


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


def list_idle(plan: Plan, pending: Collection[str]) -> list[ModelSpec]:
    """Models that are called and have scores, but no cell to compute, so that nothing would ask what they are."""
    busy = {cell.model for cell in plan.cells if cell.cell_id in pending}
    return [model for model in dict.fromkeys(cell.model for cell in plan.cells) if model not in busy]


def ask_served(models: Sequence[ModelSpec], cache: Path, meter: Meter, progress: Progress) -> dict[str, str]:
    """Send the drift probe to models whose scores are all there; one that changed under its name is computed again.

    Returns:
        By model, what stands for its weights now; nothing for one that cannot be asked, which the reader is told.
    """
    found = {}
    for model in models:
        settings = EndpointSettings.of(model)
        if settings is None or settings.backend.in_process:
            continue  # loaded here, from files whose digest says what they are
        try:
            embedder = open_served(settings, find_local_folder(model, cache), cache, meter, progress, keep=False)
        except PrefixbenchError as error:
            progress.say(f"{model.name} was not asked whether it is what it was: {error}")
            continue
        found[model.name] = embedder.known.identity.weights_digest
        embedder.close()
    return found
