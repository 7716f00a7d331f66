"""Cohere's second interface, and vLLM's ``/v2/embed``, which has its form."""

from __future__ import annotations

from typing import Any, cast

import cohere

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import NO_KEY, RETRIES, TIMEOUT_SECONDS, Client, Reply, Request

LEFT_OUT = cast("Any", ...)
"""What the SDK takes for a field that is not sent."""


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call an endpoint; the SDK tries 429 and 5xx again as ``Retry-After`` says."""
    key = settings.read_key()
    sdk = cohere.ClientV2(
        api_key=key or NO_KEY,
        base_url=settings.url,
        timeout=TIMEOUT_SECONDS,
        max_retries=RETRIES,
        log_warning_experimental_features=False,
    )

    def embed(request: Request) -> Reply:
        answer = sdk.embed(
            model=settings.model,
            texts=list(request.texts),
            input_type=dict(request.parameters).get("input_type", LEFT_OUT),
            embedding_types=["float"],
            truncate="END",
        )
        units = answer.meta.billed_units if answer.meta else None
        tokens = units.input_tokens if units else None
        return Reply(answer.embeddings.float_ or [], int(tokens) if tokens else None)

    return Client(settings, key, embed, sdk._client_wrapper.httpx_client.httpx_client.close)
