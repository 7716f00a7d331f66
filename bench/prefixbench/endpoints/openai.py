"""Endpoints that speak OpenAI's form: OpenAI, vLLM, TEI, infinity, llama.cpp, Ollama, LM Studio, mistral.rs, Jina."""

from __future__ import annotations

from typing import Any

import openai

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import NO_KEY, RETRIES, TIMEOUT_SECONDS, Client, Reply, Request, order_by_index


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call an endpoint; the SDK tries 429 and 5xx again as ``Retry-After`` says."""
    key = settings.read_key()
    sdk = openai.OpenAI(base_url=settings.url, api_key=key or NO_KEY, max_retries=RETRIES, timeout=TIMEOUT_SECONDS)

    def embed(request: Request) -> Reply:
        extra: dict[str, Any] = dict(request.parameters)
        answer = sdk.embeddings.create(model=settings.model, input=list(request.texts), extra_body=extra or None)
        rows = [(one.index, one.embedding) for one in answer.data]
        build = answer.model if answer.model != settings.model else None
        tokens = answer.usage.prompt_tokens if answer.usage else None
        return Reply(order_by_index(rows, len(request.texts)), tokens or None, build or None)

    return Client(settings, key, embed, sdk.close)
