"""What docs/many-machines.md tells a reader to type writes the rows that one process writes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from prefixbench.cli.app import main
from prefixbench.results import load_run

from tests.tiny_models import make_model

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "many-machines.md"
SCRIPTS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
PLAIN = [line for script in SCRIPTS if "&\n" not in script for line in script.splitlines()]
RAY, SHARES = [[line for line in PLAIN if ("--executor ray" in line) is on_ray] for on_ray in (True, False)]
HOSTS, SLURM, GPUS = [script for script in SCRIPTS if "&\n" in script]
(RAY_JOB,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)

STAND_INS = {
    "scontrol": "echo one",
    # Runs what it is given, as often as a step of one task on one other node would: once.
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
}
"""Slurm on one machine."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a sweep file, its data and its model, and the run of one process."""
    folder = tmp_path_factory.mktemp("desk")
    make_model(folder / "made").rename(folder / "my-model")
    rows = [{"query": f"what follows {n}?", "passage": f"{n + 1} comes after {n}."} for n in range(12)]
    scored = [{"sentence1": f"{n} apples", "sentence2": f"{n % 5} pears", "score": n % 5} for n in range(12)]
    for name, content in (("questions", rows), ("pairs", scored)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "sweep.toml").write_text(
        'models = [{ name = "./my-model", like = "intfloat/e5-small-v2" }]\n'
        'data = [{ path = "questions.jsonl" }, { path = "pairs.jsonl" }]\n'
        'conditions = ["none", "correct", "foreign"]\n'
        'encoder = { device = "cpu", engine = "torch", batch_tokens = 256 }\n'  # a budget that was timed could differ
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PREFIXBENCH_CACHE", str(folder / "cache-of-one"))
        type_command("prefixbench sweep sweep.toml --results results/one --workers 0 --no-report")
        yield folder


def type_command(command: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", shlex.split(os.path.expandvars(command)))
        with pytest.raises(SystemExit) as stopped:
            main()
    assert stopped.value.code in (0, None), command


def run_script(script: str, desk: Path, **environment: str) -> None:
    """Type a script as a shell takes it; what it leaves running ends with it."""
    tools = desk / "bin"
    tools.mkdir(exist_ok=True)
    for name, body in STAND_INS.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    said = desk / "said.txt"  # no pipe: what stays in the background would hold it open
    with said.open("w") as stream:
        shell = subprocess.Popen(
            ["bash", "-e", "-c", script],
            cwd=desk,
            # A home of its own, since Ray keeps the token of its clusters there.
            env={**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(desk), **environment},
            start_new_session=True,
            stdout=stream,
            stderr=stream,
        )
    try:
        assert shell.wait(timeout=280) == 0, said.read_text()
    finally:
        # Ray's processes have sessions of their own; those that stay in the foreground end them when they are asked to.
        for process in find_started(shell.pid):
            process.terminate()
        psutil.wait_procs(find_started(shell.pid), timeout=60)
        for process in find_started(shell.pid):
            process.kill()


def find_started(session: int) -> list[psutil.Process]:
    """What a shell's session still runs."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == session:
                found.append(process)
    return found


def find_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def read_rows(folder: Path) -> dict[tuple[str, ...], dict[str, Any]]:
    """Everything of each row that does not tell when and how long."""
    rows = {}
    for row in load_run(folder).live:
        rows[row.task, row.hf_subset, *row.conditions] = row.model_dump(mode="json", exclude={"cost", "provenance"})
    return rows


def test_shares_joined_are_the_whole(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep, *rest = SHARES
    for share in ("1", "2"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", share)
        type_command(sweep)
    for command in rest:
        type_command(command)
    assert read_rows(desk / "results" / "whole") == read_rows(desk / "results" / "one")
    assert (desk / "results" / "whole" / "report.html").is_file()


@pytest.mark.parametrize("address", [False, True], ids=["sent", "address"])
def test_nodes_without_a_common_folder_write_the_rows_of_one_process(
    desk: Path, tmp_path: Path, address: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every node has a cache folder of its own; the one of the process that leads is none that they can name."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    home = desk / f"of-the-leader-{address}"
    home.mkdir()
    handle = os.open(home, os.O_RDONLY)  # a path that means another thing, or nothing, in every other process
    own = [tmp_path / f"node-{number}" for number in range(3)]
    head, *others = ({"num_cpus": 1, "env_vars": {"PREFIXBENCH_CACHE": str(folder)}} for folder in own)
    cluster = Cluster(initialize_head=True, head_node_args={**head, "include_dashboard": False})
    try:
        for node in others:
            cluster.add_node(**node)
        cache = f"/proc/self/fd/{handle}/cache"
        if address:
            monkeypatch.setenv("PREFIXBENCH_CACHE", cache)
            cache = f"file://{tmp_path}/bucket"
        results = f"results/apart-{address}"
        flags = f"--encoders 1 --executor ray --address {cluster.address} --no-report"
        type_command(f"prefixbench sweep sweep.toml --results {results} --cache {cache} {flags}")
    finally:
        cluster.shutdown()
        os.close(handle)
    assert read_rows(desk / results) == read_rows(desk / "results" / "one")
    stores = [folder for folder in own if list(folder.rglob("vectors/*/*.arrow"))]
    assert len(stores) > 1  # one node embedded; those that scored have vectors too
    assert bool(list((tmp_path / "bucket").rglob("*.arrow"))) is address
    assert not list(home.rglob("vectors/*/*.arrow"))


def test_a_cluster_writes_the_rows_of_one_process(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    # The GPUs are a number in Ray's books, which is all that placing encoders goes by.
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False})
    try:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        assert len(RAY) == 2
        for command in RAY:
            type_command(command)
    finally:
        cluster.shutdown()
    one = read_rows(desk / "results" / "one")
    assert len(one) == 6
    assert read_rows(desk / "results" / "ray") == one
    assert read_rows(desk / "results" / "gpus") == one


@pytest.mark.parametrize("script", [HOSTS, SLURM], ids=["hosts", "slurm"])
def test_machines_joined_by_hand_write_the_rows_of_one_process(script: str, desk: Path) -> None:
    pytest.importorskip("ray")
    (name,) = re.findall("--results results/(\\w+)", script)
    # Two nodes on one machine: all that a loopback cannot have is the usual port, which another cluster may use.
    typed = script.replace("6379", find_port()).replace("ray start", "ray start --num-cpus=1 --include-dashboard=false")
    typed = typed.replace("--include-dashboard=false --address", "--address")
    if "srun" not in script:
        typed = typed.replace("--head", "--head --node-ip-address=127.0.0.1")
        joined = "until ray status --address " + re.findall("--address=(\\S+)", typed)[0]
        typed = typed.replace("&\n", f"&\n{joined} >status.txt 2>&1; do sleep 2; done\n", 1)
    run_script(typed, desk, SLURM_JOB_NODELIST="one", SLURM_JOB_NUM_NODES="2")
    assert read_rows(desk / "results" / name) == read_rows(desk / "results" / "one")


def test_one_share_for_each_gpu_joined_is_the_whole(desk: Path) -> None:
    run_script(GPUS, desk)
    assert read_rows(desk / "results" / "both") == read_rows(desk / "results" / "one")


def test_a_ray_jobs_entry_point_writes_the_rows_of_one_process(desk: Path, tmp_path: Path) -> None:
    """As KubeRay submits it: through the job server of a head that was started before."""
    pytest.importorskip("ray")
    pytest.importorskip("aiohttp_cors", reason="the job server comes with ray[default]")
    job = yaml.safe_load(RAY_JOB)
    assert (job["kind"], job["spec"]["entrypoint"].split()[0]) == ("RayJob", "prefixbench")
    entry = (
        job["spec"]["entrypoint"]
        .replace("s3://bucket/vectors", f"file://{tmp_path}/bucket")
        .replace("/data", str(desk))
    )
    port, server = find_port(), find_port()
    run_script(
        f"""
        ray start --head --port={port} --dashboard-port={server} --num-cpus=2 --node-ip-address=127.0.0.1 --block &
        until ray job list --address http://127.0.0.1:{server} >jobs.txt 2>&1; do sleep 2; done
        ray job submit --address http://127.0.0.1:{server} -- {entry}
        """,
        desk,
        PREFIXBENCH_CACHE=str(tmp_path / "of-the-node"),
        RAY_AUTH_MODE="disabled",
    )
    assert read_rows(desk / "results" / "kubernetes") == read_rows(desk / "results" / "one")
    assert list((tmp_path / "bucket").rglob("*.arrow"))
