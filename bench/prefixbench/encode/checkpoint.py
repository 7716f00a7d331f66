"""Whether a checkpoint holds the layers that its configuration asks for; libraries make the others up at random."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from safetensors import safe_open
from sentence_transformers import SentenceTransformer

from prefixbench.encode.repository import WEIGHTS_SUFFIX, find_model_files
from prefixbench.errors import ModelLoadError

LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.(\d+)\.")
"""A layer's number in the name of a weight, as encoders and decoders of every kind write it."""


def check_layers(model: SentenceTransformer, folder: Path, name: str) -> None:
    """Refuse a model with more layers than its weights hold.

    A checkpoint whose names carry no layer numbers is taken as it is; adapters say nothing about their base's layers.

    Raises:
        ModelLoadError: Some layers have no weights; names the folder and both counts.
    """
    if (transformer := model.transformers_model) is None:
        return
    weights = [
        path
        for path in find_model_files(folder).values()
        if path.suffix == WEIGHTS_SUFFIX and not path.name.startswith("adapter_model")
    ]
    there = count_layers(weight for path in weights for weight in _list_weights(path))
    asked = count_layers(transformer.state_dict())
    if 0 < there < asked:
        raise ModelLoadError(
            f"model {name!r} cannot be loaded from {folder}: its config.json asks for {asked} layers and its "
            f"weights hold {there}; the others would be random."
        )


def count_layers(weights: Iterable[str]) -> int:
    """Layers that these weights' names number, from 0 on; 0 where no name carries a number."""
    return max((int(found[1]) + 1 for weight in weights if (found := LAYER.search(weight))), default=0)


def _list_weights(path: Path) -> list[str]:
    with safe_open(path, framework="numpy") as file:
        return list(file.keys())
