"""How long all contrasts of a large sweep take, and how much memory; writes ``figures.json``.

Run from the repository's root on a quiet machine: ``python -m benchmarks.inference.measure``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from prefixbench.analysis import AnalysisSettings, analyse
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results.records import CellFailure, CellResult, Cost, Provenance
from prefixbench.spec.conditions import Mechanism, PrefixPair, Side
from prefixbench.vectors.embedder import EmbedderIdentity

CONDITIONS = (
    "none", "correct", "wrong", "instruction", "query-only", "document-only", "swapped", "placebo", "shuffled",
    "mangled",
)  # fmt: skip
TASKS = {"STS": 9, "PairClassification": 3, "Classification": 8, "Clustering": 8, "Reranking": 2, "Retrieval": 10}
"""The mix of MTEB(eng, v2), its one summarization task counted as clustering's."""
STATISTICS = {"STS": Statistic.SPEARMAN, "PairClassification": Statistic.AVERAGE_PRECISION}


@dataclass
class MadeRun:
    """A sweep in memory, its item tables made when asked for."""

    n_items: int
    results: tuple[CellResult, ...] = ()
    failures: tuple[CellFailure, ...] = ()
    names: Any = field(init=False)

    def __post_init__(self) -> None:
        self.names = np.array([f"q{number:06}" for number in range(self.n_items)])

    def hits(self, cell_id: str) -> None:
        """Nothing."""

    def item_texts(self) -> dict[tuple[str, str, str], str]:
        """Nothing."""
        return {}

    def items(self, cell_id: str) -> ItemTable:
        """Items that differ between conditions by noise and a shift."""
        task_type, task, _, condition = cell_id.split("/")
        shared = np.random.default_rng(int(task)).normal(size=self.n_items)
        noise = np.random.default_rng([*cell_id.encode()]).normal(size=self.n_items)
        latent = shared + 0.3 * noise + 0.02 * int(condition)
        statistic = STATISTICS.get(task_type, Statistic.MEAN)
        if statistic is not Statistic.MEAN:
            target = shared + 0.5 * np.random.default_rng([int(task), 1]).normal(size=self.n_items)
            target = np.round(target, 1) if statistic is Statistic.SPEARMAN else (target > 0.7).astype(np.float64)
            zeros = np.zeros(self.n_items, dtype=np.int32)
            return ItemTable(statistic, self.names, self.names, zeros, latent, latent, target)
        n_replicates = 10 if task_type == "Classification" else 1
        names = np.repeat(self.names, n_replicates)
        value = np.repeat(latent, n_replicates)
        if n_replicates > 1:
            value = (value + np.random.default_rng(int(condition)).normal(size=len(value)) > -1).astype(np.float64)
        return ItemTable(statistic, names, names, np.tile(np.arange(n_replicates, dtype=np.int32), self.n_items), value)


def make_run(n_models: int, n_items: int) -> MadeRun:
    """A sweep of the given number of models over all conditions and tasks."""
    provenance = Provenance(
        git_commit=None, git_dirty=None, packages={}, platform="", device="cpu", cpu="", utc="2026-01-01T00:00:00+00:00"
    )
    cost = Cost(seconds_encode=0, seconds_score=0, texts_asked=0, texts_embedded=0, texts_reused=0)
    places = [(task_type, number) for task_type, count in TASKS.items() for number in range(count)]
    cells = []
    for model in range(n_models):
        encoder = EmbedderIdentity(
            model=f"org/model-{model}", revision="r", weights_digest="w", max_seq_length=512, pooling="mean",
            dtype="float32", engine="torch",
        )  # fmt: skip
        for task_type, number in places:
            for index, condition in enumerate(CONDITIONS):
                cells.append(
                    CellResult(
                        cell_id=f"{task_type}/{number}/{model}/{index}",
                        conditions=(condition,),
                        model=encoder.model,
                        model_revision="r",
                        mechanism=Mechanism.PREFIX,
                        task=f"{task_type}{number}",
                        task_type=task_type,
                        task_source="mteb",
                        dataset_revision="r",
                        dataset_sha256="0",
                        dataset_license=None,
                        hf_subset="default",
                        hf_split="test",
                        main_score="main_score",
                        score=0.0,
                        scores={},
                        statistic=STATISTICS.get(task_type, Statistic.MEAN),
                        n_items=n_items,
                        items_sha256="0",
                        pair=PrefixPair(Side(condition)),
                        sources={},
                        audit=(),
                        encoder=encoder,
                        limit=None,
                        seed=42,
                        scoring_version=1,
                        cost=cost,
                        provenance=provenance,
                    )
                )
    return MadeRun(n_items, tuple(cells))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", type=int, default=10)
    parser.add_argument("--items", type=int, default=1_000)
    parser.add_argument("--resamples", type=int, default=9_999)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "figures.json")
    arguments = parser.parse_args()
    run = make_run(arguments.models, arguments.items)
    wall, cpu = time.perf_counter(), time.process_time()
    analysis = analyse(run, AnalysisSettings(n_resamples=arguments.resamples))
    document = {
        "models": arguments.models,
        "conditions": len(CONDITIONS),
        "tasks": TASKS,
        "items": arguments.items,
        "resamples": arguments.resamples,
        "contrasts": len(analysis.contrasts),
        "types_rows": len(analysis.types),
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "load_before": round(os.getloadavg()[1], 1),
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "cores": len(os.sched_getaffinity(0)),
        "machine": platform.machine(),
        "numpy": np.__version__,
    }
    text = json.dumps(document, indent=1) + "\n"
    arguments.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
