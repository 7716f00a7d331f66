"""Choosing an engine: probed once for each model and machine, then remembered."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from prefixbench.encode import engines
from prefixbench.encode.network import Network
from prefixbench.errors import EncodeError
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import Dtype, Engine
from prefixbench.vectors.embedder import Vectors

AGREEMENT = 1e-9
"""Largest 1 − cosine to plain fp32 torch at which an engine counts as the same arithmetic."""

PREFERENCE = (Engine.OPENVINO, Engine.ONNX, Engine.COMPILED)
"""From the fastest to the slowest, as measured by ``benchmarks/engines``."""

PROBE_WORDS = "the quick brown fox weighs 3.14 grams, über-exakt: naïve façade – 素早い茶色の狐 (and nothing else)"
PROBE_LENGTHS = (1, 3, 8, 20, 60, 300)
"""Words of the probe's texts; together they are padded, truncated and neither."""

QUICK_TEXTS = 3
"""Of them, those that an engine converted earlier is asked again whenever it is loaded."""


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """What computes the forward pass, and why.

    Attributes:
        engine: Never ``auto``.
        disagreement: Largest 1 − cosine to plain fp32 torch on the probe; 0 for torch itself.
        dtype: The precision computed in.
        notes: What a reader should know: engines passed over with the reason.
    """

    engine: Engine
    disagreement: float
    dtype: Dtype
    notes: tuple[str, ...] = ()

    @property
    def dtype_class(self) -> str:
        """The precision as part of a vector's key: engines that agree with plain torch share one."""
        if self.engine is Engine.TORCH or (self.dtype is Dtype.FLOAT32 and self.disagreement <= AGREEMENT):
            return self.dtype.value
        return f"{self.dtype.value}-{self.engine.value}"


def describe_machine(network: Network) -> str:
    """Sixteen hex digits over what a choice depends on besides the weights."""
    device = network.model.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    parts = [device.type, name, torch.get_num_threads(), network.dtype.value, network.model.max_seq_length]
    packages = [(package, version(package)) for package in ("torch", "transformers")]
    present = [(engine.value, _read_version(engine), reason) for engine, reason in engines.find_engines().items()]
    return hashlib.sha256(json.dumps([*parts, packages, present, engines.CONVERSION]).encode()).hexdigest()[:16]


def _read_version(engine: Engine) -> str:
    try:
        return version(engines.PACKAGES.get(engine, ("torch",))[0])
    except PackageNotFoundError:
        return ""


def choose_engine(network: Network, wanted: Engine, digest: str, cache: Path, threads: int | None) -> EngineChoice:
    """Put the engine asked for into the network; ``auto`` takes the first that agrees with plain torch on a probe.

    Raises:
        EncodeError: The engine named is not installed or cannot run this model.
    """
    reason = why_only_torch(network)
    if wanted is Engine.TORCH or (reason and wanted is Engine.AUTO):
        return EngineChoice(Engine.TORCH, 0.0, network.dtype, (f"plain torch: {reason}",) if reason else ())
    if reason:
        raise EncodeError(f"engine {wanted.value!r} cannot run this model: {reason}.")
    store = cache / "engines" / digest[:24]
    if wanted is not Engine.AUTO:
        return _use_named(network, wanted, store, threads)
    if network.dtype is not Dtype.FLOAT32:
        return EngineChoice(Engine.TORCH, 0.0, network.dtype)
    return _use_best(network, store, threads)


def why_only_torch(network: Network) -> str:
    """Why no other engine can run this model, or ``""``."""
    if network.model.device.type != "cpu":
        return f"other engines run on the CPU, the model is on {network.model.device.type}"
    if network.is_role_aware or network.takes_task:
        return "queries, documents or tasks take different ways through the model"
    if getattr(network.model.transformers_model, "peft_config", None):
        return "the model's adapters are switched while it runs"
    if network.model.transformers_model is None:
        return "the model has no transformer"
    if network.tokenizer_for(Side()) is None:
        return "the model prepares its texts itself"
    return ""


def _use_named(network: Network, wanted: Engine, store: Path, threads: int | None) -> EngineChoice:
    _switch_engine(network, wanted, store, threads)
    memo = store / f"engine-{wanted.value}-{describe_machine(network)}.json"
    known = float(read_memo(memo).get("disagreement", math.inf))
    if known <= AGREEMENT and _agrees_still(network):
        return EngineChoice(wanted, known, network.dtype)
    gap = _measure(network, _plain(network))
    write_memo(memo, {"disagreement": gap})
    off = wanted is not Engine.TORCH and network.dtype is Dtype.FLOAT32 and gap > AGREEMENT
    note = f"engine {wanted.value} is off plain torch by 1 − cosine {gap:.1e} on the probe"
    return EngineChoice(wanted, gap, network.dtype, (note,) if off else ())


def _use_best(network: Network, store: Path, threads: int | None) -> EngineChoice:
    memo = store / f"engine-{describe_machine(network)}.json"
    known = read_memo(memo)
    passed_over: dict[str, str] = dict(known.get("passed_over", {}))
    reference: Vectors | None = None
    for engine in PREFERENCE:
        if engine.value in passed_over:
            continue
        try:
            _switch_engine(network, engine, store, threads)
        except EncodeError as error:
            passed_over[engine.value] = str(error)
            continue
        if known.get("engine") == engine.value:
            if _agrees_still(network):
                return EngineChoice(engine, float(known["disagreement"]), network.dtype, tuple(passed_over.values()))
            shutil.rmtree(store / engine.value, ignore_errors=True)  # whole, and yet not this model
            _switch_engine(network, engine, store, threads)
        gap = _measure(network, reference := _plain(network) if reference is None else reference)
        if gap <= AGREEMENT:
            write_memo(memo, {"engine": engine.value, "disagreement": gap, "passed_over": passed_over})
            return EngineChoice(engine, gap, network.dtype, tuple(passed_over.values()))
        passed_over[engine.value] = f"engine {engine.value!r} is off plain torch by 1 − cosine {gap:.1e} on the probe."
    network.engine = None
    write_memo(memo, {"engine": Engine.TORCH.value, "disagreement": 0.0, "passed_over": passed_over})
    return EngineChoice(Engine.TORCH, 0.0, network.dtype, tuple(passed_over.values()))


def _switch_engine(network: Network, engine: Engine, store: Path, threads: int | None) -> None:
    tokenizer = network.tokenizer_for(Side())
    transformer = network.model.transformers_model
    assert tokenizer is not None
    assert transformer is not None
    rows = tokenizer.encode([_probe_text(n_words) for n_words in PROBE_LENGTHS[:3]])
    example = tokenizer.batch(rows, np.arange(len(rows.ids)))
    network.engine = engines.build_engine(engine, transformer, example, network.dtype, store, threads)


def _plain(network: Network) -> Vectors:
    engine, network.engine = network.engine, None
    try:
        return embed_probe(network)
    finally:
        network.engine = engine


def _measure(network: Network, reference: Vectors) -> float:
    return compute_disagreement(reference, embed_probe(network))


def _agrees_still(network: Network) -> bool:
    """Whether an engine that was once compared gives, on a few short texts, what plain torch does."""
    lengths = PROBE_LENGTHS[:QUICK_TEXTS]
    engine, network.engine = network.engine, None
    reference = embed_probe(network, lengths)
    network.engine = engine
    return compute_disagreement(reference, embed_probe(network, lengths)) <= AGREEMENT


def _probe_text(n_words: int) -> str:
    words = PROBE_WORDS.split()
    return " ".join((words * (n_words // len(words) + 1))[:n_words])


def embed_probe(network: Network, lengths: tuple[int, ...] = PROBE_LENGTHS) -> Vectors:
    """Vectors of the probe's texts in one padded batch and one by one, shape ``(2 × n_texts, dim)``."""
    tokenizer = network.tokenizer_for(Side())
    assert tokenizer is not None
    rows = tokenizer.encode([_probe_text(n_words) for n_words in lengths])
    whole = np.arange(len(rows.ids))
    vectors = []
    for positions in [whole, *(whole[i : i + 1] for i in whole)]:
        features = {**tokenizer.batch(rows, positions), "modality": "text"}
        vectors.append(network.forward(features, Side()).cpu().numpy())
    return np.concatenate(vectors).astype(np.float32)


def compute_disagreement(a: Vectors, b: Vectors) -> float:
    """Largest 1 − cosine between rows of two arrays of shape ``(n_texts, dim)``, in float64; NaN counts as 2."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    gaps = 1 - np.einsum("ij,ij->i", x, y) / norms
    return float(np.nan_to_num(gaps, nan=2.0).max(initial=0.0))
