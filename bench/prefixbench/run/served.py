"""A model that is called, as a session asks for it."""

from __future__ import annotations

from pathlib import Path

from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer
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
