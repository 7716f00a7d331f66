"""How planning's question, "which of these are stored?", grows: ``python -m benchmarks.store.lookup``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from prefixbench.vectors import VectorStore
from prefixbench.vectors.keys import KEY_BYTES, NAMESPACE_BYTES, Keys, compute_text_digests, keys_from_digests
from prefixbench.vectors.segment import write_segment

from benchmarks.store.compare import clock
from benchmarks.store.formats import NAMESPACE, SIDE

N_ASKED = 100_000
CASES = ((100_000, 1), (100_000, 50), (1_000_000, 1), (1_000_000, 50), (1_000_000, 500))
"""Vectors stored, and in how many segments."""


def main() -> None:
    """Run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    digests = compute_text_digests([f"text {number} of a corpus" for number in range(N_ASKED)])
    keying = [clock(lambda: keys_from_digests(NAMESPACE, SIDE, digests))[0] for _ in range(arguments.rounds)]
    evidence = {
        "asked": N_ASKED,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "packages": {name: version(name) for name in ("numpy", "pyarrow")},
        "seconds_keys": keying,
        "cases": [measure_case(n_stored, n_segments, arguments.rounds) for n_stored, n_segments in CASES],
    }
    table = render_table(evidence)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "lookup.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (arguments.output / "lookup.md").write_text(table, encoding="utf-8")
    print(table)


def measure_case(n_stored: int, n_segments: int, rounds: int) -> dict[str, Any]:
    """Seconds to open a store and look up keys, half of which it has, and to look them up again."""
    rng = np.random.default_rng(0)
    keys: Keys = rng.integers(0, 256, (n_stored, KEY_BYTES), dtype=np.uint8)
    keys[:, :NAMESPACE_BYTES] = np.frombuffer(NAMESPACE.digest, dtype=np.uint8)
    asked = keys[rng.permutation(n_stored)[:N_ASKED]]
    asked[::2, -1] ^= 1
    cold, warm = [], []
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        for part in np.array_split(keys, n_segments):
            write_segment(folder / NAMESPACE.digest.hex(), part, np.ones((len(part), 4), dtype=np.float32))
        for _ in range(rounds):
            store = VectorStore.open(folder)
            seconds, found = clock(lambda store=store: store.contains_many(asked))  # type: ignore[misc]
            assert found.sum() == N_ASKED // 2
            cold.append(seconds)
            warm.append(clock(lambda store=store: store.contains_many(asked))[0])  # type: ignore[misc]
    return {"stored": n_stored, "segments": n_segments, "seconds_first": cold, "seconds_again": warm}


def render_table(evidence: dict[str, Any]) -> str:
    """The least seconds as Markdown."""
    lines = [
        f"Least seconds to tell which of {evidence['asked']:,} keys are stored (half are); computing the keys from "
        f"remembered digests takes {min(evidence['seconds_keys']):.3f}; {evidence['machine']}.",
        "",
        "| vectors stored | segments | opening the store | opened already |",
        "|---:|---:|---:|---:|",
    ]
    for case in evidence["cases"]:
        first, again = min(case["seconds_first"]), min(case["seconds_again"])
        lines.append(f"| {case['stored']:,} | {case['segments']} | {first:.3f} | {again:.3f} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
