"""How long a report takes, and how large it gets: ``python -m benchmarks.report.measure``.

Runs of made-up scores, analysed and written as any run is. What is timed is a whole process, as one types it:
``prefixbench report RUN``. ``figures.json`` holds what came out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from prefixbench.run.provenance import collect_provenance

from benchmarks.sweep.watch import busy_seconds
from tests.fakes_report import CONDITIONS, TASKS, FakeSweep, make_fake

HERE = Path(__file__).parent
SIZES = ((1, 4, 6), (3, 8, 9), (10, 10, 40))
"""Models, conditions and tasks; the last is the one that must take less than ten seconds and three megabytes. On a
machine with other work, the seconds of the processor tell what it takes."""
N_ITEMS = 500


@dataclass(frozen=True)
class Point:
    """One report.

    Attributes:
        models: Models, each with every condition on every task.
        conditions: Conditions, ``none`` and ``correct`` among them.
        tasks: Tasks of six types; those of pairs have the statistics of their types.
        items: Items of each task.
        seconds: Of the whole process.
        cpu_seconds: Of the processor, over all threads; other work lengthens these less than ``seconds``.
        other_cores: Cores that other work kept busy meanwhile.
        megabytes: Of the page.
    """

    models: int
    conditions: int
    tasks: int
    items: int
    seconds: float
    cpu_seconds: float
    other_cores: float
    megabytes: float


def make_run(folder: Path, models: int, conditions: int, tasks: int, items: int) -> Path:
    """Write a run folder of made-up scores; returns it."""
    copies = -(-tasks // len(TASKS))
    names = [
        (f"{name.partition(':')[0]}V{copy}", kind, metric) for copy in range(copies) for name, kind, metric in TASKS
    ]
    sweep = FakeSweep(
        models={f"organisation/model-{index}": ("query: ", "passage: ", index - 3.0) for index in range(models)},
        tasks=tuple(names[:tasks]),
        conditions=CONDITIONS[:conditions],
        n_items=items,
        as_typed=True,
    )
    return make_fake(folder, sweep)[0].path


def measure(models: int, conditions: int, tasks: int, items: int) -> Point:
    """Make a run and time its report."""
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), models, conditions, tasks, items)
        page = Path(folder) / "page.html"
        command = [sys.executable, "-m", "prefixbench", "report", str(run), "--output", str(page)]
        before, start, own = busy_seconds(), time.perf_counter(), _children_seconds()
        subprocess.run(command, check=True, capture_output=True)
        seconds, cpu = time.perf_counter() - start, _children_seconds() - own
        others = max(0.0, (busy_seconds() - before - cpu) / seconds)
        size = page.stat().st_size / 1e6
    return Point(models, conditions, tasks, items, round(seconds, 2), round(cpu, 2), round(others, 2), round(size, 2))


def _children_seconds() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure every size and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=N_ITEMS)
    items = parser.parse_args().items
    points = [asdict(measure(*size, items)) for size in SIZES]
    provenance = collect_provenance("cpu").model_dump(mode="json")
    document = {"points": points, "provenance": {name: provenance[name] for name in ("cpu", "platform", "packages")}}
    (HERE / "figures.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for point in points:
        print(json.dumps(point))


if __name__ == "__main__":
    main()
