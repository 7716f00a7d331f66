from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.errors import SpecError
from prefixbench.starter import locate_model
from prefixbench.starter.adapters import EmbeddedAdapter, lay_adapter
from prefixbench.twins.config import TwinConfig, Variant, load_twin_config
from prefixbench.twins.export import ADAPTER, CHECKSUMS
from prefixbench.twins.run import train_twins
from safetensors.numpy import load_file

pytestmark = pytest.mark.filterwarnings("ignore")  # the trainer's libraries warn of their own deprecations


@pytest.fixture
def config() -> TwinConfig:
    config = load_twin_config().override(seeds=(1,), steps=2)
    optimiser = config.optimiser.model_copy(update={"batch_size": 2, "warmup_steps": 0, "max_seq_length": 12})
    return config.model_copy(update={"optimiser": optimiser})


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    path = tmp_path / "pairs.jsonl"
    rows = [{"anchor": f"What is number {i}?", "positive": f"It is the successor of {i - 1}."} for i in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_twins_train_export_and_load(tmp_path: Path, config: TwinConfig, pairs: str) -> None:
    lines: list[str] = []
    output = tmp_path / "twins"
    both = (Variant.PREFIXED, Variant.PLAIN)
    folders = train_twins(config, output, variants=both, data=(pairs,), report=lines.append)
    assert [folder.name for folder in folders] == ["minilm-prefixed", "minilm-plain"]
    assert lines[0] == "minilm-prefixed: 2 steps"
    assert re.fullmatch(r"minilm-prefixed: step 2 of 2, loss \d+\.\d{3}, 0:00:00 left", lines[1])
    weights = [load_file(folder / ADAPTER) for folder in folders]
    assert all(tensor.dtype == np.float16 for tensor in weights[0].values())
    assert any(not np.array_equal(weights[0][key], weights[1][key]) for key in weights[0])
    sums = dict(line.split("  ")[::-1] for line in (output / CHECKSUMS).read_text().splitlines())
    digests = {f"{one.name}/{ADAPTER}": hashlib.sha256((one / ADAPTER).read_bytes()).hexdigest() for one in folders}
    assert sums == digests

    from sentence_transformers import SentenceTransformer

    base = locate_model(config.base)
    assert base is not None
    twin = EmbeddedAdapter("prefixbench/minilm-prefixed", folders[0], {ADAPTER: digests[f"minilm-prefixed/{ADAPTER}"]})
    merged = SentenceTransformer(str(lay_adapter(twin, base, tmp_path)), device="cpu")
    assert merged.prompts["query"] == "search_query: "
    adapted = SentenceTransformer(str(base), device="cpu")
    adapted.load_adapter(str(folders[0]))
    vectors = merged.encode(["Sort an array."])
    np.testing.assert_allclose(vectors, adapted.encode(["Sort an array."]), atol=2e-6)
    assert np.abs(vectors - SentenceTransformer(str(base), device="cpu").encode(["Sort an array."])).max() > 1e-6

    lines.clear()
    train_twins(config, output, variants=both, data=(pairs,), report=lines.append)
    assert lines == ["minilm-prefixed: already trained", "minilm-plain: already trained"]

    with pytest.raises(SpecError) as caught:
        train_twins(config.override(steps=5), output, variants=both, data=(pairs,), report=lines.append)
    assert [fault.split(":")[0] for fault in caught.value.faults] == [str(folder) for folder in folders]
    assert caught.value.faults[0].startswith(f"{folders[0]}: was trained with 2 steps, and this asks for 5 steps")


class TornError(Exception):
    """Training was cut."""


def test_training_goes_on_from_a_checkpoint_and_ends_the_same(
    tmp_path: Path, config: TwinConfig, pairs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimiser = config.optimiser.model_copy(update={"steps": 3, "save_every": 1})
    whole = config.model_copy(update={"optimiser": optimiser})
    variants = (Variant.PLAIN,)
    straight = train_twins(whole, tmp_path / "a", variants=variants, data=(pairs,))[0]

    from sentence_transformers import SentenceTransformerTrainer

    step = SentenceTransformerTrainer.training_step
    taken: list[int] = []

    def cut(*args: Any, **kwargs: Any) -> Any:
        if len(taken) == 2:
            raise TornError
        taken.append(1)
        return step(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(SentenceTransformerTrainer, "training_step", cut)
        with pytest.raises(TornError):
            train_twins(whole, tmp_path / "b", variants=variants, data=(pairs,))
    assert [path.name for path in (tmp_path / "b" / "checkpoints").glob("*/minilm-plain/*")] == ["checkpoint-2"]
    resumed = train_twins(whole, tmp_path / "b", variants=variants, data=(pairs,))[0]
    expected, found = load_file(straight / ADAPTER), load_file(resumed / ADAPTER)
    assert any(np.any(tensor) for key, tensor in expected.items() if "lora_B" in key)
    for key, tensor in expected.items():
        np.testing.assert_allclose(found[key], tensor, atol=1e-3)


def test_a_lora_a_task_sees_that_tasks_batches_only(tmp_path: Path, config: TwinConfig, pairs: str) -> None:
    data = (f"search={pairs}", f"clustering={pairs}")
    folders = train_twins(config, tmp_path, variants=(Variant.ADAPTERS_PREFIXED,), data=data)
    assert [str(one.relative_to(tmp_path)) for one in folders] == [
        "minilm-adapters-prefix/search",
        "minilm-adapters-prefix/clustering",
    ]
    assert "(1 search)" in (folders[0] / "README.md").read_text(encoding="utf-8")
    assert json.loads((folders[1] / "config_sentence_transformers.json").read_text())["prompts"] == config.prompts()
    lines = (tmp_path / CHECKSUMS).read_text().splitlines()
    assert [line[66:] for line in lines] == [
        f"minilm-adapters-prefix/{task}/{ADAPTER}" for task in ("clustering", "search")
    ]
    weights = load_file(folders[0] / ADAPTER)
    assert {tensor.shape[0] for key, tensor in weights.items() if "lora_A" in key} == {config.lora.rank // 2}
    state = json.loads(next((tmp_path / "checkpoints").rglob("trainer_state.json")).read_text())
    assert state["max_steps"] == 1
