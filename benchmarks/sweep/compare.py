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
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from prefixbench.results import load_run
from prefixbench.run.provenance import collect_provenance

from benchmarks.sweep.table import render_table
from benchmarks.sweep.watch import wait_until_idle, watch
from benchmarks.sweep.workload import MODEL, TASKS, name_conditions, write_prefixes

FIGURES = Path(__file__).parent / "figures"
QUIET = {"HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
"""Neither side's progress bars are part of what is timed."""

Measured = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What is compared, and where.

    Attributes:
        tasks: As in ``--tasks``.
        work: Folder that keeps our embedding store between runs.
        device: ``cpu`` or ``cuda``, for both sides.
    """

    tasks: str
    work: Path
    device: str = "cpu"


def measure_plain(bench: Bench, *, eight: bool, cached: bool = False) -> Measured:
    """A loop over ``mteb.evaluate``, with mteb's embedding cache or without."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "found.json"
        command = [
            sys.executable,
            "-m",
            "benchmarks.sweep.plain",
            "--tasks",
            bench.tasks,
            "--output",
            str(output),
        ]
        command += ["--device", bench.device]
        command += ["--eight"] if eight else []
        command += ["--mteb-cache", str(Path(folder) / "vectors")] if cached else []
        usage = watch(command, QUIET)
        return {**asdict(usage), **json.loads(output.read_text())}


def measure_ours(
    bench: Bench, *, eight: bool, kept: tuple[str, ...] = (), stored: bool = False, flags: tuple[str, ...] = ()
) -> Measured:
    """``prefixbench sweep`` as a user would type it.

    Args:
        bench: What is compared, and where.
        eight: Eight conditions, or one.
        kept: Folders of the cache that a former run left and this one finds; the others are emptied.
        stored: Whether it finds all of them.
        flags: Of the command, beside those of every run.
    """
    cache = bench.work / "-".join(["cache", "eight" if eight else "one", *(flag.strip("-") for flag in flags)])
    if (kept or stored) and not cache.exists():
        raise SystemExit(f"{cache} is not there; measure the run that begins with an empty cache first.")
    if cache.exists() and not stored:
        for left in list(cache.iterdir()):
            if left.name not in kept:
                shutil.rmtree(left) if left.is_dir() else left.unlink()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        command = [sys.executable, "-m", "prefixbench", "sweep", "--models", MODEL, "--tasks", bench.tasks]
        command += ["--conditions", "none", "--device", bench.device]
        command += [part for prefix in write_prefixes(name_conditions(eight)) for part in ("--prefix", prefix)]
        command += ["--results", str(results), "--cache", str(cache), "--json", *flags]
        usage = watch(command, QUIET)
        rows = load_run(results).results
    scores = {
        f"{row.task}:{row.hf_subset}:{row.hf_split}:{condition}": row.score
        for row in rows
        for condition in row.conditions
    }
    return {
        **asdict(usage),
        "scores": scores,
        "texts_embedded": sum(row.cost.texts_embedded for row in rows),
        "embedding_seconds": sum(row.cost.seconds_encode for row in rows),
        "engine": rows[0].encoder.engine,
    }


BFLOAT16 = ("--dtype", "bfloat16")
KNOWN_MODEL = ("engines", "digests", "models")
"""What a sweep finds of a model that an earlier one ran on this machine: its engine, converted and calibrated. No text,
no audit and no vector."""

RUNS: dict[str, Callable[[Bench], Measured]] = {
    "plain-one": partial(measure_plain, eight=False),
    "ours-one": partial(measure_ours, eight=False),
    "ours-one-known": partial(measure_ours, eight=False, kept=KNOWN_MODEL),
    "ours-one-bfloat16": partial(measure_ours, eight=False, flags=BFLOAT16),
    "cached-one": partial(measure_plain, eight=False, cached=True),
    "plain-eight": partial(measure_plain, eight=True),
    "ours-eight": partial(measure_ours, eight=True),
    "ours-eight-bfloat16": partial(measure_ours, eight=True, flags=BFLOAT16),
    "ours-eight-stored": partial(measure_ours, eight=True, stored=True),
    "cached-eight": partial(measure_plain, eight=True, cached=True),
}
"""In the order they are measured, so that both sides see the machine at about the same time."""


def compare(bench: Bench, names: list[str], output: Path, *, again: bool, patience: float) -> str:
    """Measure what is named and not yet measured, write the figures after each, and return the table."""
    bench.work.mkdir(parents=True, exist_ok=True)
    output.mkdir(parents=True, exist_ok=True)
    path = output / "figures.json"
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if content.get("tasks") != bench.tasks:
        content = {"tasks": bench.tasks, "runs": {}}
    for name in names:
        if name in content["runs"] and not again:
            continue
        wait_until_idle(patience)
        sys.stderr.write(f"{name} …\n")
        measured = RUNS[name](bench)
        content["runs"][name] = {**measured, "provenance": _describe_machine(bench.device)}
        path.write_text(json.dumps(content, indent=1) + "\n")
        (output / "figures.md").write_text(render_table(content))
    return render_table(content)


def _describe_machine(device: str) -> dict[str, Any]:
    described = collect_provenance(device).model_dump(exclude={"warnings"})
    return {**described, "gpu": torch.cuda.get_device_name() if device == "cuda" else None}


def main() -> None:
    """Compare on the processor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", default=",".join(RUNS), help="which to measure, by name")
    parser.add_argument("--again", action="store_true", help="measure also what was measured before")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds to wait for other work to end")
    parser.add_argument("--output", type=Path, default=FIGURES)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "prefixbench-sweep")
    options = parser.parse_args()
    bench = Bench(options.tasks, options.work)
    names = options.runs.split(",")
    sys.stdout.write(compare(bench, names, options.output, again=options.again, patience=options.patience))


if __name__ == "__main__":
    main()
