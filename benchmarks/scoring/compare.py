"""Time scoring with vectors in memory, mteb's way and ours: ``python -m benchmarks.scoring.compare``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import datasets
import mteb
import numpy as np
from mteb.abstasks import AbsTask
from prefixbench.score import MtebEncoder, fresh_task, score_cell

from benchmarks.scoring.tasks import DIM, SIZED_TASKS, look_up


class PlainEncoder:
    """The same vectors behind mteb's encoder protocol alone."""

    def __init__(self, encoder: MtebEncoder) -> None:
        self.encode = encoder.encode
        self.similarity = encoder.similarity
        self.similarity_pairwise = encoder.similarity_pairwise
        self.mteb_model_meta = encoder.mteb_model_meta


def main() -> None:
    """Run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    evidence = measure(arguments.rounds)
    table = render_table(evidence)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "scoring.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")
    (arguments.output / "scoring.md").write_text(table, encoding="utf-8")
    print(table)


def score_plainly(task: AbsTask, encoder: MtebEncoder) -> dict[str, Any]:
    """Mteb's scores by ``mteb.evaluate``, on a fresh task with its data loaded."""
    result = mteb.evaluate(
        PlainEncoder(encoder),  # type: ignore[arg-type]
        fresh_task(task).filter_eval_splits(["test"]),
        cache=None,
        co2_tracker=False,
        show_progress_bar=False,
    )
    return dict(result.task_results[0].scores["test"][0])


def measure(rounds: int) -> dict[str, Any]:
    """CPU and wall-clock seconds of each task and way, the ways taking turns; the first round warms up uncounted."""
    encoder = MtebEncoder(look_up, "org/numbers")
    rows = []
    for name, build in SIZED_TASKS.items():
        task = build()
        task.hf_subsets = ["default"]
        score_cell(task, encoder, "test", "default")
        score_plainly(SIZED_TASKS["similarity"](), encoder)
        plain, ours = [], []
        difference = 0.0
        for _ in range(rounds):
            cpu, wall, reference = clock(lambda task=task: score_plainly(task, encoder))  # type: ignore[misc]
            plain.append((cpu, wall))
            cpu, wall, cell = clock(lambda task=task: score_cell(task, encoder, "test", "default"))  # type: ignore[misc]
            ours.append((cpu, wall))
            scalars = {
                key: value for key, value in reference.items() if isinstance(value, float) and np.isfinite(value)
            }
            difference = max([difference, *(abs(cell.scores[key] - value) for key, value in scalars.items())])
        rows.append(
            {
                "task": name,
                "mteb": {"cpu": [cpu for cpu, _ in plain], "wall": [wall for _, wall in plain]},
                "ours": {"cpu": [cpu for cpu, _ in ours], "wall": [wall for _, wall in ours]},
                "largest_difference": difference,
            }
        )
        print(f"{name}: done", flush=True)
    packages = {package: version(package) for package in ("mteb", "datasets", "scikit-learn", "torch", "numpy")}
    return {"rows": rows, "dim": DIM, "cores": os.cpu_count(), "machine": platform.machine(), "packages": packages}


def clock(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """CPU seconds of this process over all its threads, wall-clock seconds, and what came back."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def render_table(evidence: dict[str, Any]) -> str:
    """The medians as a table."""
    lines = [
        "| task | mteb, CPU s | ours, CPU s | times | mteb, wall s | ours, wall s | largest difference of a score |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in evidence["rows"]:
        cpu, own_cpu = median(row["mteb"]["cpu"]), median(row["ours"]["cpu"])
        wall, own_wall = median(row["mteb"]["wall"]), median(row["ours"]["wall"])
        lines.append(
            f"| {row['task']} | {cpu:.2f} | {own_cpu:.2f} | {cpu / own_cpu:.1f} | {wall:.2f} | {own_wall:.2f} "
            f"| {row['largest_difference']:.0e} |"
        )
    packages = ", ".join(f"{name} {number}" for name, number in evidence["packages"].items())
    about = f"Median of {len(evidence['rows'][0]['ours']['cpu'])}, {evidence['cores']} cores, {packages}."
    return "\n".join([*lines, "", about, ""])


if __name__ == "__main__":
    main()
