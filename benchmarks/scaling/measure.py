"""How the cost of embedding grows with conditions, texts and model size, and how near it is to the machine's limit.

    python -m benchmarks.scaling.measure [--texts 400] [--device cpu]

The limit is measured too: the best rate of one large matrix product in the same precision. On a processor, one thread
is used and rates are by its own seconds, which other work on the machine hardly changes. Models of several sizes are
built with random weights, since what a forward pass costs does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from prefixbench.encode.cached import CachedEmbedder
from prefixbench.encode.load import load_embedder
from prefixbench.encode.local import LocalEmbedder
from prefixbench.run.provenance import collect_provenance
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.starter import load_starter_task, locate_model
from prefixbench.vectors import VectorStore
from transformers import BertConfig, BertModel

from benchmarks.scaling.table import render_table
from benchmarks.sweep.watch import busy_seconds
from benchmarks.sweep.workload import MODEL, PREFIXES

HERE = Path(__file__).parent
SIZES = {"6 × 384": (6, 384), "12 × 384": (12, 384), "12 × 768": (12, 768)}
"""Layers and width of all-MiniLM-L6-v2, MiniLM-L12 and BERT-base."""

PRODUCT = {"cpu": 2048, "cuda": 8192}
"""Rows of the square matrices whose product is timed."""


@dataclass(frozen=True)
class Point:
    """One measured point.

    Attributes:
        what: What grows: ``conditions``, ``texts`` or ``size``.
        value: How far.
        seconds: Wall-clock time.
        cpu_seconds: Of all this process's threads.
        texts_embedded: Texts that went through the model.
        tokens: Real tokens among them.
        flops: Floating-point operations that these tokens need, padding left out.
        other_cores: Cores that other work kept busy meanwhile.
    """

    what: str
    value: str
    seconds: float
    cpu_seconds: float
    texts_embedded: int
    tokens: int
    flops: float
    other_cores: float


def measure_peak(device: str, rounds: int = 10) -> float:
    """The best FLOP/s of a few large float32 matrix products; a processor's by its own seconds, those of one core."""
    n = PRODUCT[device]
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    best = 0.0
    for _ in range(rounds):
        began = clock()
        float((a @ b)[0, 0])  # reading a number waits for the product
        best = max(best, 2 * n**3 / (clock() - began))
    return best


def count_flops(layers: int, width: int, lengths: list[int]) -> float:
    """Operations of a BERT encoder with a fourfold inner layer over texts of these many tokens.

    A token passes 12 · width² weights a layer, two operations each; queries by keys and weights by values take
    4 · length · width more (Vaswani et al. 2017, table 1, with the constants of the products).
    """
    return float(sum(layers * length * (24 * width**2 + 4 * length * width) for length in lengths))


def load_texts(count: int) -> tuple[list[str], list[str]]:
    """Queries and documents of a starter task, at most ``count`` of each."""
    dataset = load_starter_task("StarterDocRetrieval").dataset
    assert dataset is not None
    split = dataset["default"]["test"]
    return [row["text"] for row in split["queries"]][:count], [row["text"] for row in split["corpus"]][:count]


def build_model(layers: int, width: int, folder: Path) -> Path:
    """A model folder with random weights of this size, all else that of the base model."""
    base = locate_model(MODEL)
    assert base is not None
    shutil.copytree(base, folder)
    config = BertConfig.from_pretrained(folder)
    config.num_hidden_layers, config.hidden_size = layers, width
    config.num_attention_heads, config.intermediate_size = width // 64, 4 * width
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text())
    settings |= {key: width for key in ("word_embedding_dimension", "embedding_dimension") if key in settings}
    pooling.write_text(json.dumps(settings))
    return folder


def take_time(run: Callable[[], int]) -> tuple[tuple[float, float], int, float]:
    """Seconds and processor seconds, what the run returns, and the cores that other work kept busy."""
    busy, own, began = busy_seconds(), time.process_time(), time.perf_counter()
    found = run()
    seconds, cpu = time.perf_counter() - began, time.process_time() - own
    return (seconds, cpu), found, max(0.0, busy_seconds() - busy - cpu) / seconds


def read_lengths(embedder: LocalEmbedder, texts: list[str], side: Side) -> list[int]:
    """Tokens that the model reads of each text."""
    tokens = embedder.read(texts, side).tokens
    assert tokens is not None
    return [int(length) for length in tokens.lengths]


def measure_conditions(embedder: LocalEmbedder, queries: list[str], documents: list[str]) -> list[Point]:
    """One, two, four and eight conditions over an empty store: cost follows the distinct strings."""
    pairs = [("", ""), *PREFIXES.values()]
    points = []
    for n_conditions in (1, 2, 4, 8):
        asked = [part for query, document in pairs[:n_conditions] for part in ((queries, query), (documents, document))]
        distinct = dict.fromkeys((id(texts), prefix) for texts, prefix in asked)
        by_id = {id(queries): queries, id(documents): documents}
        lengths = [n for which, prefix in distinct for n in read_lengths(embedder, by_id[which], Side(prefix))]
        with tempfile.TemporaryDirectory() as folder:
            cached = CachedEmbedder(embedder, VectorStore.open(Path(folder)))

            def run(cached: CachedEmbedder = cached, asked: list[tuple[list[str], str]] = asked) -> int:
                for texts, prefix in asked:
                    cached.ensure(texts, Side(prefix))
                return cached.counts.texts_embedded

            seconds, embedded, others = take_time(run)
        flops = count_flops(*SIZES["6 × 384"], lengths)
        points.append(Point("conditions", str(n_conditions), *seconds, embedded, sum(lengths), flops, others))
    return points


def measure_texts(what: str, value: str, embedder: LocalEmbedder, texts: list[str], size: tuple[int, int]) -> Point:
    """These texts through the model, once."""
    lengths = read_lengths(embedder, texts, Side())
    embedder.embed(embedder.read(texts[:8], Side()))
    seconds, embedded, others = take_time(lambda: len(embedder.embed(embedder.read(texts, Side()))))
    return Point(what, value, *seconds, embedded, sum(lengths), count_flops(*size, lengths), others)


def measure_all(n_texts: int, device: Literal["cpu", "cuda"], work: Path) -> list[Point]:
    """Every point."""
    queries, documents = load_texts(n_texts)
    settings = EncoderSettings(device=device)
    base = load_embedder(ModelSpec(name=MODEL), settings, locate_model(MODEL), cache=work / "cache", threads=1)
    base.embed(base.read(documents[:32], Side()))
    points = measure_conditions(base, queries, documents)
    for share in (8, 4, 2, 1):
        some = documents[: max(1, n_texts // share)]
        points.append(measure_texts("texts", f"{len(some)}", base, some, SIZES["6 × 384"]))
    for name, (layers, width) in SIZES.items():
        folder = build_model(layers, width, work / f"{layers}-{width}")
        embedder = load_embedder(ModelSpec(name=str(folder)), settings, folder, cache=work / "cache", threads=1)
        some = documents[: max(16, n_texts * 6 * 384**2 // (layers * width**2))]
        points.append(measure_texts("size", name, embedder, some, (layers, width)))
    return points


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=400, help="queries, and documents, at most")
    parser.add_argument("--device", choices=tuple(PRODUCT), default="cpu")
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        peak = measure_peak(options.device)
        points = measure_all(options.texts, options.device, Path(work))
        peak = max(peak, measure_peak(options.device))
    content: dict[str, Any] = {
        "provenance": collect_provenance(options.device).model_dump(exclude={"warnings"}),
        "threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "peak_flops_per_second": peak,
        "points": [asdict(point) for point in points],
    }
    (options.output / "figures.json").write_text(json.dumps(content, indent=1) + "\n")
    (options.output / "figures.md").write_text(render_table(content))
    sys.stdout.write(render_table(content))


if __name__ == "__main__":
    main()
