"""Voyage: ``input_type`` query, document, or none at all, which sends the bare text."""

from __future__ import annotations

from voyageai.api_resources import Embedding

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import RETRIES, TIMEOUT_SECONDS, Client, Reply, Request, order_by_index


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call the interface."""
    key = settings.read_key()

    def embed(request: Request) -> Reply:
        # Not the SDK's ``Client``: it drops each vector's place, and runs some models here in place of calling them.
        answer = Embedding.create(  # type: ignore[no-untyped-call]
            input=list(request.texts),
            model=settings.model,
            input_type=dict(request.parameters).get("input_type"),
            truncation=True,
            api_key=key,
            base_url=settings.url,
            request_timeout=TIMEOUT_SECONDS,
        )
        rows = [(one["index"], one["embedding"]) for one in answer.data]
        return Reply(order_by_index(rows, len(request.texts)), answer.usage.total_tokens or None)

    return Client(settings, key, embed, lambda: None, retries=RETRIES)
