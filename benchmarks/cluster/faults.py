"""Faults of a cluster, each injected into a run on three nodes of this machine: no job is lost, and none done twice.

    python -m benchmarks.cluster.faults [--runs 20] [--only NAME,…] [--again]     # faults.json, faults.md

Runs that were counted are not run again unless asked for: what was cut goes on.

The nodes are processes of this machine (``ray.cluster_utils.Cluster``), the executor is the sweep's own, the jobs are
stubs of its contract; where the driver is killed, and where it must go on, the sweep is a whole one with a tiny model.
Lost are jobs without an answer, doubled are jobs with two; failed are those whose answer is a reason.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import ray
from numpy.typing import NDArray
from prefixbench.run import cluster as cluster_module
from prefixbench.run.actor import Actor
from prefixbench.run.cluster import RayExecutor
from prefixbench.run.cluster_settings import ClusterSettings
from prefixbench.run.executor import Failure, Job, Worker
from prefixbench.run.progress import Progress
from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import EmbedderIdentity
from prefixbench.vectors.folder import STORE_FOLDER, VectorStore
from prefixbench.vectors.keys import Namespace, vector_keys
from ray.cluster_utils import Cluster

from benchmarks.cluster.killed_driver import kill_and_resume

FIGURES = Path(__file__).parent
N_JOBS = 12
SMALL_DISK = "192k"
SMALL_STORE = "object store full"
"""The fault that has a cluster of its own."""

STORE_BYTES = 80 << 20
"""Of Ray's own store on each node where it is to be full; Ray takes no less than 75 MB."""


@dataclass
class Outcome:
    """What came of one run.

    Attributes:
        answers: What came back for each job, in the order it came.
        expected: What should have, ``None`` for a job that is to fail.
        note: How the fault was injected, where this machine decides that.
    """

    answers: dict[int, list[Any]]
    expected: dict[int, Any]
    note: str = ""
    reasons: list[str] = field(default_factory=list)

    @property
    def n_lost(self) -> int:
        """Jobs without an answer, or with another than they should have."""
        return sum(not found or not self._is_right(job, found[0]) for job, found in self.answers.items())

    @property
    def n_doubled(self) -> int:
        """Jobs answered more than once."""
        return sum(len(found) > 1 for found in self.answers.values())

    @property
    def n_failed(self) -> int:
        """Jobs whose answer is a reason."""
        return sum(isinstance(answer, Failure) for found in self.answers.values() for answer in found)

    def _is_right(self, job: int, answer: object) -> bool:
        if isinstance(answer, Failure):
            return job not in self.expected or self.expected[job] is None
        return bool(answer == self.expected.get(job))


Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A stage and its arguments."""


def run_jobs(executor: RayExecutor, jobs: dict[int, Call]) -> dict[int, list[Any]]:
    """Give all jobs to encoders and collect what comes back."""
    answers: dict[int, list[Any]] = {number: [] for number in jobs}
    for number, (stage, arguments) in jobs.items():
        executor.submit(Job(stage, arguments, Worker.ENCODER, f"model {number % 3}"), answers[number].append)
    executor.run()
    return answers


class LightActor(Actor):
    """A worker that imports nothing to score with, which no stub does; otherwise hundreds of runs take hours."""

    def __init__(self, kind: Worker, cache: Path, mark: str, address: str | None = None) -> None:
        super().__init__(Worker.ENCODER, cache, mark, address)


@contextlib.contextmanager
def open_executor(nodes: Cluster, cache: Path, encoders: int = 3) -> Iterator[RayExecutor]:
    """An executor on the cluster, stopped at the end."""
    executor = RayExecutor(ClusterSettings(cache, nodes.address, encoders=encoders, scorers=1), Progress())
    with mock.patch.object(cluster_module, "Actor", LightActor):
        try:
            executor.start()
            yield executor
        finally:
            executor.stop()


def double(number: int) -> int:
    """The stub."""
    return 2 * number


def double_slowly(number: int) -> int:
    """The stub, long enough to be lost on the way."""
    time.sleep(0.3)
    return 2 * number


def die_once(mark: Path, number: int) -> int:
    """The stub in a worker that is killed at its first try."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def hang_once(mark: Path, number: int) -> int:
    """The stub on a node that does not get on with it."""
    if not mark.exists():
        mark.touch()
        time.sleep(600)
    return 2 * number


def die() -> None:
    """A model that no worker survives."""
    os.kill(os.getpid(), signal.SIGKILL)


def take_memory() -> int:
    """A model larger than what the worker may take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, hard))
    try:
        return len(np.ones(1 << 33, dtype=np.float64))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def tell_node() -> str:
    """Which node the worker is on."""
    time.sleep(0.1)
    return str(ray.get_runtime_context().get_node_id())


def store_vectors(number: int, cache: Path) -> int:
    """The stub with what an encoder leaves behind: 128 kB of vectors in the node's cache."""
    identity = EmbedderIdentity(f"org/model-{number}", None, "0" * 64, 512, "mean", "float32", "torch", "cpu")
    side, texts = Side(), [f"text {row}" for row in range(128)]
    keys = vector_keys(identity, side, texts)
    VectorStore.open(cache / STORE_FOLDER).put_many(
        keys, np.full((len(keys), 256), number, dtype=np.float32), Namespace.of(identity, side)
    )
    return 2 * number


def return_much(number: int, given: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The stub with a large argument and a large answer."""
    return np.full(size, number + given[0], dtype=np.uint8)


def _wait_for_node(executor: RayExecutor, node: str) -> None:
    """Until a worker of that node is ready too; with all cores of the cluster booked, there is one."""
    while node not in {found for (found,) in run_jobs(executor, dict.fromkeys(range(12), (tell_node, ()))).values()}:
        pass


def kill_workers(nodes: Cluster, scratch: Path) -> Outcome:
    """Every third job's worker is killed at its first try."""
    jobs: dict[int, Call] = {n: (double, (n,)) for n in range(N_JOBS)}
    jobs |= {n: (die_once, (scratch / f"died-{n}", n)) for n in range(0, N_JOBS, 3)}
    with open_executor(nodes, scratch) as executor:
        return Outcome(run_jobs(executor, jobs), {n: 2 * n for n in jobs})


def lose_node(nodes: Cluster, scratch: Path) -> Outcome:
    """A fourth node goes, without a word, while its workers are at work."""
    lost = nodes.add_node(num_cpus=2)
    answers: dict[int, list[Any]] = {n: [] for n in range(N_JOBS)}
    with open_executor(nodes, scratch, encoders=7) as executor:
        _wait_for_node(executor, lost.node_id)

        def lose(number: int, answer: object) -> None:
            answers[number].append(answer)
            if sum(map(len, answers.values())) == 1:
                nodes.remove_node(lost, allow_graceful=False)

        for n in range(N_JOBS):
            executor.submit(Job(double_slowly, (n,), Worker.ENCODER, f"model {n}"), partial(lose, n))
        executor.run()
    return Outcome(answers, {n: 2 * n for n in range(N_JOBS)})


def fill_disk(nodes: Cluster, scratch: Path) -> Outcome:
    """One node's cache is on a disk of 192 kB; each job leaves 128 kB."""
    disk = scratch / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise NotImplementedError("this user may not mount a disk")
    handle = os.open(scratch, os.O_RDONLY)  # a path that means another thing, or nothing, in every other process
    small = nodes.add_node(num_cpus=2, env_vars={"PREFIXBENCH_CACHE": str(disk)})
    try:
        cache = Path(f"/proc/self/fd/{handle}")
        answers: dict[int, list[Any]] = {n: [] for n in range(N_JOBS)}
        with open_executor(nodes, cache, encoders=7) as executor:
            _wait_for_node(executor, small.node_id)
            for n in range(N_JOBS):
                executor.submit(Job(store_vectors, (n, cache), Worker.ENCODER, f"model {n}"), answers[n].append)
            executor.run()
        left = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
        assert left > 0, "the small disk was never written to"
        return Outcome(answers, {n: 2 * n for n in range(N_JOBS)}, "a mounted disk")
    finally:
        nodes.remove_node(small, allow_graceful=False)
        os.close(handle)
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def slow_down_node(nodes: Cluster, scratch: Path) -> Outcome:
    """A job hangs on one node; the limit after which it is given to another is lowered from 30 s to 1 s."""
    jobs: dict[int, Call] = {n: (hang_once, (scratch, n)) for n in range(N_JOBS)}  # a folder that is there: no hanging
    jobs[N_JOBS - 1] = (hang_once, (scratch / "hangs", N_JOBS - 1))
    with mock.patch.object(cluster_module, "LEAST_SLOW_SECONDS", 1.0), open_executor(nodes, scratch) as executor:
        return Outcome(run_jobs(executor, jobs), {n: 2 * n for n in jobs})


def outgrow_worker(nodes: Cluster, scratch: Path) -> Outcome:
    """One model gets no memory from the system, another is killed for want of it wherever it is tried."""
    jobs: dict[int, Call] = {n: (double, (n,)) for n in range(N_JOBS)}
    jobs |= {3: (take_memory, ()), 7: (die, ())}
    with open_executor(nodes, scratch) as executor:
        return Outcome(run_jobs(executor, jobs), {n: None if n in (3, 7) else 2 * n for n in jobs})


def fill_object_store(nodes: Cluster, scratch: Path) -> Outcome:
    """Ray's store holds 80 MB a node and spills nothing; jobs take and give 30 MB each, and one gives 200 MB."""
    sizes = dict.fromkeys(range(N_JOBS), 30 << 20) | {5: 200 << 20}
    given = np.zeros(30 << 20, dtype=np.uint8)
    answers: dict[int, list[Any]] = {n: [] for n in sizes}

    def keep(number: int, answer: object) -> None:
        answers[number].append((len(answer), int(answer[-1])) if isinstance(answer, np.ndarray) else answer)

    with open_executor(nodes, scratch) as executor:
        for n, size in sizes.items():
            executor.submit(Job(return_much, (n, given, size), Worker.ENCODER, f"model {n % 3}"), partial(keep, n))
        executor.run()
    return Outcome(answers, {n: (size, n) for n, size in sizes.items()})


def kill_driver(nodes: Cluster, scratch: Path) -> Outcome:
    """The sweep's own process is killed after some rows; the same command is typed again."""
    rows, expected = kill_and_resume(nodes.address, scratch)
    return Outcome(rows, expected)


FAULTS: dict[str, Callable[[Cluster, Path], Outcome]] = {
    "worker killed": kill_workers,
    "node lost mid-task": lose_node,
    "driver killed": kill_driver,
    "full disk on one node": fill_disk,
    "slow node": slow_down_node,
    "model too large for a worker": outgrow_worker,
    SMALL_STORE: fill_object_store,
}


@contextlib.contextmanager
def open_cluster(fault: str) -> Iterator[Cluster]:
    """Three nodes of two cores."""
    small = {"object_store_memory": STORE_BYTES}
    shared: dict[str, Any] = small if fault == SMALL_STORE else {}
    system = {"_system_config": {"automatic_object_spilling_enabled": False}} if shared else {}
    head = {"num_cpus": 2, "include_dashboard": False, **shared, **system}
    found = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            found.add_node(num_cpus=2, **shared)
        yield found
    finally:
        found.shutdown()


COUNTS = ("runs", "jobs", "lost", "doubled", "failed", "to_fail")


def measure_fault(name: str, n_runs: int, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Inject a fault until it was so many times, and tell the counts after each; what is lost or doubled is counted.

    Args:
        name: Which.
        n_runs: Runs in all.
        row: What earlier runs counted.
    """
    counts = {count: row.get(count, 0) for count in COUNTS}
    if counts["runs"] >= n_runs:
        return
    with open_cluster(name) as nodes:
        while counts["runs"] < n_runs:
            with tempfile.TemporaryDirectory() as scratch:
                outcome = FAULTS[name](nodes, Path(scratch))
            counts["runs"] += 1
            counts["jobs"] += len(outcome.answers)
            counts["lost"] += outcome.n_lost
            counts["doubled"] += outcome.n_doubled
            counts["failed"] += outcome.n_failed
            counts["to_fail"] += sum(value is None for value in outcome.expected.values())
            yield {"fault": name, "how": (FAULTS[name].__doc__ or "").strip(), **counts}


def render(figures: dict[str, Any]) -> str:
    """The table."""
    lines = ["| fault | runs | jobs | lost | doubled | failed with a reason | of them meant to |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for row in figures["faults"]:
        counts = " | ".join(f"{row[name]:,}" for name in COUNTS)
        lines.append(f"| {row['fault']} | {counts} |")
    lines += ["", *(f"- **{row['fault']}**: {row['how']}" for row in figures["faults"]), ""]
    lines += [f"Ray {figures['ray']}, three nodes on one machine of {figures['cores']} cores."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Inject all faults, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", default=",".join(FAULTS))
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    path = FIGURES / "faults.json"
    known = json.loads(path.read_text())["faults"] if path.exists() and not options.again else []
    rows = {row["fault"]: row for row in known}
    for name in options.only.split(","):
        for row in measure_fault(
            name, options.runs, rows.get(name, {})
        ):  # written each time: what is cut off has counted
            rows[name] = row
            ordered = [rows[one] for one in FAULTS if one in rows]
            figures = {"ray": ray.__version__, "cores": os.cpu_count(), "faults": ordered}
            path.write_text(json.dumps(figures, indent=1) + "\n")
            (FIGURES / "faults.md").write_text(render(figures))
    sys.stdout.write((FIGURES / "faults.md").read_text())


if __name__ == "__main__":
    main()
