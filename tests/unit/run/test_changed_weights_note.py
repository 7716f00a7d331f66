from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import prefixbench.encode.load
import pytest
from prefixbench.run.progress import Progress
from prefixbench.run.session import open_session
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore
from prefixbench.vectors.embedder import EmbedderIdentity, KnownModel
from prefixbench.vectors.keys import Namespace, vector_keys

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")


class Listener(Progress):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(("digest", "n_notes"), [("f" * 64, 0), ("0" * 64, 1)])
def test_a_sweep_says_that_a_models_weights_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str, n_notes: int
) -> None:
    store = VectorStore.open(tmp_path / STORE_FOLDER)
    store.put_many(vector_keys(IDENTITY, Side(), ["a"]), np.ones((1, 4), np.float32), Namespace.of(IDENTITY, Side()))
    known = KnownModel(replace(IDENTITY, weights_digest=digest), 4, "cpu", is_role_aware=False)
    loaded = SimpleNamespace(known=known)
    monkeypatch.setattr(prefixbench.encode.load, "load_embedder", lambda *_, **__: loaded)
    listener = Listener()
    open_session(ModelSpec(name="org/model"), EncoderSettings(), None, tmp_path, listener)
    notes = [text for text in listener.said if "changed under the same name" in text]
    assert len(notes) == n_notes
