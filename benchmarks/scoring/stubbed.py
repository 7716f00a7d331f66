"""``prefixbench`` with an encoder that takes as long as a fast GPU would: a fixed number of texts a second.

    python -m benchmarks.scoring.stubbed TEXTS_A_SECOND LOG sweep …

The model is read by its own tokenizer and averages word vectors; what is left of the time that the GPU would take, the
process sleeps, as it would wait for one. Each stage that this process runs is logged: its name, processor seconds,
seconds, and texts that went through the model.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefixbench.cli.app import main as run_prefixbench
from prefixbench.encode.local import LocalEmbedder
from prefixbench.run.executor import Job
from prefixbench.vectors.embedder import Inputs, Vectors


def slow_down(texts_a_second: float) -> list[int]:
    """Let every embedder take its time; returns a list whose one number counts the texts."""
    own: Callable[[LocalEmbedder, Inputs], Vectors] = LocalEmbedder.embed
    counted = [0]

    def embed(self: LocalEmbedder, inputs: Inputs) -> Vectors:
        until = time.perf_counter() + len(inputs.texts) / texts_a_second
        vectors = own(self, inputs)
        counted[0] += len(inputs.texts)
        time.sleep(max(0.0, until - time.perf_counter()))
        return vectors

    LocalEmbedder.embed = embed  # type: ignore[method-assign]
    return counted


def log_stages(path: Path, counted: list[int]) -> None:
    """Append a line for each stage that this process runs."""
    own = Job.run

    def run(self: Job[Any]) -> Any:  # noqa: ANN401 - whatever the stage returns
        wall, cpu, texts = time.perf_counter(), time.process_time(), counted[0]
        answer = own(self)
        row = {
            "stage": getattr(self.stage, "__name__", str(self.stage)),
            "keeps": self.keeps,
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "texts": counted[0] - texts,
        }
        with path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        return answer

    Job.run = run  # type: ignore[method-assign]


if __name__ == "__main__":
    log_stages(Path(sys.argv[2]), slow_down(float(sys.argv[1])))
    sys.argv[1:] = sys.argv[3:]
    run_prefixbench()
