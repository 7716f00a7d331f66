"""What a model turned out to be when it was last loaded, so that it need not be loaded to be named."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from prefixbench.encode.repository import compute_weights_digest
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import KnownModel

FORMAT = 2
"""Raised when what is remembered means something else."""

PACKAGES = ("torch", "transformers", "sentence-transformers", "tokenizers", "openvino", "onnxruntime", "peft")
"""Another version of these may compute otherwise, so the model is loaded and compared anew."""

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
        files = compute_weights_digest(folder, cache, trusted=model.trust_remote_code)
        asked = [model.model_dump(mode="json"), settings.model_dump(mode="json")]
        subject = [FORMAT, *asked, files, *_describe_machine(settings)]
    return cache / "models" / f"{hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()[:32]}.json"


def _describe_machine(settings: EncoderSettings) -> list[object]:
    """What may make this machine compute otherwise than another that shares the cache, told without loading torch."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(version(package))
        except PackageNotFoundError:
            versions.append("")
    return [_guess_device(settings), platform.system(), platform.machine(), os.cpu_count(), *versions]


def _guess_device(settings: EncoderSettings) -> str:
    """The class of device that will be taken; a wrong guess costs a load, since what is loaded is compared."""
    if settings.device != "auto":
        return settings.device
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES", "unset") in ("", "-1")
    if not hidden and (Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()):
        return "cuda"
    return "mps" if (platform.system(), platform.machine()) == ("Darwin", "arm64") else "cpu"
