"""The cluster's executor under faults: three nodes on this machine, each fault injected, no job lost or doubled."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prefixbench.errors import ClusterError
from prefixbench.run.executor import Failure, Job, Worker
from prefixbench.run.progress import Progress

ray = pytest.importorskip("ray")

from prefixbench.run import cluster  # noqa: E402
from prefixbench.run.cluster import ClusterSettings, RayExecutor  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import a test

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    for _ in range(2):
        found.add_node(num_cpus=2)
    yield found
    found.shutdown()


@pytest.fixture
def executor(nodes: Any, tmp_path: Path) -> Iterator[RayExecutor]:
    made = RayExecutor(ClusterSettings(tmp_path, nodes.address, encoders=3, scorers=1), Progress())
    made.start()
    yield made
    made.stop()


def run_all(executor: RayExecutor, *calls: tuple[Callable[..., Any], tuple[Any, ...]]) -> dict[int, list[Any]]:
    """What came back for each call, in the order it came."""
    found: dict[int, list[Any]] = {index: [] for index in range(len(calls))}
    for index, (stage, arguments) in enumerate(calls):
        executor.submit(Job(stage, arguments, Worker.ENCODER, f"model {index % 2}"), found[index].append)
    executor.run()
    return found


def double(number: int) -> int:
    return 2 * number


def die_once(mark: Path, number: int) -> int:
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hang_once(mark: Path, number: int) -> int:
    if not mark.exists():
        mark.touch()
        time.sleep(300)
    return 2 * number


def wait_for(number: int) -> int:
    time.sleep(0.5)
    return 2 * number


def tell_node() -> str:
    time.sleep(0.1)
    return str(ray.get_runtime_context().get_node_id())


def test_workers_that_die_lose_no_job_and_double_none(executor: RayExecutor, tmp_path: Path) -> None:
    calls = [(partial(die_once, tmp_path / f"died-{n}") if n % 4 == 0 else double, (n,)) for n in range(12)]
    assert run_all(executor, *calls) == {n: [2 * n] for n in range(12)}


def test_a_job_that_every_worker_dies_of_fails_alone(executor: RayExecutor) -> None:
    found = run_all(executor, (double, (1,)), (die, (2,)), (double, (3,)))
    assert (found[0], found[2]) == ([2], [6])
    (failure,) = found[1]
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("3 workers died of it, most likely for want of memory (")


def test_the_work_of_a_slow_node_is_taken_over(
    executor: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "LEAST_SLOW_SECONDS", 1.0)
    mark = tmp_path / "hangs"
    done = [(hang_once, (tmp_path, n)) for n in range(3)]  # a folder that is there: these do not hang
    began = time.monotonic()
    assert run_all(executor, *done, (hang_once, (mark, 5))) == {0: [0], 1: [2], 2: [4], 3: [10]}
    assert time.monotonic() - began < 200


def test_a_lost_node_takes_no_job_with_it(nodes: Any, tmp_path: Path) -> None:
    lost = nodes.add_node(num_cpus=2)
    executor = RayExecutor(ClusterSettings(tmp_path, nodes.address, encoders=6, scorers=1), Progress())
    try:
        executor.start()
        while lost.node_id not in {node for (node,) in run_all(executor, *[(tell_node, ())] * 12).values()}:
            pass  # until the workers there are ready too
        found: dict[int, list[Any]] = {n: [] for n in range(12)}

        def lose(index: int, answer: Any) -> None:
            found[index].append(answer)
            if sum(map(len, found.values())) == 1:
                nodes.remove_node(lost, allow_graceful=False)

        for n in range(12):
            executor.submit(Job(wait_for, (n,), Worker.ENCODER, f"model {n}"), partial(lose, n))
        executor.run()
        assert found == {n: [2 * n] for n in range(12)}
    finally:
        executor.stop()


def test_a_cache_that_a_node_does_not_see_is_an_error(nodes: Any, tmp_path: Path) -> None:
    handle = os.open(tmp_path, os.O_RDONLY)  # a path that means another thing, or nothing, in every other process
    executor = RayExecutor(ClusterSettings(Path(f"/proc/self/fd/{handle}"), nodes.address, encoders=1), Progress())
    try:
        executor.start()
        with pytest.raises(ClusterError, match=r"^--cache .*: a node of the cluster does not see this folder"):
            run_all(executor, (double, (1,)))
    finally:
        executor.stop()
        os.close(handle)


def test_more_than_the_cluster_has_is_refused(nodes: Any, tmp_path: Path) -> None:
    for settings, sentence in (
        (ClusterSettings(tmp_path, nodes.address, gpus_per_model=1), "--gpus-per-model 1: the cluster has 0 GPUs"),
        (
            ClusterSettings(tmp_path, nodes.address, encoders=9, scorers=9),
            "--encoders 9 and --workers 9 take 18 cores; the cluster has",
        ),
    ):
        executor = RayExecutor(settings, Progress())
        try:
            with pytest.raises(ClusterError, match=sentence):
                executor.start()
        finally:
            executor.stop()
