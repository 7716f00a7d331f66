"""Twins that come with this project: small LoRAs, laid on the user's machine over the model they belong to."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from prefixbench.errors import ModelLoadError
from prefixbench.files import default_cache_folder, make_sealed

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
PROMPTS = "config_sentence_transformers.json"
CHECKSUMS = "SHA256SUMS"
ORGANISATION = "prefixbench"

Tensors = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class EmbeddedAdapter:
    """A twin that comes with this project: one LoRA, or one a task.

    Attributes:
        name: The name sweeps use.
        folder: Holds the LoRA, its configuration and its card; or a folder of these for each task.
        digests: sha256 of each weights file, by its path inside the folder.
        license: Of the weights.
    """

    name: str
    folder: Path
    digests: Mapping[str, str]
    license: str = "apache-2.0"

    @property
    def sha256(self) -> str:
        """Of the one LoRA's weights; of all checksums together where there are several."""
        if len(self.digests) == 1:
            return next(iter(self.digests.values()))
        lines = "".join(f"{digest}  {file}\n" for file, digest in sorted(self.digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def is_merged(self) -> bool:
        """Whether the one LoRA is added to the base's weights; several stay apart, to be switched."""
        return ADAPTER in self.digests


def adapters_folder() -> Path:
    """Where the adapters lie inside the package."""
    return Path(__file__).resolve().parent / "adapters"


@functools.cache
def list_adapters() -> dict[str, EmbeddedAdapter]:
    """Every adapter the checksum file names, by the name sweeps use."""
    path = adapters_folder() / CHECKSUMS
    digests: dict[str, dict[str, str]] = defaultdict(dict)
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        digest, _, place = line.partition("  ")
        twin, _, file = place.partition("/")
        digests[twin][file] = digest
    found = {f"{ORGANISATION}/{twin}": (path.parent / twin, own) for twin, own in sorted(digests.items())}
    return {name: EmbeddedAdapter(name, folder, own) for name, (folder, own) in found.items()}


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


def lay_adapter(adapter: EmbeddedAdapter, base: Path, cache: Path | None = None) -> Path:
    """A folder that any sentence-transformers loader reads: the base with the twin's LoRA added, or several beside it.

    Args:
        adapter: The twin.
        base: Folder of the model it was trained on.
        cache: Where such folders are kept; the user's cache folder where absent.
    """
    key = f"{adapter.folder.name}-{adapter.sha256[:16]}"

    def lay(made: Path) -> None:
        kept_out = shutil.ignore_patterns("README.md", ".git*", "data_config.json")
        shutil.copytree(base, made, ignore=kept_out, dirs_exist_ok=True)
        for file in adapter.digests:
            source = (adapter.folder / file).parent
            if adapter.is_merged:
                _merge_into(made, source)
            else:
                (made / source.name).mkdir()
                shutil.copy(source / ADAPTER, made / source.name)
                shutil.copy(source / ADAPTER_CONFIG, made / source.name)
            shutil.copy(source / PROMPTS, made / PROMPTS)

    return make_sealed((cache or default_cache_folder()) / "models" / key, lay)


def _merge_into(model: Path, adapter: Path) -> None:
    from safetensors.numpy import load_file, save_file

    config = json.loads((adapter / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    base = load_file(model / WEIGHTS)
    merged = merge_weights(base, load_file(adapter / ADAPTER), config["lora_alpha"] / config["r"])
    save_file(merged, model / WEIGHTS, metadata={"format": "pt"})
