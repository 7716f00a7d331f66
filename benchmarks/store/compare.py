"""Compare storage formats for vectors: ``python -m benchmarks.store.compare``; writes its evidence beside itself."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prefixbench.vectors.embedder import Vectors
from prefixbench.vectors.keys import Keys, vector_keys

from benchmarks.store.formats import FORMATS, IDENTITY, SIDE, Format

STEPS = {
    "put": "store all, 5,000 a batch, each flushed to the disk",
    "open, look up all": "open and tell which keys are stored, none missing",
    "look up again": "the same, opened already",
    "get, first": "open and read all in the order stored, checksums compared",
    "get, again": "the same, opened and read already",
    "get, shuffled": "read all in random order, read already",
}
BATCH = 5_000


def main() -> None:
    """Run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    evidence = measure_formats(arguments.vectors, arguments.dim, arguments.rounds)
    table = render_table(evidence)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "formats.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (arguments.output / "formats.md").write_text(table, encoding="utf-8")
    print(table)


def measure_formats(n: int, dim: int, rounds: int) -> dict[str, Any]:
    """Seconds of every step of every format, the formats taking turns."""
    keys = vector_keys(IDENTITY, SIDE, [f"text {number}" for number in range(n)])
    vectors = np.random.default_rng(0).standard_normal((n, dim), dtype=np.float32)
    order = np.random.default_rng(1).permutation(n)
    seconds: dict[str, dict[str, list[float]]] = {name: {step: [] for step in STEPS} for name in FORMATS}
    sizes: dict[str, int] = {}
    for _ in range(rounds):
        for name, make in FORMATS.items():
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent) / "store"
                for step, taken in run_steps(make, folder, keys, vectors, order).items():
                    seconds[name][step].append(round(taken, 4))
                sizes[name] = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
                shutil.rmtree(folder)
    packages = ["lmdb", "numpy", "pyarrow", "safetensors", "xxhash", *(["pylance"] if "Lance" in FORMATS else [])]
    return {
        "vectors": n,
        "dim": dim,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "load_average": os.getloadavg()[0],
        "packages": {name: version(name) for name in packages},
        "seconds": seconds,
        "bytes": sizes,
    }


def run_steps(
    make: type[Format], folder: Path, keys: Keys, vectors: Vectors, order: NDArray[np.int64]
) -> dict[str, float]:
    """Seconds of each step of one format, once."""
    taken: dict[str, float] = {}
    taken["put"] = clock(lambda: put_all(make(folder), keys, vectors))[0]
    gc.collect()
    taken["open, look up all"], (reader, n_found) = clock(lambda: open_and(make, folder, "contains", keys))
    assert n_found == len(keys)
    taken["look up again"] = clock(lambda: reader.contains(keys))[0]
    del reader
    gc.collect()
    taken["get, first"], (reader, read) = clock(lambda: open_and(make, folder, "get", keys))
    assert np.array_equal(read, vectors)
    del read
    taken["get, again"] = clock(lambda: reader.get(keys))[0]
    taken["get, shuffled"], read = clock(lambda: reader.get(keys[order]))
    assert np.array_equal(read, vectors[order])
    return taken


def put_all(store: Format, keys: Keys, vectors: Vectors) -> None:
    """Store everything, batch by batch."""
    for start in range(0, len(keys), BATCH):
        store.put(keys[start : start + BATCH], vectors[start : start + BATCH])


def open_and(make: type[Format], folder: Path, method: str, keys: Keys) -> tuple[Format, Any]:
    """Open a store and do one thing with it."""
    store = make(folder)
    return store, getattr(store, method)(keys)


def clock(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds, and what the work gave."""
    started = time.perf_counter()
    given = work()
    return time.perf_counter() - started, given


def render_table(evidence: dict[str, Any]) -> str:
    """The least seconds of each step as Markdown: what else the machine did only ever adds."""
    names = list(evidence["seconds"])
    lines = [
        f"Least seconds of {len(evidence['seconds'][names[0]]['put'])} rounds, formats in turn; "
        f"{evidence['vectors']:,} vectors of {evidence['dim']} float32 numbers, files in the page cache; "
        f"{evidence['machine']}, Python {evidence['python']}, load average {evidence['load_average']:.1f} at the end; "
        + ", ".join(f"{name} {number}" for name, number in evidence["packages"].items())
        + ".",
        "",
        f"| step | {' | '.join(names)} |",
        "|---" * (len(names) + 1) + "|",
    ]
    for step, meaning in STEPS.items():
        cells = [f"{min(evidence['seconds'][name][step]):.3f}" for name in names]
        lines.append(f"| {step}: {meaning} | {' | '.join(cells)} |")
    sizes = [f"{evidence['bytes'][name] / 1e6:.0f}" for name in names]
    lines.append(f"| MB on disk | {' | '.join(sizes)} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
