"""Time the plain loop and prefixbench on the same cells, in turn, and write the table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from bench.run.provenance import collect_provenance
from benchmarks.sweep.workload import PREFIXES

EIGHT = ",".join(PREFIXES)


@dataclass(frozen=True)
class Measured:
    """One whole process and its children: seconds, bytes, and what it scored."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    scores: dict[str, float]


def measure(name: str, module: str, *arguments: str) -> Measured:
    """Run a module as a process of its own and watch it from outside."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "scores.json"
        before = os.times()
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--output", str(output), *arguments],
            env={**os.environ, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1"},
        )
        peak = _watch_memory(process)
        if process.wait():
            raise SystemExit(f"{module} ended with {process.returncode}")
        wall = time.monotonic() - began
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Measured(name, wall, cpu, peak[0], json.loads(output.read_text()))


def _watch_memory(process: subprocess.Popen[bytes]) -> list[int]:
    """Peak of the proportional memory of the process and its children, sampled; shared pages count once."""
    peak = [0]

    def sample() -> None:
        while process.poll() is None:
            try:
                root = psutil.Process(process.pid)
                total = sum(one.memory_full_info().pss for one in [root, *root.children(recursive=True)])
                peak[0] = max(peak[0], total)
            except psutil.Error:
                pass
            time.sleep(0.5)

    threading.Thread(target=sample, daemon=True).start()
    return peak


def largest_difference(one: dict[str, float], other: dict[str, float]) -> float:
    """Largest change of a main score between two runs of the same cells, in points."""
    shared = (one.keys() & other.keys()) - {"texts_embedded"}
    return max(100 * abs(one[key] - other[key]) for key in shared)


def main() -> None:
    """Measure: eight conditions, one condition, and a sweep whose vectors are all stored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", choices=["eight", "one"], default=None)
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    rows = []
    for label, conditions in (("eight", EIGHT), ("one", "")):
        if options.only not in (None, label):
            continue
        common = ("--tasks", options.tasks, "--conditions", conditions)
        cache = ("--cache", str(work / f"cache-{label}"))
        plain = measure(f"{label}: plain loop", "benchmarks.sweep.plain", *common)
        first = measure(
            f"{label}: prefixbench", "benchmarks.sweep.ours", *common, *cache, "--results", str(work / f"a-{label}")
        )
        again = measure(
            f"{label}: prefixbench, vectors stored",
            "benchmarks.sweep.ours",
            *common,
            *cache,
            "--results",
            str(work / f"b-{label}"),
        )
        rows += [(plain, plain), (first, plain), (again, plain)]
    shutil.rmtree(work)
    options.output.mkdir(parents=True, exist_ok=True)
    write_figures(options.output, options.tasks, rows)


def write_figures(folder: Path, tasks: str, rows: list[tuple[Measured, Measured]]) -> None:
    """The measured runs as JSON, and the table made of them."""
    provenance = collect_provenance("cpu")
    content = {
        "tasks": tasks,
        "machine": provenance.model_dump(),
        "runs": [asdict(row) for row, _ in rows],
    }
    (folder / "figures.json").write_text(json.dumps(content, indent=1) + "\n")
    lines = [
        f"{provenance.cpu}; {provenance.platform}; {provenance.utc}; tasks {tasks}",
        "",
        "| run | wall s | against plain | CPU s | peak MiB | largest score difference (points) |",
        "|---|---|---|---|---|---|",
    ]
    for row, plain in rows:
        difference = largest_difference(row.scores, plain.scores)
        lines.append(
            f"| {row.name} | {row.wall_seconds:.1f} | {plain.wall_seconds / row.wall_seconds:.1f}× | "
            f"{row.cpu_seconds:.1f} | {row.peak_bytes / 2**20:.0f} | {difference:.5f} |"
        )
    (folder / "figures.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
