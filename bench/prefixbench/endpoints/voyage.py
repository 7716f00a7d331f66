"""Voyage: ``input_type`` query, document, or none at all, which sends the bare text."""

from __future__ import annotations

from voyageai.client import Client as VoyageClient

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import RETRIES, TIMEOUT_SECONDS, Client, Reply, Request


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call the interface."""
    key = settings.read_key()
    # One attempt: the SDK's own retries do not heed Retry-After; ours do.
    sdk = VoyageClient(api_key=key, max_retries=1, timeout=TIMEOUT_SECONDS, base_url=settings.url)

    def embed(request: Request) -> Reply:
        answer = sdk.embed(
            list(request.texts),
            model=settings.model,
            input_type=dict(request.parameters).get("input_type"),
            truncation=True,
        )
        return Reply(answer.embeddings, answer.total_tokens or None)

    return Client(settings, key, embed, lambda: None, retries=RETRIES)
