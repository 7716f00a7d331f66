from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import pytest
from prefixbench.errors import ModelLoadError
from prefixbench.starter import embedded_models, locate_model, version_deviations
from prefixbench.starter.models import MINILM, EmbeddedModel, check_weights


def test_minilm_is_embedded_with_the_hubs_weights() -> None:
    folder = locate_model("sentence-transformers/all-MiniLM-L6-v2")
    assert folder is not None
    assert (folder / "tokenizer.json").is_file()
    assert hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest() == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    assert embedded_models()[MINILM.name] == MINILM


def test_an_unknown_model_is_not_embedded() -> None:
    assert locate_model("intfloat/e5-base-v2") is None


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"other")
    digest = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ModelLoadError) as caught:
        check_weights(MINILM.name, path, MINILM.sha256)
    assert str(caught.value) == (
        f"sentence-transformers/all-MiniLM-L6-v2: {path} has sha256 {digest}, not {MINILM.sha256} as recorded; "
        "it is not loaded."
    )


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"model\.safetensors is missing\.$"):
        check_weights(MINILM.name, tmp_path / "model.safetensors", MINILM.sha256)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = EmbeddedModel("org/name", "no_such_package", "model", "0", "mit")
    monkeypatch.setattr("prefixbench.starter.models.embedded_models", lambda: {"org/name": absent})
    with pytest.raises(
        ModelLoadError, match=r"^org/name: the package no-such-package, which holds its weights, is not"
    ):
        locate_model("org/name")


def test_another_version_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(distribution: str) -> str:
        return {"scipy": "0.1", "networkx": "3.6.1+local"}.get(distribution) or real(distribution)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert version_deviations()[0] == (
        "scipy is installed as 0.1, not 1.17.1; the starter tasks have other items than those of the committed results."
    )
    assert not any(sentence.startswith("networkx") for sentence in version_deviations())
