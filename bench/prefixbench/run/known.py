"""What a model turned out to be when it was last loaded, so that it need not be loaded to be named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from prefixbench.encode.weights import compute_weights_digest
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import KnownModel

_KNOWN = TypeAdapter(KnownModel)


def recall_model(model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path) -> KnownModel | None:
    """What these files were found to be under these settings; ``None`` where they were never loaded here."""
    if folder is None:
        return None
    try:
        return _KNOWN.validate_python(read_memo(_path(model, settings, folder, cache)))
    except ValidationError:
        return None


def remember_model(
    known: KnownModel, model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path
) -> None:
    """Keep what a model was found to be."""
    if folder is not None:
        write_memo(_path(model, settings, folder, cache), asdict(known))


def _path(model: ModelSpec, settings: EncoderSettings, folder: Path, cache: Path) -> Path:
    files = compute_weights_digest(folder, cache)
    subject = [model.model_dump(mode="json"), settings.model_dump(mode="json"), files]
    return cache / "models" / f"{hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()[:32]}.json"
