"""What is remembered of a model between runs."""

from __future__ import annotations

from pathlib import Path

from prefixbench.run.known import recall_model, remember_model
from prefixbench.spec.sweep import Dtype, EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import EmbedderIdentity, KnownModel

KNOWN = KnownModel(
    EmbedderIdentity("org/model", "abc", "0" * 64, 256, "mean", "float32", "torch"),
    4,
    "cpu",
    is_role_aware=False,
    notes=("plain torch: the model prepares its texts itself",),
)


def test_a_model_is_recalled_with_why_its_engine_was_taken(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    model, settings, cache = ModelSpec(name="org/model"), EncoderSettings(), tmp_path / "cache"
    assert recall_model(model, settings, folder, cache) is None
    remember_model(KNOWN, model, settings, folder, cache)
    assert recall_model(model, settings, folder, cache) == KNOWN
    assert recall_model(model, replace_dtype(settings), folder, cache) is None
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert recall_model(model, settings, folder, cache) is None


def replace_dtype(settings: EncoderSettings) -> EncoderSettings:
    return settings.model_copy(update={"dtype": Dtype.BFLOAT16})
