"""What a cluster of one machine costs over the executor of one machine, with real encoding on its cores.

    python -m benchmarks.cluster.encoding [--pairs 3] [--limit 1500]     # encoding.json, encoding.md

The same sweep in turn, each time from nothing: with one encoder and one scorer as processes, and with the same as Ray's
actors on a cluster that the sweep starts and ends itself. All seconds are of the whole command, the cluster's own
processes included; processor seconds are compared first, since other work on the machine moves the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from prefixbench.results import load_run

from benchmarks.sweep.watch import watch

FIGURES = Path(__file__).parent
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TASK = "StarterDocRetrieval"
CONDITIONS = "none,foreign,instruction"
SIDES = {"processes": ("--workers", "1"), "ray": ("--executor", "ray", "--encoders", "1", "--workers", "1")}
BAR = 1.1
"""What the cluster may take at most, in times of one machine's executor."""


def measure(side: str, limit: int) -> dict[str, Any]:
    """One sweep from nothing, and its scores."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results"
        command = [sys.executable, "-m", "prefixbench", "sweep", "--models", MODEL, "--tasks", TASK]
        command += ["--conditions", CONDITIONS, "--engine", "torch", "--device", "cpu", "--limit", str(limit)]
        command += ["--results", str(results), "--cache", f"{scratch}/cache", "--no-report", *SIDES[side]]
        usage = watch(command, {"TQDM_DISABLE": "1", "NO_COLOR": "1"})
        run = load_run(results)
        cost = [row.cost for row in run.results]
    return {
        "side": side,
        **asdict(usage),
        "seconds_encode": sum(one.seconds_encode for one in cost),
        "texts": sum(one.texts_embedded for one in cost),
        "scores": {row.cell_id: row.score for row in run.results},
    }


def render(figures: dict[str, Any]) -> str:
    """The table."""
    lines = ["| pair | executor | texts | processor seconds | wall seconds | of them encoding | other work, cores |"]
    lines += ["|---:|---|---:|---:|---:|---:|---:|"]
    for number, row in enumerate(figures["runs"]):
        lines.append(
            f"| {number // 2 + 1} | {row['side']} | {row['texts']:,} | {row['cpu_seconds']:.1f} | "
            f"{row['wall_seconds']:.1f} | {row['seconds_encode']:.1f} | {row['other_cores']:.1f} |"
        )
    ratios = list_ratios(figures["runs"])
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    lines += ["", f"Processor seconds, Ray over processes: {each}; median {statistics.median(ratios):.2f}."]
    started = figures["start"]
    lines += [
        f"Of Ray's, {started['cpu_seconds']:.1f} are the start and end of a cluster that does nothing, "
        f"once a sweep: {started['wall_seconds']:.1f} s by the clock.",
        f"Scores are the same to the last bit: {'yes' if figures['same_scores'] else 'no'}. {MODEL} on {TASK}, "
        f"{CONDITIONS}; Ray {figures['ray']}, {figures['cores']} cores.",
    ]
    return "\n".join(lines) + "\n"


def list_ratios(runs: list[dict[str, Any]]) -> list[float]:
    """By pair, Ray's processor seconds over the other's."""
    pairs = zip(runs[::2], runs[1::2], strict=True)
    return [cluster["cpu_seconds"] / alone["cpu_seconds"] for alone, cluster in pairs]


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--limit", type=int, default=1500)
    options = parser.parse_args()
    idle = "import ray; ray.init(include_dashboard=False, logging_level='ERROR'); ray.shutdown()"
    runs: list[dict[str, Any]] = []
    figures: dict[str, Any] = {"ray": ray.__version__, "cores": os.cpu_count(), "runs": runs}
    figures["start"] = asdict(watch([sys.executable, "-c", idle], {}))
    for _ in range(options.pairs):
        runs += [measure(side, options.limit) for side in SIDES]
        figures["same_scores"] = all(row["scores"] == runs[0]["scores"] for row in runs)
        (FIGURES / "encoding.json").write_text(json.dumps(figures, indent=1) + "\n")
        (FIGURES / "encoding.md").write_text(render(figures))
    sys.stdout.write(render(figures))


if __name__ == "__main__":
    main()
