"""What a model turned out to be when it was last loaded, so that it need not be loaded to be named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from prefixbench.encode.weights import compute_weights_digest
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import KnownModel

_KNOWN = TypeAdapter(KnownModel)


def recall_model(model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path) -> KnownModel | None:
    """What these files were found to be under these settings; ``None`` where they were never loaded here."""
    path = _path(model, settings, folder, cache)
    try:
        return None if path is None else _KNOWN.validate_python(read_memo(path))
    except ValidationError:
        return None


def remember_model(
    known: KnownModel, model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path
) -> None:
    """Keep what a model was found to be."""
    if (path := _path(model, settings, folder, cache)) is not None:
        write_memo(path, asdict(known))


def _path(model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path) -> Path | None:
    subject: list[Any]
    if (endpoint := EndpointSettings.of(model)) is not None:
        subject = ["endpoint", endpoint.backend.name, endpoint.model]
    elif folder is None:
        return None
    else:
        files = compute_weights_digest(folder, cache)
        subject = [model.model_dump(mode="json"), settings.model_dump(mode="json"), files]
    return cache / "models" / f"{hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()[:32]}.json"
