"""Twins that come with this project: small LoRAs, merged on the user's machine into the model they belong to."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import ModelLoadError
from bench.starter.corpus import default_cache_folder

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"
PROMPTS = "config_sentence_transformers.json"
CHECKSUMS = "SHA256SUMS"
ORGANISATION = "prefixbench"

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class EmbeddedAdapter:
    """A twin that comes with this project.

    Attributes:
        name: The name sweeps use.
        folder: Holds the LoRA, its configuration and its card.
        sha256: Of the LoRA's weights.
        license: Of the weights.
    """

    name: str
    folder: Path
    sha256: str
    license: str = "apache-2.0"


def adapters_folder() -> Path:
    """Where the adapters lie inside the package."""
    return Path(__file__).resolve().parent / "adapters"


@functools.cache
def list_adapters() -> dict[str, EmbeddedAdapter]:
    """Every adapter the checksum file names, by the name sweeps use."""
    path = adapters_folder() / CHECKSUMS
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        digest, _, file = line.partition("  ")
        folder = (path.parent / file).parent
        name = f"{ORGANISATION}/{folder.name}"
        found[name] = EmbeddedAdapter(name, folder, digest)
    return dict(sorted(found.items()))


def merge_weights(base: Tensors, adapter: Tensors, scale: float) -> Tensors:
    """Add a LoRA to the weights it was trained on: W + scale · B A (Hu et al. 2021, equation 3).

    Args:
        base: By name; left as it is.
        adapter: ``…lora_A.weight`` of shape ``(rank, n_in)`` and ``…lora_B.weight`` of shape ``(n_out, rank)``.
        scale: alpha / rank.

    Raises:
        ModelLoadError: The adapter changes a weight the base does not have.
    """
    merged = dict(base)
    for key, down in adapter.items():
        if not key.endswith(".lora_A.weight"):
            continue
        module = key.removesuffix(".lora_A.weight").removeprefix("base_model.model.")
        target = f"{module}.weight"
        if target not in merged:
            raise ModelLoadError(f"the adapter changes {target}, which its base model does not have.")
        up = adapter[f"{key.removesuffix('.lora_A.weight')}.lora_B.weight"]
        merged[target] = base[target] + np.float32(scale) * (up.astype(np.float32) @ down.astype(np.float32))
    return merged


def merge_adapter(adapter: Path, base: Path, key: str, cache: Path | None = None) -> Path:
    """A folder that any sentence-transformers loader reads: the base with the adapter's weights added and its prompts.

    Args:
        adapter: Folder of the LoRA.
        base: Folder of the model it was trained on.
        key: Names the folder; another adapter or base needs another key.
        cache: Where merged folders are kept; the user's cache folder where absent.
    """
    from safetensors.numpy import load_file, save_file

    destination = (cache or default_cache_folder().parent) / "models" / f"{adapter.name}-{key}"
    if destination.is_dir():
        return destination
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    merged = merge_weights(load_file(base / WEIGHTS), load_file(adapter / ADAPTER), config["lora_alpha"] / config["r"])
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent) as scratch:
        made = Path(scratch) / "made"
        shutil.copytree(base, made, ignore=shutil.ignore_patterns(WEIGHTS, "README.md", ".git*", "data_config.json"))
        save_file(merged, made / WEIGHTS, metadata={"format": "pt"})
        shutil.copy(adapter / PROMPTS, made / PROMPTS)
        if not destination.is_dir():
            made.rename(destination)
    return destination
