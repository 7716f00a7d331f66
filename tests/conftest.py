"""Shared fixtures, and which opt-in tests this machine can run."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OPT_IN = {
    "hub": "PREFIXBENCH_HUB_STANDIN",
    "browser": "PREFIXBENCH_BROWSER",
    "gpu": "PREFIXBENCH_GPU",
    "network": "PREFIXBENCH_NETWORK",
    "infinity": "PREFIXBENCH_INFINITY",
    "llamacpp": "PREFIXBENCH_LLAMACPP",
}
"""Marker → the environment variable that says the machine has what it needs."""


SLOW_FIRST = (
    "test_published_scores.py",
    "test_real_servers.py",
    "test_served_sweep.py",
    "test_kill_and_resume.py",
    "test_real_tasks.py",
    "test_ray_sweep.py",
    "test_resume_after_change.py",
    "test_scoring_real_tasks.py",
    "test_ray_faults.py",
    "test_encode_engines.py",
)
"""Files that take longest begin first, so that no worker is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    for item in items:
        for marker, variable in OPT_IN.items():
            if marker in item.keywords and not os.environ.get(variable):
                item.add_marker(pytest.mark.skip(reason=f"set {variable} to run it; CONTRIBUTING.md says to what"))


def load_hub() -> Any:
    """The hub stand-in as a module."""
    path = Path(os.environ["PREFIXBENCH_HUB_STANDIN"]) / "serve.py"
    spec = importlib.util.spec_from_file_location("hub_standin", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def hub_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running hub stand-in; the environment points at it."""
    server = load_hub().serve(Path(os.environ["PREFIXBENCH_HUB_STANDIN"]))
    endpoint = f"http://127.0.0.1:{server.server_port}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_ENDPOINT", endpoint)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf_home")))
        yield endpoint
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def starter_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installed packages' documentation is read once for all tests."""
    return tmp_path_factory.mktemp("starter")
