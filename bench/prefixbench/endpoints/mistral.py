"""Mistral: no parameter for the task; a prefix is text."""

from __future__ import annotations

from mistralai.client import Mistral
from mistralai.client.utils import BackoffStrategy, RetryConfig

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import RETRIES, TIMEOUT_SECONDS, Client, Reply, Request, order_by_index


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call the interface."""
    key = settings.read_key()
    once = RetryConfig("none", BackoffStrategy(500, 8000, 2.0, 60_000), retry_connection_errors=False)
    sdk = Mistral(api_key=key, server_url=settings.url, retry_config=once, timeout_ms=int(TIMEOUT_SECONDS * 1000))

    def embed(request: Request) -> Reply:
        answer = sdk.embeddings.create(model=settings.model, inputs=list(request.texts))
        rows = [(one.index if one.index is not None else -1, one.embedding or []) for one in answer.data]
        build = answer.model if answer.model != settings.model else None
        return Reply(order_by_index(rows, len(request.texts)), answer.usage.prompt_tokens or None, build)

    def close() -> None:
        sdk.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    return Client(settings, key, embed, close, retries=RETRIES)
