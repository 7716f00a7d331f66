from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "from prefixbench.twins.pairs import load_pairs; found = load_pairs({source!r}); print(len(found))"


def read_from_hub(source: str, endpoint: str, home: Path) -> subprocess.CompletedProcess[str]:
    # a process of its own: the hub's address is read when its client is imported
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    code = CODE.format(source=source)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.hub
def test_pairs_are_read_from_the_hub(hub_endpoint: str, tmp_path: Path) -> None:
    done = read_from_hub("mteb/stsbenchmark-sts@test", hub_endpoint, tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


@pytest.mark.hub
def test_a_dataset_that_does_not_exist_is_one_sentence(hub_endpoint: str, tmp_path: Path) -> None:
    done = read_from_hub("mteb/no-such-dataset", hub_endpoint, tmp_path)
    assert "SpecError: --data mteb/no-such-dataset: cannot be read: " in done.stderr


@pytest.mark.hub
def test_a_split_that_does_not_exist_names_those_that_do(hub_endpoint: str, tmp_path: Path) -> None:
    done = read_from_hub("mteb/stsbenchmark-sts@dev", hub_endpoint, tmp_path)
    assert done.stderr.strip().endswith(
        "SpecError: --data mteb/stsbenchmark-sts@dev: cannot be read: "
        "Unknown split \"dev\". Should be one of ['validation', 'test']."
    )
