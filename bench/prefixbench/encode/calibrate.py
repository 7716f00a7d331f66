"""The padded tokens a batch should hold: measured once for each model and machine, then remembered."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from prefixbench.encode.batching import DEFAULT_CPU_TOKENS, DEFAULT_GPU_TOKENS, STATIC_TOKENS
from prefixbench.encode.choice import describe_machine
from prefixbench.encode.network import Network
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import Engine
from prefixbench.vectors.embedder import TokenRows

CANDIDATE_TOKENS = {"cpu": (1024, 2048, 4096), "cuda": (16384, 32768, 65536, 131072, 262144)}
CALIBRATION_LENGTH = 64
CALIBRATION_SECONDS = 1.5
TIMED_RUNS = 2
"""The better counts: no other work of a moment may choose, since the last bits of vectors hang on the batches."""

WORTH_CHANGING = 1.1
"""A larger budget must be this much faster, since it also takes more memory, and less is within what chance does."""


def choose_batch_tokens(network: Network, digest: str, cache: Path, engine: Engine) -> int:
    """The padded tokens a batch should hold, from the rate of a few sizes; measured once, then remembered."""
    if network.is_static:
        return STATIC_TOKENS
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
    """Tokens per second of batches of each size, smallest first, until one is not worth its memory or time is up."""
    rates: dict[int, float] = {}
    started = clock()
    for size in sizes:
        n_texts = max(1, size // length)
        try:
            run(n_texts)
            seconds = []
            for _ in range(TIMED_RUNS):
                before = clock()
                run(n_texts)
                seconds.append(clock() - before)
            rates[size] = n_texts * length / max(min(seconds), 1e-9)
        except (torch.OutOfMemoryError, MemoryError):
            break
        if pick_budget(rates) != size or clock() - started > CALIBRATION_SECONDS:
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
    ids = torch.randint(5, 100, (n_texts, length), generator=torch.Generator().manual_seed(0)).tolist()
    tokenizer = network.tokenizer_for(Side())
    assert tokenizer is not None
    types = [[0] * length] * n_texts if tokenizer.reads_types else None
    features = tokenizer.batch(TokenRows(ids, types, np.full(n_texts, length)), np.arange(n_texts))
    network.forward({**features, "modality": "text"}, Side()).cpu()
