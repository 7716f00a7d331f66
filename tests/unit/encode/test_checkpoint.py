"""A checkpoint without some of the layers that are asked for is refused: they would be random."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.encode.checkpoint import count_layers
from prefixbench.encode.load import load_embedder
from prefixbench.errors import ModelLoadError
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec

from tests.tiny_models import make_model


@pytest.mark.parametrize("kind", ["bert", "decoder", "gemma"])
@pytest.mark.parametrize("asked", [None, 3])
def test_layers_without_weights_are_refused(kind: str, asked: int | None, tmp_path: Path) -> None:
    folder = make_model(tmp_path, kind=kind)
    settings = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=128)
    load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path / "cache")
    path = next(path for path in folder.rglob("config.json") if "num_hidden_layers" in path.read_text("utf-8"))
    config = json.loads(path.read_text("utf-8"))
    config.pop("layer_types", None)
    if asked is None:
        del config["num_hidden_layers"]
    else:
        config["num_hidden_layers"] = asked
    path.write_text(json.dumps(config), "utf-8")
    with pytest.raises(ModelLoadError, match=r"asks for \d+ layers and its weights hold 2; the others would be random"):
        load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (["encoder.layer.0.attention.weight", "encoder.layer.11.output.weight", "pooler.dense.weight"], 12),
        (["model.layers.1.mlp.weight"], 2),
        (["encoder.block.3.layer.0.weight"], 4),
        (["transformer.h.5.ln.weight"], 6),
        (["embedding.weight", "linear.weight"], 0),
    ],
)
def test_layers_are_counted_by_their_names(weights: list[str], expected: int) -> None:
    assert count_layers(weights) == expected
