from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from prefixbench.errors import ModelLoadError
from prefixbench.starter import adapters as module
from prefixbench.starter.adapters import (
    ADAPTER,
    CHECKSUMS,
    PROMPTS,
    EmbeddedAdapter,
    lay_adapter,
    list_adapters,
    merge_weights,
)
from prefixbench.starter.models import locate_model
from safetensors.numpy import load_file, save_file

LAYER = "encoder.layer.0.attention.self.query"


def write_adapter(folder: Path, *, alpha: int = 4) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    tensors = {
        f"base_model.model.{LAYER}.lora_A.weight": rng.normal(size=(2, 384)).astype(np.float16),
        f"base_model.model.{LAYER}.lora_B.weight": rng.normal(size=(384, 2)).astype(np.float16),
    }
    save_file(tensors, folder / ADAPTER)
    (folder / "adapter_config.json").write_text(json.dumps({"lora_alpha": alpha, "r": 2}))
    (folder / PROMPTS).write_text(json.dumps({"prompts": {"query": "search_query: "}}))
    digest = hashlib.sha256((folder / ADAPTER).read_bytes()).hexdigest()
    (folder.parent / CHECKSUMS).write_text(f"{digest}  {folder.name}/{ADAPTER}\n")


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "adapters" / "minilm-made-up"
    write_adapter(folder)
    monkeypatch.setattr(module, "adapters_folder", lambda: folder.parent)
    list_adapters.cache_clear()
    monkeypatch.setattr("prefixbench.starter.models.list_adapters", list_adapters.__wrapped__)
    return folder


def test_merging_adds_scaled_b_times_a() -> None:
    base = {f"{LAYER}.weight": np.ones((3, 3), np.float32), "other.weight": np.ones(2, np.float32)}
    lora = {
        f"base_model.model.{LAYER}.lora_A.weight": np.array([[1, 0, 2]], np.float32),
        f"base_model.model.{LAYER}.lora_B.weight": np.array([[1], [0], [3]], np.float32),
    }
    merged = merge_weights(base, lora, 2.0)
    np.testing.assert_array_equal(merged[f"{LAYER}.weight"], [[3, 1, 5], [1, 1, 1], [7, 1, 13]])
    np.testing.assert_array_equal(base[f"{LAYER}.weight"], np.ones((3, 3)))
    assert merged["other.weight"] is base["other.weight"]


def test_an_adapter_of_another_model_is_refused() -> None:
    lora = {f"base_model.model.{LAYER}.lora_A.weight": np.ones((1, 3), np.float32)}
    with pytest.raises(ModelLoadError) as caught:
        merge_weights({}, lora, 1.0)
    assert str(caught.value) == f"the adapter changes {LAYER}.weight, which its base model does not have."


def test_a_twin_is_merged_once_into_its_base(adapter: Path, tmp_path: Path) -> None:
    name = f"prefixbench/{adapter.name}"
    folder = locate_model(name, tmp_path / "cache")
    base = locate_model("sentence-transformers/all-MiniLM-L6-v2")
    assert folder is not None
    assert base is not None
    assert json.loads((folder / PROMPTS).read_text())["prompts"] == {"query": "search_query: "}
    changed, unchanged = load_file(folder / "model.safetensors"), load_file(base / "model.safetensors")
    assert [key for key in unchanged if not np.array_equal(unchanged[key], changed[key])] == [f"{LAYER}.weight"]
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert locate_model(name, tmp_path / "cache") == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    other = EmbeddedAdapter(name, adapter, {ADAPTER: "0" * 64})
    assert lay_adapter(other, base, tmp_path / "cache") != folder


def test_a_changed_twin_is_refused(adapter: Path, tmp_path: Path) -> None:
    with (adapter / ADAPTER).open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(ModelLoadError, match=r"^prefixbench/minilm-made-up: .* it is not loaded\.$"):
        locate_model(f"prefixbench/{adapter.name}", tmp_path / "cache")


def test_one_lora_a_task_lies_beside_the_base_to_be_switched(tmp_path: Path) -> None:
    base = locate_model("sentence-transformers/all-MiniLM-L6-v2")
    assert base is not None
    twin = tmp_path / "minilm-adapters"
    for task in ("search", "clustering"):
        write_adapter(twin / task)
    digests = {f"{task}/{ADAPTER}": task for task in ("search", "clustering")}
    adapter = EmbeddedAdapter("prefixbench/minilm-adapters", twin, digests)
    folder = lay_adapter(adapter, base, tmp_path / "cache")
    assert (folder / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()
    for task in ("search", "clustering"):
        assert (folder / task / ADAPTER).read_bytes() == (twin / task / ADAPTER).read_bytes()
        assert (folder / task / "adapter_config.json").is_file()
    changed = EmbeddedAdapter(adapter.name, twin, {**digests, f"search/{ADAPTER}": "other"})
    assert changed.sha256 != adapter.sha256
