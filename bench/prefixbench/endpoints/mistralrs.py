"""A model in this process, run by the ``mistralrs`` package."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError
from mistralrs import EmbeddingArchitecture, EmbeddingRequest, Runner, Which

from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.wire import Client, Reply, Request
from prefixbench.errors import ModelLoadError

ARCHITECTURES = {
    "gemma3_text": EmbeddingArchitecture.EmbeddingGemma,
    "qwen3": EmbeddingArchitecture.Qwen3Embedding,
}
"""Which architecture a model's ``config.json`` means."""


def connect(settings: EndpointSettings) -> Client:
    """Load the model; texts too long are truncated, as sentence-transformers does.

    Raises:
        ModelLoadError: The model is not to be had, or not one this package runs.
    """
    folder = _find_folder(settings.model)
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind not in ARCHITECTURES:
        raise ModelLoadError(f"{settings.model}: mistralrs runs {', '.join(ARCHITECTURES)}, not {kind!r}.")
    which: Any = Which.Embedding(model_id=str(folder), arch=ARCHITECTURES[kind])
    runner = Runner(which=which)
    build = f"mistralrs {version('mistralrs')}"

    def embed(request: Request) -> Reply:
        rows = runner.send_embedding_request(EmbeddingRequest(input=list(request.texts), truncate_sequence=True))
        return Reply(rows, build=build)

    return Client(settings, None, embed, lambda: None)


def _find_folder(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    try:
        return Path(snapshot_download(name, ignore_patterns=["onnx/*", "openvino/*"]))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelLoadError(f"{name}: cannot be had ({type(error).__name__}).") from None
