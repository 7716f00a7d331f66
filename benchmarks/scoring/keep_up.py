"""Whether scoring keeps up with an encoder of so many texts a second.

    python -m benchmarks.scoring.keep_up [--rate 20000] [--workloads starter,corpus]

The encoder is a stub that takes its time without a processor, as a GPU would (``stubbed.py``); reading, storing and
scoring are what a sweep does. Everything runs in one process first, each stage's processor seconds logged: from them
follow the cells a second that each could finish by itself. Then whole sweeps with one and two scoring workers.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefixbench.run.provenance import collect_provenance
from prefixbench.starter import locate_model
from prefixbench.starter.models import MINILM
from tokenizers import Tokenizer

from benchmarks.data.measure import make_data, make_model
from benchmarks.sweep.watch import watch
from benchmarks.sweep.workload import name_conditions, write_prefixes

HERE = Path(__file__).parent
N_DOCUMENTS = 100_000
STARTER = "StarterDocRetrieval,StarterCodeRetrieval,StarterReranking,StarterPairClassification"
STARTER += ",StarterClassification,StarterClustering"
NAMES = {0: "all in one process", 1: "one scoring worker", 2: "two scoring workers"}
WORKLOADS = {
    "starter": "six small tasks under eight conditions",
    "corpus": f"retrieval from {N_DOCUMENTS:,} short documents, 1,000 queries, two conditions",
}


def run(workload: str, rate: float, workers: int, work: Path) -> dict[str, Any]:
    """One sweep with nothing embedded before: its usage, and what its own process's stages took."""
    log, results, cache = work / "log", work / "results", work / "cache"
    for name in ("vectors", "audits"):
        shutil.rmtree(cache / name, ignore_errors=True)
    shutil.rmtree(results, ignore_errors=True)
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks.scoring.stubbed", str(rate), str(log), "sweep"]
    command += ["--models", str(work / "model"), "--conditions", "none", "--workers", str(workers), "--no-report"]
    command += ["--results", str(results), "--cache", str(cache)]
    if workload == "starter":
        command += ["--tasks", STARTER]
        prefixes = write_prefixes(name_conditions(all_eight=True))
    else:
        command += ["--data", str(work / "data")]
        prefixes = ('mine:query="ask: ",document="told: "',)
    for prefix in prefixes:
        command += ["--prefix", prefix]
    usage = watch(command, {"PREFIXBENCH_CACHE": str(cache)})
    stages: dict[str, dict[str, float]] = defaultdict(lambda: {"jobs": 0, "cpu": 0.0, "wall": 0.0, "texts": 0})
    for line in log.read_text().splitlines():
        row = json.loads(line)
        own = stages[row["stage"]]
        own["jobs"] += 1
        for name in ("cpu", "wall", "texts"):
            own[name] += row[name]
    return {"workers": workers, **asdict(usage), "stages": dict(stages)}


def measure(workload: str, rate: float) -> dict[str, Any]:
    """All runs of one workload."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        base = locate_model(MINILM.name)
        assert base is not None
        make_model(work / "model", Tokenizer.from_file(str(base / "tokenizer.json")), dimensions=384)
        if workload == "corpus":
            make_data(work / "data", N_DOCUMENTS)
        return {"workload": workload, "runs": [run(workload, rate, workers, work) for workers in (0, 1, 2)]}


def render(content: dict[str, Any]) -> str:
    """The figures as Markdown."""
    provenance, rate = content["provenance"], content["rate"]
    lines = [f"A stub encoder of {rate:,.0f} texts a second; {provenance['cpu']}. No GPU: a real card is not measured."]
    for found in content["measured"]:
        alone = found["runs"][0]["stages"]
        encoded, scored = alone["encode_cell"], alone["score_stored_cell"]
        cells = scored["jobs"]
        gpu = encoded["texts"] / rate
        lines += [
            "",
            f"**{WORKLOADS[found['workload']]}**: {cells:.0f} cells, {encoded['texts']:,.0f} texts embedded.",
            "",
            "| what | seconds | cells a second |",
            "|---|---:|---:|",
            f"| the encoder, at its rate | {gpu:.1f} | {cells / gpu:.2f} |",
            f"| reading, storing and auditing, one core | {encoded['cpu']:.1f} | {cells / encoded['cpu']:.2f} |",
            f"| scoring, one worker | {scored['cpu']:.1f} | {cells / scored['cpu']:.2f} |",
            f"| scoring, two workers | {scored['cpu'] / 2:.1f} | {2 * cells / scored['cpu']:.2f} |",
            "",
            f"{math.ceil(scored['cpu'] / max(gpu, 1e-9))} scoring cores keep up with the encoder's rate, "
            f"{math.ceil(scored['cpu'] / encoded['cpu'])} with the one core that feeds it.",
            "",
            "| whole sweep | seconds | CPU seconds | cores of other work |",
            "|---|---:|---:|---:|",
        ]
        lines += [
            f"| {NAMES[one['workers']]} | {one['wall_seconds']:.0f} | {one['cpu_seconds']:.0f} "
            f"| {one['other_cores']:.1f} |"
            for one in found["runs"]
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=20_000.0, help="texts a second")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--output", type=Path, default=HERE / "results")
    options = parser.parse_args()
    path = options.output / "keep_up.json"
    known = json.loads(path.read_text())["measured"] if path.exists() else []  # other workloads stay as they were
    found = {one["workload"]: one for one in known}
    found |= {workload: measure(workload, options.rate) for workload in options.workloads.split(",")}
    provenance = collect_provenance("cpu").model_dump(exclude={"warnings"})
    content = {"provenance": provenance, "rate": options.rate, "measured": list(found.values())}
    path.write_text(json.dumps(content, indent=1) + "\n")
    (options.output / "keep_up.md").write_text(render(content))
    sys.stdout.write(render(content))


if __name__ == "__main__":
    main()
