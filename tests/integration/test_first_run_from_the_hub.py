"""A model that only its repository documents is planned with its prompts the first time, wherever the cache lies."""

from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.spec.load import Overrides, load_sweep

from tests.conftest import load_hub
from tests.tiny_models import make_model


@pytest.mark.hub
def test_the_first_plan_sends_what_the_repository_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path / "made", prompts={"query": "query: ", "document": "passage: "})
    server = load_hub().serve(tmp_path, models={"org/tiny": folder})
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    # The client reads its environment when it is imported.
    endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    spec = load_sweep(None, None, Overrides(models=("org/tiny", "org/none"), tasks=("SciFact",)))
    plan, _ = make_plan(spec, find_local_folder)
    pairs = {(cell.model.name, str(name)): cell.pair for cell in plan.cells for name in cell.conditions}
    correct = pairs["org/tiny", "correct"]
    assert (correct.query.prefix, correct.document.prefix) == ("query: ", "passage: ")
    assert ("org/none", "correct") not in pairs
    assert find_local_folder(spec.models[0]) is None, "a model of which one file is here would be loaded from it"
    assert not (tmp_path / "home").exists()
    server.shutdown()
    server.server_close()
