"""Texts per second of every engine against sentence-transformers' own ``encode``, interleaved, with the largest error.

    python -m benchmarks.engines.run [--texts 400] [--rounds 3] [--threads 1,2] [--model FOLDER --name NAME]
                                     [--engines torch,onnx,openvino]

Texts are summaries and bodies of a starter task, so nothing is asked of the network. The figures and the machine they
were taken on are written beside this file, those of another model than the starter's as ``NAME.json`` and ``NAME.md``.
Other work on the machine slows either side by chance; the ratio is therefore the median over rounds in which both ran
one after the other.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from prefixbench.encode.batching import cut_batches
from prefixbench.encode.choice import compute_disagreement
from prefixbench.encode.load import load_embedder
from prefixbench.encode.local import LocalEmbedder
from prefixbench.errors import EncodeError
from prefixbench.run.provenance import collect_provenance
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec
from prefixbench.starter import load_starter_task, locate_model, starter_task_names
from prefixbench.vectors.embedder import Vectors
from sentence_transformers import SentenceTransformer

HERE = Path(__file__).parent
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
ENGINES = (Engine.TORCH, Engine.ONNX, Engine.OPENVINO)
PACKAGES = ("torch", "sentence-transformers", "openvino", "onnxruntime")
SIDE = Side("query: ")


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """One engine against the library.

    Attributes:
        engine: Which.
        threads: Of either side.
        batch_tokens: The budget calibration found.
        ratio: Median over rounds of our texts per second over the library's, wall-clock.
        ratio_low: Smallest of the rounds.
        ratio_high: Largest of the rounds.
        cpu_ratio: Median over rounds of the library's processor seconds over ours.
        disagreement: Largest 1 − cosine to the library's vectors.
        padding: Share of the computed tokens that was padding.
        seconds_first_start: From nothing to the first vectors: loading, converting or compiling, timing batches.
        seconds_next_start: The same once a machine has done that.
    """

    engine: str
    threads: int
    batch_tokens: int
    ratio: float
    ratio_low: float
    ratio_high: float
    cpu_ratio: float
    disagreement: float
    padding: float
    seconds_first_start: float
    seconds_next_start: float


def load_texts(n_texts: int) -> list[str]:
    """Real texts of mixed length from the starter's retrieval task."""
    name = next(name for name in starter_task_names() if "Retrieval" in name)
    dataset = load_starter_task(name).dataset
    assert dataset is not None
    split = dataset["default"]["test"]
    texts = [f"{row.get('title') or ''} {row['text']}".strip() for part in ("queries", "corpus") for row in split[part]]
    chosen = np.random.default_rng(0).choice(len(texts), size=min(n_texts, len(texts)), replace=False)
    return [texts[index] for index in chosen]


def take_time(run: Callable[[], Vectors]) -> tuple[float, float, Vectors]:
    """Wall seconds, processor seconds and the result of one run."""
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    vectors = run()
    return time.perf_counter() - wall, time.process_time() - processor, vectors


def measure_padding(embedder: LocalEmbedder, texts: list[str]) -> float:
    """Share of the computed tokens that was padding (0–1)."""
    tokens = embedder.read(texts, SIDE).tokens
    assert tokens is not None
    lengths = tokens.lengths
    computed = sum(int(lengths[batch].max()) * len(batch) for batch in cut_batches(lengths, embedder.batch_tokens))
    return 1 - int(lengths.sum()) / computed


def measure_engine(
    engine: Engine, folder: Path, texts: list[str], rounds: int, threads: int, cache: Path
) -> EngineFigures:
    """Time one engine and the library in turn."""

    def start() -> LocalEmbedder:
        settings = EncoderSettings(device="cpu", engine=engine)
        started = load_embedder(ModelSpec(name=folder.name), settings, folder, cache=cache, threads=threads)
        started.embed(started.read(texts[:1], SIDE))
        return started

    began = time.perf_counter()
    start()
    first_start = time.perf_counter() - began
    gc.collect()
    began = time.perf_counter()
    embedder = start()
    next_start = time.perf_counter() - began
    library = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    embedder.embed(embedder.read(texts[:16], SIDE))
    library.encode(texts[:16], prompt=SIDE.prefix, show_progress_bar=False)
    ratios, cpu_ratios, gaps = [], [], []
    for _ in range(rounds):
        ours = take_time(lambda: embedder.embed(embedder.read(texts, SIDE)))
        theirs = take_time(lambda: library.encode(texts, prompt=SIDE.prefix, batch_size=32, show_progress_bar=False))
        ratios.append(theirs[0] / ours[0])
        cpu_ratios.append(theirs[1] / ours[1])
        gaps.append(compute_disagreement(ours[2], theirs[2]))
    return EngineFigures(
        engine=engine.value,
        threads=threads,
        batch_tokens=embedder.batch_tokens,
        ratio=statistics.median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        cpu_ratio=statistics.median(cpu_ratios),
        disagreement=max(gaps),
        padding=measure_padding(embedder, texts),
        seconds_first_start=first_start,
        seconds_next_start=next_start,
    )


def describe_machine() -> dict[str, str | float]:
    """What the figures depend on, the load of other work included."""
    provenance = collect_provenance("cpu")
    packages = {name: provenance.packages[name] for name in PACKAGES if name in provenance.packages}
    return {"processor": provenance.cpu, "load_average": round(os.getloadavg()[0], 2), **packages}


def render_table(figures: list[EngineFigures], model: str, machine: dict[str, str | float], n_texts: int) -> str:
    """The figures as Markdown."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    lines = [
        "# Engines against sentence-transformers' encode",
        "",
        f"Written by `python -m benchmarks.engines.run`: {n_texts} texts, {model}, float32; {facts}.",
        "Ratios above 1 mean faster than `encode(batch_size=32)`; range over rounds in brackets.",
        "",
        "| threads | engine | batch tokens | texts/s ratio | processor-seconds ratio | 1 − cosine | padding "
        "| first start, s | next start, s |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.threads} | {row.engine} | {row.batch_tokens} "
        f"| {row.ratio:.2f} ({row.ratio_low:.2f}–{row.ratio_high:.2f}) "
        f"| {row.cpu_ratio:.2f} | {row.disagreement:.1e} | {row.padding:.1%} "
        f"| {row.seconds_first_start:.1f} | {row.seconds_next_start:.1f} |"
        for row in figures
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure every engine that is there and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default=f"1,{os.cpu_count() or 2}", help="threads of either side, in turn")
    parser.add_argument("--engines", default=",".join(ENGINES), help="in turn")
    parser.add_argument("--model", type=Path, help="a model's folder; the starter's by default")
    parser.add_argument("--name", default="figures", help="of the files written")
    options = parser.parse_args()
    folder = options.model or locate_model(MODEL)
    assert folder is not None, "the starter's model is a dependency"
    model = MODEL if options.model is None else "/".join(folder.parts[-2:])
    machine = describe_machine()
    texts = load_texts(options.texts)
    figures = []
    for threads in map(int, options.threads.split(",")):
        torch.set_num_threads(threads)
        for engine in map(Engine, options.engines.split(",")):
            try:
                with tempfile.TemporaryDirectory() as cache:
                    figures.append(measure_engine(engine, folder, texts, options.rounds, threads, Path(cache)))
            except EncodeError as error:
                print(f"left out: {error}")
    document = {"model": model, "machine": machine, "n_texts": len(texts), "engines": [asdict(row) for row in figures]}
    (HERE / f"{options.name}.json").write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    table = render_table(figures, model, machine, len(texts))
    (HERE / f"{options.name}.md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
