"""Text Embeddings Inference by its own ``/embed``, which can be told a prompt's name."""

from __future__ import annotations

from typing import Any

from huggingface_hub import InferenceClient

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import NO_KEY, RETRIES, TIMEOUT_SECONDS, Client, Reply, Request


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call an endpoint; texts too long are truncated, as it does itself."""
    key = settings.read_key()
    # Without one, the user's own token for the hub would be sent along.
    sdk = InferenceClient(model=f"{settings.url}/embed", token=key or NO_KEY, timeout=TIMEOUT_SECONDS)
    info = InferenceClient(provider="hf-inference", token=key or NO_KEY, timeout=TIMEOUT_SECONDS)
    builds: list[str | None] = []

    def embed(request: Request) -> Reply:
        if not builds:
            builds.append(_read_build(info.get_endpoint_info(model=settings.url)))
        prompt = dict(request.parameters).get("prompt_name")
        rows = sdk.feature_extraction(list(request.texts), prompt_name=prompt, normalize=True, truncate=True)
        return Reply(rows.tolist(), build=builds[0])  # the SDK hands out the vectors alone, without the token count

    return Client(settings, key, embed, lambda: None, retries=RETRIES)


def _read_build(info: dict[str, Any]) -> str | None:
    parts = [str(info[name]) for name in ("model_id", "model_sha", "version") if info.get(name)]
    return " ".join(parts) or None
