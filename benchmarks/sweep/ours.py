"""The same cells through prefixbench."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.run.command import SweepOptions, run_sweep
from bench.run.progress import Progress
from bench.store import load_run
from benchmarks.sweep.workload import make_spec


def main() -> None:
    """Run the sweep into a folder and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--conditions", default="")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    spec = make_spec(options.tasks, tuple(filter(None, options.conditions.split(","))))
    progress = Progress()
    run_sweep(spec, SweepOptions(options.results, options.cache), progress)
    scores = {row.cell_id: row.score for row in load_run(options.results).results}
    options.output.write_text(json.dumps({**scores, "texts_embedded": progress.counts.texts_done}))


if __name__ == "__main__":
    main()
