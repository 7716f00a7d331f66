"""Choosing an engine and a batch budget: probed once for each model and machine, then remembered."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from bench.encode import engines
from bench.encode.batching import DEFAULT_CPU_TOKENS, DEFAULT_GPU_TOKENS
from bench.encode.folders import read_memo, write_memo
from bench.encode.network import Network
from bench.encode.protocol import Vectors
from bench.errors import EncodeError
from bench.spec.conditions import Side
from bench.spec.sweep import Dtype, Engine

AGREEMENT = 1e-9
"""Largest 1 − cosine to plain fp32 torch at which an engine counts as the same arithmetic."""

PREFERENCE = (Engine.OPENVINO, Engine.ONNX, Engine.COMPILED)
"""From the fastest to the slowest, as measured by ``benchmarks/engines``."""

PROBE_WORDS = "the quick brown fox weighs 3.14 grams, über-exakt: naïve façade – 素早い茶色の狐 (and nothing else)"
PROBE_LENGTHS = (1, 3, 8, 20, 60, 300)
"""Words of the probe's texts; together they are padded, truncated and neither."""

CANDIDATE_TOKENS = {"cpu": (1024, 2048, 4096, 8192), "cuda": (16384, 32768, 65536, 131072, 262144)}
CALIBRATION_LENGTH = 64
CALIBRATION_SECONDS = 4.0
WORTH_CHANGING = 1.03
"""A larger budget must be this much faster, since it also takes more memory."""


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
    packages = [(package, version(package)) for package in ("torch", "transformers", "openvino")]
    return hashlib.sha256(json.dumps([*parts, packages]).encode()).hexdigest()[:16]


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
    if network.tokenizer_for(Side()) is None:
        return "the model prepares its texts itself"
    return ""


def _use_named(network: Network, wanted: Engine, store: Path, threads: int | None) -> EngineChoice:
    reference = embed_probe(network)
    _switch_engine(network, wanted, store, threads)
    gap = compute_disagreement(reference, embed_probe(network))
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
            return EngineChoice(engine, float(known["disagreement"]), network.dtype, tuple(passed_over.values()))
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
    arrays = tokenizer.pad(rows, np.arange(len(rows.ids)))
    example = {name: torch.from_numpy(array) for name, array in arrays.items()}
    network.engine = engines.build_engine(engine, transformer, example, network.dtype, store, threads)


def _plain(network: Network) -> Vectors:
    engine, network.engine = network.engine, None
    try:
        return embed_probe(network)
    finally:
        network.engine = engine


def _measure(network: Network, reference: Vectors) -> float:
    return compute_disagreement(reference, embed_probe(network))


def _probe_text(n_words: int) -> str:
    words = PROBE_WORDS.split()
    return " ".join((words * (n_words // len(words) + 1))[:n_words])


def embed_probe(network: Network) -> Vectors:
    """Vectors of the probe's texts in one padded batch and one by one, shape ``(2 × n_texts, dim)``."""
    tokenizer = network.tokenizer_for(Side())
    assert tokenizer is not None
    rows = tokenizer.encode([_probe_text(n_words) for n_words in PROBE_LENGTHS])
    whole = np.arange(len(rows.ids))
    vectors = []
    for positions in [whole, *(whole[i : i + 1] for i in whole)]:
        features = {name: torch.from_numpy(array) for name, array in tokenizer.pad(rows, positions).items()}
        vectors.append(network.forward({**features, "modality": "text"}, Side()).cpu().numpy())
    return np.concatenate(vectors).astype(np.float32)


def compute_disagreement(a: Vectors, b: Vectors) -> float:
    """Largest 1 − cosine between rows of two arrays of shape ``(n_texts, dim)``, in float64; NaN counts as 2."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    gaps = 1 - np.einsum("ij,ij->i", x, y) / norms
    return float(np.nan_to_num(gaps, nan=2.0).max(initial=0.0))


def choose_batch_tokens(network: Network, digest: str, cache: Path, engine: Engine) -> int:
    """The padded tokens a batch should hold, from the rate of a few sizes; measured once, then remembered."""
    kind = network.model.device.type
    tokenizer = network.tokenizer_for(Side())
    default = DEFAULT_GPU_TOKENS if kind == "cuda" else DEFAULT_CPU_TOKENS
    if tokenizer is None or kind not in CANDIDATE_TOKENS:
        return default
    memo = cache / "engines" / digest[:24] / f"budget-{engine.value}-{describe_machine(network)}.json"
    known = read_memo(memo).get("batch_tokens")
    if isinstance(known, int):
        return known
    length = min(CALIBRATION_LENGTH, tokenizer.max_length or CALIBRATION_LENGTH)
    rates = measure_rates(lambda n_texts: _run_synthetic(network, n_texts, length), CANDIDATE_TOKENS[kind], length)
    best = pick_budget(rates) if rates else default
    write_memo(memo, {"batch_tokens": best, "tokens_per_second": {str(size): rate for size, rate in rates.items()}})
    return best


def measure_rates(
    run: Callable[[int], None], sizes: tuple[int, ...], length: int, clock: Callable[[], float] = time.perf_counter
) -> dict[int, float]:
    """Tokens per second of batches of each size, smallest first, until time is up or memory is."""
    rates: dict[int, float] = {}
    started = clock()
    for size in sizes:
        n_texts = max(1, size // length)
        try:
            run(n_texts)
            before = clock()
            run(n_texts)
            rates[size] = n_texts * length / max(clock() - before, 1e-9)
        except (torch.OutOfMemoryError, MemoryError):
            break
        if clock() - started > CALIBRATION_SECONDS:
            break
    return rates


def pick_budget(rates: dict[int, float]) -> int:
    """The smallest size that no larger one beats by a margin worth its memory."""
    best = min(rates)
    for size in sorted(rates):
        if rates[size] > rates[best] * WORTH_CHANGING:
            best = size
    return best


def _run_synthetic(network: Network, n_texts: int, length: int) -> None:
    ids = torch.randint(5, 100, (n_texts, length), generator=torch.Generator().manual_seed(0))
    features = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "modality": "text"}
    tokenizer = network.tokenizer_for(Side())
    if tokenizer is not None and tokenizer.reads_types:
        features["token_type_ids"] = torch.zeros_like(ids)
    network.forward(features, Side()).cpu()
