"""How near to linear a cluster works, with a stub in place of an encoder, and how long a large plan takes.

    python -m benchmarks.cluster.measure [--cells 2000] [--milliseconds 250] [--workers 1,2,4,8,16]

The stub sleeps as long as a GPU would compute, so that many workers share few cores: what is measured is the executor
and the driver. Cells are of ten models. Efficiency is the time that so many workers need at best over the time taken,
from the first job handed out to the last answer.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ray
from prefixbench.run.cluster import RayExecutor
from prefixbench.run.cluster_settings import ClusterSettings
from prefixbench.run.executor import Job, Worker
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep
from ray.cluster_utils import Cluster

FIGURES = Path(__file__).parent
N_MODELS = 10
PLANNED = "MTEB(Multilingual, v2)"
PLANNED_MODELS = ("intfloat/multilingual-e5-small", "google/embeddinggemma-300m")
PLANNED_CONDITIONS = (
    *("none", "correct", "wrong", "instruction"),
    *("query-only", "document-only", "swapped", "foreign"),
)


def work(milliseconds: float) -> None:
    """What an encoder would do with one cell's texts."""
    time.sleep(milliseconds / 1000)


def measure_workers(n_workers: int, n_cells: int, milliseconds: float) -> dict[str, float]:
    """Seconds and efficiency of one cluster."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": n_workers + 2, "include_dashboard": False})
    try:
        with tempfile.TemporaryDirectory() as cache:
            settings = ClusterSettings(Path(cache), cluster.address, encoders=n_workers, scorers=1)
            executor = RayExecutor(settings, Progress())
            executor.start()
            _run(executor, 10 * n_workers, partial(work, 20))  # all workers are there
            before = _peak_mib()
            began = time.monotonic()
            _run(executor, n_cells, partial(work, milliseconds))
            seconds = time.monotonic() - began
            executor.stop()
    finally:
        cluster.shutdown()
    ideal = n_cells * milliseconds / 1000 / n_workers
    return {
        "workers": n_workers,
        "seconds": seconds,
        "ideal_seconds": ideal,
        "efficiency": ideal / seconds,
        "driver_mib_gained": _peak_mib() - before,
    }


def _run(executor: RayExecutor, n_jobs: int, stage: Callable[[], None]) -> None:
    found: list[Any] = []
    for number in range(n_jobs):
        executor.submit(Job(stage, (), Worker.ENCODER, f"model {number * N_MODELS // n_jobs}"), found.append)
    executor.run()
    assert found == [None] * n_jobs


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_plan() -> dict[str, float]:
    """Seconds to plan two models, eight conditions and every subset of a large benchmark."""
    overrides = Overrides(models=PLANNED_MODELS, tasks=(PLANNED,), conditions=PLANNED_CONDITIONS)
    began = time.monotonic()
    plan, _ = make_plan(load_sweep(None, None, overrides), find_local_folder)
    return {"cells": len(plan.cells) + len(plan.unplanned), "seconds": time.monotonic() - began}


def render(figures: dict[str, Any]) -> str:
    """The table."""
    lines = ["| workers | seconds | at best | efficiency | driver's memory gained, MiB |", "|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row['workers']} | {row['seconds']:.1f} | {row['ideal_seconds']:.1f} | {row['efficiency']:.2f} | "
        f"{row['driver_mib_gained']:.0f} |"
        for row in figures["workers"]
    ]
    plan = figures["plan"]
    lines += [
        "",
        f"{figures['cells']:,} cells of {figures['milliseconds']:g} ms each, on {figures['cores']} cores.",
        "",
        f"Planning {plan['cells']:,} cells of {PLANNED} takes {plan['seconds']:.1f} s, imports included.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2000)
    parser.add_argument("--milliseconds", type=float, default=250.0)
    parser.add_argument("--workers", default="1,2,4,8,16")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "cells": options.cells,
        "milliseconds": options.milliseconds,
        "cores": os.cpu_count(),
        "ray": ray.__version__,
        "plan": measure_plan(),
        "workers": [
            measure_workers(int(count), options.cells, options.milliseconds) for count in options.workers.split(",")
        ],
    }
    (FIGURES / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (FIGURES / "figures.md").write_text(render(figures))
    sys.stdout.write(render(figures))


if __name__ == "__main__":
    main()
