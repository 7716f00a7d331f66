"""The Gemini interface and Vertex AI: task types for the models that read them, one ``Content`` a text for all."""

from __future__ import annotations

import os

from google import genai
from google.genai import types

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import RETRIES, TIMEOUT_SECONDS, Client, Reply, Request


def connect(settings: EndpointSettings) -> Client:
    """Get ready to call the interface; ``GOOGLE_CLOUD_PROJECT`` and ``…_LOCATION`` name the project on Vertex AI."""
    key = settings.read_key()
    options = types.HttpOptions(
        base_url=settings.url,
        timeout=int(TIMEOUT_SECONDS * 1000),
        retry_options=types.HttpRetryOptions(attempts=1),  # the SDK's own retries do not heed Retry-After; ours do
    )
    if settings.backend.name == "vertex" and key is None:
        project = os.environ.get("GOOGLE_CLOUD_PROJECT")
        location = os.environ.get("GOOGLE_CLOUD_LOCATION", "us-central1")
        sdk = genai.Client(vertexai=True, project=project, location=location, http_options=options)
    else:
        sdk = genai.Client(vertexai=settings.backend.name == "vertex", api_key=key, http_options=options)

    def embed(request: Request) -> Reply:
        # Plain strings would be taken for the parts of one content, and answered with one vector.
        contents = [types.Content(parts=[types.Part(text=text)]) for text in request.texts]
        told = dict(request.parameters)
        config = types.EmbedContentConfig(task_type=told.get("task_type"), title=told.get("title")) if told else None
        answer = sdk.models.embed_content(model=settings.model, contents=contents, config=config)
        found = answer.embeddings or []
        counts = [one.statistics.token_count if one.statistics else None for one in found]
        tokens = None if None in counts else int(sum(count or 0 for count in counts))
        return Reply([one.values or [] for one in found], tokens or None)

    return Client(settings, key, embed, sdk.close, retries=RETRIES)
