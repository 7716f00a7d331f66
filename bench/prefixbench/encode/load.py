"""Loading a model: from a folder or the hub, safetensors only, its code only where trusted."""

from __future__ import annotations

import shutil
import warnings
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from prefixbench.encode.adapters import find_adapters
from prefixbench.encode.calibrate import choose_batch_tokens
from prefixbench.encode.checkpoint import check_layers
from prefixbench.encode.choice import choose_engine
from prefixbench.encode.engines import OWN_WEIGHTS
from prefixbench.encode.hub import locate_model
from prefixbench.encode.loader_rules import FINISHES, LoaderRule, describe_origin, find_rule
from prefixbench.encode.local import LocalEmbedder
from prefixbench.encode.network import Network
from prefixbench.encode.repository import OWN_MODULES, check_weights, compute_weights_digest, open_view
from prefixbench.encode.tokens import UNLIMITED
from prefixbench.errors import ModelLoadError, PrefixbenchError
from prefixbench.files import default_cache_folder
from prefixbench.plain import first_line
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import EmbedderIdentity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SAYS_ENOUGH = (OSError, ValueError, ImportError, RuntimeError)
"""Errors whose text is written for people; of the others the class is told too."""


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
    check_weights(found, model.name, trusted=model.trust_remote_code)
    view = open_view(found, model.name, trusted=model.trust_remote_code)
    try:
        embedder = _build_embedder(view, found, model, settings, cache, threads)
    except BaseException as error:
        shutil.rmtree(view, ignore_errors=True)
        if isinstance(error, PrefixbenchError | MemoryError) or not isinstance(error, Exception):
            raise
        # A setting of any kind may stand in a model's files, and the libraries check few before they use them.
        reason = first_line(error).replace(str(view), str(found))
        kind = "" if isinstance(error, SAYS_ENOUGH) else f"{type(error).__name__}: "
        raise ModelLoadError(f"model {model.name!r} cannot be loaded from {found}: {kind}{reason}.") from error
    # Code of the model's own may read on from its files.
    weakref.finalize(embedder, shutil.rmtree, view, ignore_errors=True)
    return embedder


def _build_embedder(
    view: Path, folder: Path, model: ModelSpec, settings: EncoderSettings, cache: Path, threads: int | None
) -> LocalEmbedder:
    device = choose_device(settings.device)
    rule = find_rule(model.name)
    loaded = open_model(view, model, device, rule)
    check_layers(loaded, folder, model.name)
    if (limit := model.max_seq_length or settings.max_seq_length or rule.max_seq_length) is not None:
        loaded.max_seq_length = limit
    network = Network(loaded, model.dtype or settings.dtype, FINISHES.get(rule.finish or ""))
    digest = compute_weights_digest(folder, cache, trusted=model.trust_remote_code)
    adapters = find_adapters(network, view)
    choice = choose_engine(network, settings.engine, digest, cache, threads)
    if choice.engine in OWN_WEIGHTS:
        network.drop_weights()
    budget = settings.batch_tokens or choose_batch_tokens(network, digest, cache, choice.engine)
    identity = EmbedderIdentity(
        model=model.name,
        revision=model.revision or _read_commit(folder),
        weights_digest=digest,
        max_seq_length=read_limit(loaded),
        pooling="+".join(filter(None, (describe_pooling(loaded), rule.finish))),
        dtype=choice.dtype_class,
        engine=choice.engine.value,
        device=loaded.device.type,
    )
    notes = (*choice.notes, *describe_origin(folder, model.name), *describe_similarity(network))
    return LocalEmbedder(network, identity, adapters, budget, notes)


def describe_similarity(network: Network) -> tuple[str, ...]:
    """A note where the repository names another function than cosine."""
    if network.similarity in (None, "cosine"):
        return ()
    return (f"Vectors are compared by {network.similarity}, as the model's repository says.",)


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


def open_model(view: Path, model: ModelSpec, device: str, rule: LoaderRule) -> SentenceTransformer:
    """Build the model from what may be seen of its folder; the hub is asked only for code that is trusted."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    kwargs: dict[str, Any] = {"use_safetensors": True, "dtype": torch.float32}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        loaded = SentenceTransformer(
            str(view),
            device=device,
            trust_remote_code=model.trust_remote_code,
            local_files_only=not model.trust_remote_code,
            model_kwargs=kwargs,
            processor_kwargs=dict(rule.tokenizer_options),
            truncate_dim=rule.truncate_dim,
        )
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
