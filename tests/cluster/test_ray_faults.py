"""The cluster's executor under faults: three nodes on this machine, each fault injected, no job lost or doubled."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefixbench.errors import ClusterError
from prefixbench.run.executor import Failure
from prefixbench.run.progress import Progress

ray = pytest.importorskip("ray")

from prefixbench.run.cluster import RayExecutor  # noqa: E402
from prefixbench.run.cluster_settings import ClusterSettings  # noqa: E402

from benchmarks.cluster import faults  # noqa: E402

ray.cloudpickle.register_pickle_by_value(sys.modules[faults.__name__])  # workers import neither tests nor benchmarks

# Where the driver is killed, three whole sweeps run; beside other tests they take more than most.
pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]

TOLD_APART = (faults.SMALL_STORE, "model too large for a worker")
"""Faults with a test of their own below."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    with faults.open_cluster("") as found:
        yield found


def check(outcome: faults.Outcome) -> None:
    to_fail = {job for job, value in outcome.expected.items() if value is None}
    failed = {job for job, found in outcome.answers.items() if isinstance(found[0], Failure)}
    assert (outcome.n_lost, outcome.n_doubled) == (0, 0)
    assert failed == to_fail


@pytest.mark.parametrize("fault", [name for name in faults.FAULTS if name not in TOLD_APART])
def test_nothing_is_lost_or_done_twice(fault: str, nodes: Any, tmp_path: Path) -> None:
    try:
        outcome = faults.FAULTS[fault](nodes, tmp_path)
    except NotImplementedError as missing:
        pytest.skip(str(missing))
    check(outcome)


def test_a_full_object_store_delays_jobs_and_loses_none(tmp_path: Path) -> None:
    with faults.open_cluster(faults.SMALL_STORE) as small:
        check(faults.fill_object_store(small, tmp_path))


def test_a_model_too_large_fails_with_the_reason(nodes: Any, tmp_path: Path) -> None:
    outcome = faults.outgrow_worker(nodes, tmp_path)
    check(outcome)
    answers = outcome.answers
    assert answers[3][0].reason == (
        "The machine ran out of memory; lower --batch-tokens or --limit, or use --dtype bfloat16."
    )
    assert answers[7][0].reason.startswith("3 workers died of it, most likely for want of memory (")


@pytest.mark.parametrize(("own", "told"), [({}, "0"), ({"RAY_USAGE_STATS_ENABLED": "1"}, "1")])
def test_a_cluster_that_is_started_here_reports_no_usage_unless_asked_to(
    own: dict[str, str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", own)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("none here")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ClusterError, match="no Ray cluster could be started here"):
        RayExecutor(ClusterSettings(tmp_path), Progress()).start()
    assert own["RAY_USAGE_STATS_ENABLED"] == told


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
