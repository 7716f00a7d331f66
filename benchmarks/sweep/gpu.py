"""The comparison of ``compare`` on a GPU, where there is one.

    python -m benchmarks.sweep.gpu [--runs plain-one,ours-one,…]

The figures name the GPU they were taken on. Without a GPU nothing is measured and nothing written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.sweep.compare import RUNS, Bench, compare
from benchmarks.sweep.workload import TASKS

FIGURES = Path(__file__).parent / "figures-gpu"


def main(arguments: list[str] | None = None) -> None:
    """Compare on the first GPU, or say that there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", default=",".join(RUNS), help="which to measure, by name")
    parser.add_argument("--output", type=Path, default=FIGURES)
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        sys.stdout.write("torch sees no CUDA device on this machine, so nothing was measured.\n")
        return
    bench = Bench(options.tasks, Path(tempfile.mkdtemp()), device="cuda")
    sys.stdout.write(compare(bench, options.runs.split(","), options.output, again=False, patience=0.0))


if __name__ == "__main__":
    main()
