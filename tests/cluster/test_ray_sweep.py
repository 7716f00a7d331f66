"""What docs/many-machines.md tells a reader to type writes the rows that one process writes."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefixbench.cli.app import main
from prefixbench.results import load_run

from tests.tiny_models import make_model

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "many-machines.md"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]
RAY, SHARES = [[line for line in COMMANDS if ("--executor ray" in line) is on_ray] for on_ray in (True, False)]


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
        'encoder = { device = "cpu", engine = "torch" }\n'
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
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "num_gpus": 1, "include_dashboard": False})
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
