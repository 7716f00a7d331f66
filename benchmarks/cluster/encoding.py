"""What a cluster of one machine costs over the executor of one machine, with real encoding on its cores.

    python -m benchmarks.cluster.encoding [--prefixes 3] [--pairs 3] [--limit 1500]     # encoding.json, encoding.md

The same sweep in turn, each time from nothing: with one encoder and one scorer as processes, and with the same as Ray's
actors on a cluster that the sweep starts and ends itself. All seconds are of the whole command, the cluster's own
processes included; processor seconds are compared first, since other work on the machine moves the clock. What a
cluster takes to start is paid once a sweep, so that the size of the sweep decides: sizes that were measured are kept.
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
SIDES = {"processes": ("--workers", "1"), "ray": ("--executor", "ray", "--encoders", "1", "--workers", "1")}


def measure(side: str, n_prefixes: int, limit: int) -> dict[str, Any]:
    """One sweep from nothing, of ``none`` and so many prefixes, and its scores."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "results"
        command = [sys.executable, "-m", "prefixbench", "sweep", "--models", MODEL, "--tasks", TASK]
        command += ["--conditions", "none", "--engine", "torch", "--device", "cpu", "--limit", str(limit)]
        names = [f"topic-{number}" for number in range(1, n_prefixes + 1)]
        command += [part for name in names for part in ("--prefix", f'{name}:query="{name}: ",document="{name}: "')]
        command += ["--results", str(results), "--cache", f"{scratch}/cache", "--no-report", *SIDES[side]]
        usage = watch(command, {"TQDM_DISABLE": "1", "NO_COLOR": "1"})
        run = load_run(results)
        cost = [row.cost for row in run.results]
    return {
        "side": side,
        "prefixes": n_prefixes,
        **asdict(usage),
        "seconds_encode": sum(one.seconds_encode for one in cost),
        "texts": sum(one.texts_embedded for one in cost),
        "scores": {row.cell_id: row.score for row in run.results},
    }


def render(figures: dict[str, Any]) -> str:
    """The table, and by size of the sweep what the cluster took in times of the other."""
    headings = ("prefixes", "executor", "texts", "processor seconds", "wall seconds", "of them encoding", "other cores")
    lines = ["| " + " | ".join(headings) + " |", "|---:|---|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row['prefixes']} | {row['side']} | {row['texts']:,} | {row['cpu_seconds']:.1f} | "
        f"{row['wall_seconds']:.1f} | {row['seconds_encode']:.1f} | {row['other_cores']:.1f} |"
        for row in figures["runs"]
    ]
    lines += [""]
    for n_prefixes in dict.fromkeys(row["prefixes"] for row in figures["runs"]):
        runs = [row for row in figures["runs"] if row["prefixes"] == n_prefixes]
        lines += [
            f"Ray over processes, {n_prefixes} prefixes: processor seconds {describe_ratios(runs, 'cpu_seconds')}, "
            f"wall seconds {describe_ratios(runs, 'wall_seconds')}. "
            f"Scores are the same to the last bit: {'yes' if have_same_scores(runs) else 'no'}.",
            "",
        ]
    started = figures["start"]
    lines += [
        f"Of Ray's, {started['cpu_seconds']:.1f} processor seconds are the start and end of a cluster that does "
        f"nothing, once a sweep: {started['wall_seconds']:.1f} s by the clock.",
        "",
        f"{MODEL} on {TASK}; Ray {figures['ray']}, {figures['cores']} cores.",
    ]
    return "\n".join(lines) + "\n"


def describe_ratios(runs: list[dict[str, Any]], key: str) -> str:
    """The median over pairs of Ray's over the other's, and all of them."""
    pairs = zip(runs[::2], runs[1::2], strict=True)
    ratios = [cluster[key] / alone[key] for alone, cluster in pairs]
    return f"{statistics.median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})"


def have_same_scores(runs: list[dict[str, Any]]) -> bool:
    """Whether all runs have the same scores, to the last bit."""
    return all(row["scores"] == runs[0]["scores"] for row in runs)


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefixes", type=int, default=3, help="beside none: the size of the sweep")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--limit", type=int, default=1500)
    options = parser.parse_args()
    idle = "import ray; ray.init(include_dashboard=False, logging_level='ERROR'); ray.shutdown()"
    path = FIGURES / "encoding.json"
    known = json.loads(path.read_text())["runs"] if path.exists() else []
    runs: list[dict[str, Any]] = [row for row in known if row["prefixes"] != options.prefixes]
    figures: dict[str, Any] = {"ray": ray.__version__, "cores": os.cpu_count(), "runs": runs}
    figures["start"] = asdict(watch([sys.executable, "-c", idle], {}))
    for _ in range(options.pairs):
        runs += [measure(side, options.prefixes, options.limit) for side in SIDES]
        path.write_text(json.dumps(figures, indent=1) + "\n")
        (FIGURES / "encoding.md").write_text(render(figures))
    sys.stdout.write(render(figures))


if __name__ == "__main__":
    main()
