"""Loading a model: from a folder or the hub, safetensors only, its code only where trusted."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from prefixbench.encode.adapters import find_adapters
from prefixbench.encode.calibrate import choose_batch_tokens
from prefixbench.encode.choice import choose_engine
from prefixbench.encode.families import FINISHES, LoaderRule, find_rule
from prefixbench.encode.hub import locate_model
from prefixbench.encode.local import LocalEmbedder
from prefixbench.encode.network import Network
from prefixbench.encode.tokens import UNLIMITED
from prefixbench.encode.weights import check_weights, compute_weights_digest
from prefixbench.errors import ModelLoadError, UntrustedCodeError
from prefixbench.files import default_cache_folder
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import EmbedderIdentity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OWN_MODULES = "sentence_transformers."


def load_embedder(
    model: ModelSpec,
    settings: EncoderSettings,
    folder: Path | None = None,
    *,
    cache: Path | None = None,
    threads: int | None = None,
) -> LocalEmbedder:
    """Load a model ready to embed.

    Args:
        model: Its name, revision and overrides.
        settings: How texts become vectors.
        folder: Its files, where they are already here; nothing is then asked of the network.
        cache: Where digests, converted models and calibrations are remembered.
        threads: Threads of the forward pass on a CPU; the library's own choice where absent.

    Raises:
        ModelLoadError: The model is missing, brings no safetensors, or needs code that is not trusted.
        HubUnreachableError: The hub does not answer and the files are not here.
        EncodeError: The engine named cannot run this model here.
    """
    cache = cache or default_cache_folder()
    if threads is not None:
        torch.set_num_threads(threads)
    found = folder or locate_model(model)
    check_weights(found, model.name)
    check_code(found, model)
    device = choose_device(settings.device)
    rule = find_rule(model.name)
    loaded = open_model(found, model, device, rule, local_only=folder is not None)
    if (limit := model.max_seq_length or settings.max_seq_length or rule.max_seq_length) is not None:
        loaded.max_seq_length = limit
    network = Network(loaded, model.dtype or settings.dtype, FINISHES.get(rule.finish or ""))
    digest = compute_weights_digest(found, cache)
    adapters = find_adapters(network, found)
    choice = choose_engine(network, settings.engine, digest, cache, threads)
    budget = settings.batch_tokens or choose_batch_tokens(network, digest, cache, choice.engine)
    identity = EmbedderIdentity(
        model=model.name,
        revision=model.revision or _read_commit(found),
        weights_digest=digest,
        max_seq_length=read_limit(loaded),
        pooling="+".join(filter(None, (describe_pooling(loaded), rule.finish))),
        dtype=choice.dtype_class,
        engine=choice.engine.value,
        device=loaded.device.type,
    )
    return LocalEmbedder(network, identity, adapters, budget, choice.notes)


def choose_device(wanted: str) -> str:
    """The device asked for; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        ModelLoadError: The device named is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, present in there.items() if present)
    if not there[wanted]:
        present = ", ".join(name for name, here in there.items() if here)
        raise ModelLoadError(f"device {wanted!r} is not available to torch here; available: {present}.")
    return wanted


def check_code(folder: Path, model: ModelSpec) -> None:
    """Refuse a model that cannot be built without code from its repository, unless that code is trusted.

    Raises:
        UntrustedCodeError: Names the flag that trusts it.
    """
    if model.trust_remote_code:
        return
    modules = _read_json(folder / "modules.json")
    entries = modules if isinstance(modules, list) else []
    foreign = [entry for entry in entries if not str(entry.get("type", "")).startswith(OWN_MODULES)]
    if not foreign and not _needs_own_architecture(folder):
        return
    raise UntrustedCodeError(
        f"model {model.name!r} brings code of its own, which is not run unless you trust it; read the code and add "
        f"--trust-remote-code {model.name}."
    )


def _needs_own_architecture(folder: Path) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    config = _read_json(folder / "config.json")
    if not isinstance(config, dict) or "auto_map" not in config:
        return False
    return config.get("model_type") not in CONFIG_MAPPING


def open_model(
    folder: Path, model: ModelSpec, device: str, rule: LoaderRule, *, local_only: bool
) -> SentenceTransformer:
    """Build the model from its folder; code it brings may be fetched only where it is trusted."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    kwargs: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            loaded = SentenceTransformer(
                str(folder),
                device=device,
                trust_remote_code=model.trust_remote_code,
                local_files_only=local_only or not model.trust_remote_code,
                model_kwargs=kwargs,
                processor_kwargs=dict(rule.tokenizer_options),
                truncate_dim=rule.truncate_dim,
            )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelLoadError(f"model {model.name!r} cannot be loaded from {folder}: {reason}") from error
    if not rule.include_prompt:
        loaded.set_pooling_include_prompt(include_prompt=False)
    return loaded


def describe_pooling(model: SentenceTransformer) -> str:
    """What follows the transformer, as text: ``mean+normalize``, ``lasttoken(prompt left out)``."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    parts = []
    for module in model.modules():
        if isinstance(module, Pooling):
            mode = module.pooling_mode if isinstance(module.pooling_mode, str) else ",".join(module.pooling_mode)
            parts.append(mode if module.include_prompt else f"{mode}(prompt left out)")
        elif type(module).__module__.startswith(OWN_MODULES) and not isinstance(module, Transformer):
            name = type(module).__name__.lower()
            if name != "sentencetransformer":
                parts.append(name)
    return "+".join(parts) or type(model).__name__


def read_limit(model: SentenceTransformer) -> int:
    """Tokens the model reads of a text; 0 for a model without limit, which the library reports as none or infinite."""
    limit = model.max_seq_length
    return int(limit) if limit is not None and limit < UNLIMITED else 0


def _read_commit(folder: Path) -> str | None:
    """The commit of a hub snapshot, which names its folder; a folder of the user's own has none."""
    return folder.name if folder.parent.name == "snapshots" else None


def _read_json(path: Path) -> object:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value
