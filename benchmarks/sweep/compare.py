"""Time the plain loop and prefixbench on the same cells, in turn, and write the table.

    python -m benchmarks.sweep.compare [--runs plain-one,ours-one,…] [--again]

Measured runs are kept as they finish, and not measured again unless asked for: a comparison that was cut goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.run.provenance import collect_provenance
from bench.store import load_run
from benchmarks.sweep.table import render_table
from benchmarks.sweep.watch import wait_until_idle, watch
from benchmarks.sweep.workload import MODEL, TASKS, name_conditions, write_prefixes

FIGURES = Path(__file__).parent / "figures"
QUIET = {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
"""Neither side's progress bars are part of what is timed."""

Measured = dict[str, Any]


def measure_plain(tasks: str, *, eight: bool, cached: bool = False) -> Measured:
    """A loop over ``mteb.evaluate``, with mteb's embedding cache or without."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "found.json"
        command = [sys.executable, "-m", "benchmarks.sweep.plain", "--tasks", tasks, "--output", str(output)]
        command += ["--eight"] if eight else []
        command += ["--mteb-cache", str(Path(folder) / "vectors")] if cached else []
        usage = watch(command, QUIET)
        return {**asdict(usage), **json.loads(output.read_text())}


def measure_ours(tasks: str, work: Path, *, eight: bool, stored: bool = False, flags: tuple[str, ...] = ()) -> Measured:
    """``prefixbench sweep`` as a user would type it; from an empty cache, or from the one a former run left."""
    conditions = name_conditions(eight)
    cache = work / "-".join(["cache", "eight" if eight else "one", *(flag.strip("-") for flag in flags)])
    if not stored:
        shutil.rmtree(cache, ignore_errors=True)
    elif not cache.exists():
        raise SystemExit(f"{cache} is not there; measure ours-eight first.")
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        command = [sys.executable, "-m", "bench", "sweep", "--models", MODEL, "--tasks", tasks, "--conditions", "none"]
        command += [part for prefix in write_prefixes(conditions) for part in ("--prefix", prefix)]
        command += ["--results", str(results), "--cache", str(cache), "--json", *flags]
        usage = watch(command, QUIET)
        rows = load_run(results).results
    scores = {
        f"{row.task}:{row.hf_subset}:{row.hf_split}:{condition}": row.score
        for row in rows
        for condition in row.conditions
    }
    embedded = sum(row.cost.texts_embedded for row in rows)
    return {**asdict(usage), "scores": scores, "texts_embedded": embedded, "engine": rows[0].encoder.engine}


RUNS: dict[str, Callable[[str, Path], Measured]] = {
    "plain-one": lambda tasks, _: measure_plain(tasks, eight=False),
    "ours-one": lambda tasks, work: measure_ours(tasks, work, eight=False),
    "ours-one-bfloat16": lambda tasks, work: measure_ours(tasks, work, eight=False, flags=("--dtype", "bfloat16")),
    "cached-one": lambda tasks, _: measure_plain(tasks, eight=False, cached=True),
    "plain-eight": lambda tasks, _: measure_plain(tasks, eight=True),
    "ours-eight": lambda tasks, work: measure_ours(tasks, work, eight=True),
    "ours-eight-stored": lambda tasks, work: measure_ours(tasks, work, eight=True, stored=True),
    "cached-eight": lambda tasks, _: measure_plain(tasks, eight=True, cached=True),
}
"""In the order they are measured, so that both sides see the machine at about the same time."""


def main() -> None:
    """Measure what is asked for and not yet measured, and write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", default=",".join(RUNS), help="which to measure, by name")
    parser.add_argument("--again", action="store_true", help="measure also what was measured before")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds to wait for other work to end")
    parser.add_argument("--output", type=Path, default=FIGURES)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "prefixbench-sweep")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "figures.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if content.get("tasks") != options.tasks:
        content = {"tasks": options.tasks, "runs": {}}
    for name in options.runs.split(","):
        if name in content["runs"] and not options.again:
            continue
        wait_until_idle(options.patience)
        sys.stderr.write(f"{name} …\n")
        content["runs"][name] = RUNS[name](options.tasks, options.work)
        content["runs"][name]["provenance"] = collect_provenance("cpu").model_dump(exclude={"warnings"})
        path.write_text(json.dumps(content, indent=1) + "\n")
        (options.output / "figures.md").write_text(render_table(content))
    sys.stdout.write(render_table(content))


if __name__ == "__main__":
    main()
