"""A model's files: what they may ask of a loader, and that everything a loader reads is in the digest."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prefixbench.encode.load import load_embedder
from prefixbench.encode.repository import compute_weights_digest, find_model_files, open_view
from prefixbench.errors import ModelLoadError, UntrustedCodeError
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from tests.tiny_models import TEXTS, add_adapters, embed_texts, make_model

PLAIN = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=256)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a dense layer, so that it has module folders of its own."""
    folder = tmp_path_factory.mktemp("made")
    transformer = Transformer(str(make_model(folder / "base")))
    modules: list[torch.nn.Module] = [transformer, Pooling(32, "mean"), Dense(32, 16)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"), create_model_card=False)
    return folder / "model"


@pytest.fixture
def model(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "model")
    return tmp_path / "model"


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(content | changes))


def load(folder: Path, *, trusted: bool = False) -> Any:
    spec = ModelSpec(name="org/tiny", trust_remote_code=trusted)
    return load_embedder(spec, PLAIN, folder, cache=folder.parent / "cache")


ASKING: dict[str, tuple[str, dict[str, Any], str]] = {
    "attention kernel handed on": (
        "sentence_bert_config.json",
        {"model_args": {"attn_implementation": "org/kernel"}},
        "attn_implementation = 'org/kernel'",
    ),
    "all kernels": (
        "sentence_bert_config.json",
        {"model_kwargs": {"allow_all_kernels": True}},
        "model_kwargs.allow_all_kernels = True",
    ),
    "another repository's files": (
        "sentence_bert_config.json",
        {"tokenizer_name_or_path": "org/other"},
        "tokenizer_name_or_path = 'org/other'",
    ),
    "an argument nobody knows": (
        "sentence_bert_config.json",
        {"config_args": {"code_revision": "main"}},
        "config_args.code_revision = 'main'",
    ),
    "attention kernel of the config": (
        "config.json",
        {"_attn_implementation": "org/kernel:attention"},
        "_attn_implementation = 'org/kernel:attention'",
    ),
    "attention kernel further down": (
        "config.json",
        {"text_config": {"attn_implementation": {"a": "sdpa", "b": "org/kernel"}}},
        "attn_implementation = {'a': 'sdpa', 'b': 'org/kernel'}",
    ),
    "a quantiser": ("config.json", {"quantization_config": {"quant_method": "x"}}, "quantization_config = {"),
    "a backbone": ("config.json", {"backbone": "org/backbone"}, "backbone = 'org/backbone'"),
    "an architecture of its own": (
        "config.json",
        {"model_type": "tiny", "auto_map": {"AutoModel": "canary.Canary"}},
        "auto_map and model_type = 'tiny'",
    ),
    "a module of its own": (
        "modules.json",
        {"0": {"idx": 0, "name": "0", "path": "", "type": "canary.Canary"}},
        "type = 'canary.Canary'",
    ),
    "a route of its own": (
        "router_config.json",
        {"types": {"query": "canary.Canary"}},
        "types = {'query': 'canary.Canary'}",
    ),
    "a route of its own, as once written": (
        "2_Dense/config.json",
        {"types": {"query": "canary.Canary"}, "structure": {}},
        "types = {'query': 'canary.Canary'}",
    ),
    "an activation function": (
        "2_Dense/config.json",
        {"activation_function": "canary.Canary"},
        "activation_function = 'canary.Canary'",
    ),
    "an activation function from torch": (
        "2_Dense/config.json",
        {"activation_function": "torch.hub.load"},
        "activation_function = 'torch.hub.load'",
    ),
    "a tokenizer class": ("1_Pooling/config.json", {"tokenizer_class": "canary.Canary"}, "tokenizer_class = "),
    "an adapter's base": (
        "adapter_config.json",
        {"base_model_name_or_path": "org/base", "peft_type": "LORA"},
        "base_model_name_or_path = 'org/base'",
    ),
}


@pytest.mark.parametrize("name", ASKING)
def test_what_would_fetch_or_import_is_refused_and_stays_silent(
    name: str, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, changes, asked = ASKING[name]
    canary = model.parent / "canary sang"
    (model / "canary.py").write_text(f"open({str(canary)!r}, 'w').close()\nclass Canary: ...\n")
    monkeypatch.syspath_prepend(str(model))
    monkeypatch.setattr("transformers.integrations.hub_kernels.get_kernel", lambda *_, **__: canary.touch())
    if file == "modules.json":
        (model / file).write_text(json.dumps([*changes.values()]))
    else:
        edit(model / file, **changes)
    with pytest.raises(UntrustedCodeError) as failure:
        load(model)
    assert str(failure.value).startswith(
        f"model 'org/tiny' asks for code that is not run unless you trust it: {file} has "
    )
    assert asked in str(failure.value)
    assert str(failure.value).endswith("read the code and add --trust-remote-code org/tiny.")
    assert not canary.exists()


@pytest.mark.parametrize("file", ["tokenizer_config.json", "processor_config.json", "generation_config.json"])
def test_pointers_to_code_that_nothing_needs_are_not_seen(file: str, model: Path) -> None:
    before = embed_texts(load(model), TEXTS, Side())
    canary = model.parent / "canary sang"
    (model / "canary.py").write_text(f"open({str(canary)!r}, 'w').close()\nclass Canary: ...\n")
    edit(model / file, auto_map={"AutoTokenizer": ["canary.Canary", "canary.Canary"], "AutoProcessor": "canary.Canary"})
    np.testing.assert_array_equal(embed_texts(load(model), TEXTS, Side()), before)
    assert not canary.exists()


class Canary:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("place", ["", "2_Dense/"])
@pytest.mark.parametrize("beside", [True, False])
def test_pickled_weights_are_never_read(place: str, beside: bool, model: Path) -> None:
    canary = model.parent / "canary sang"
    (model / f"{place}pytorch_model.bin").write_bytes(pickle.dumps(Canary(canary)))
    if beside:
        load(model)
    else:
        (model / f"{place}model.safetensors").unlink()
        with pytest.raises(ModelLoadError) as failure:
            load(model)
        assert str(failure.value) == (
            f"model 'org/tiny' brings its weights only as {place}pytorch_model.bin, a format that can run code when it "
            "is read; only safetensors are loaded. Convert the weights, or name a revision that has model.safetensors."
        )
    assert not canary.exists()


def test_every_file_in_the_view_is_in_the_digest(model: Path) -> None:
    cache = model.parent / "cache"
    view = open_view(model, "org/tiny", trusted=False)
    seen = {path.relative_to(view).as_posix() for path in view.rglob("*") if path.is_file()}
    assert seen == set(find_model_files(model))
    before = compute_weights_digest(model, cache)
    for file in seen - {"config_sentence_transformers.json"}:
        content = (model / file).read_bytes()
        (model / file).write_bytes(content + b" ")
        assert compute_weights_digest(model, cache) != before, file
        (model / file).write_bytes(content)
    assert compute_weights_digest(model, cache) == before
    shutil.rmtree(view)


def test_a_retouched_file_is_noticed_by_what_cannot_be_set_back(model: Path) -> None:
    cache, weights = model.parent / "cache", model / "2_Dense" / "model.safetensors"
    before, times = compute_weights_digest(model, cache), weights.stat()
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert compute_weights_digest(model, cache) != before


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({"truncate_dim": 8}, True),
        ({"similarity_fn_name": "dot"}, True),
        ({"similarity_fn_name": "cosine", "truncate_dim": None}, False),
        ({"prompts": {"query": "other: "}, "default_prompt_name": "query"}, False),
    ],
)
def test_settings_count_where_they_change_a_vector_or_a_score(
    settings: dict[str, Any], counts: bool, model: Path
) -> None:
    cache = model.parent / "cache"
    before = compute_weights_digest(model, cache)
    edit(model / "config_sentence_transformers.json", **settings)
    assert (compute_weights_digest(model, cache) != before) == counts


def test_links_are_followed_and_circles_end(model: Path) -> None:
    cache = model.parent / "cache"
    before, vectors = compute_weights_digest(model, cache), embed_texts(load(model), TEXTS, Side())
    (model / "2_Dense").rename(model.parent / "elsewhere")
    (model / "2_Dense").symlink_to(model.parent / "elsewhere")
    (model / "1_Pooling" / "again").symlink_to(model)
    assert compute_weights_digest(model, cache) == before
    np.testing.assert_array_equal(embed_texts(load(model), TEXTS, Side()), vectors)
    edit(model.parent / "elsewhere" / "config.json", bias=False)
    assert compute_weights_digest(model, cache) != before


def test_adapters_in_folders_of_their_own_need_no_trust(tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    before = compute_weights_digest(folder, tmp_path / "cache")
    add_adapters(folder, ("search",))
    assert load(folder).adapters.names == ("search",)
    assert compute_weights_digest(folder, tmp_path / "cache") != before


def test_the_base_of_a_trusted_adapter_is_in_the_digest(tmp_path: Path) -> None:
    folder, base = make_model(tmp_path / "adapter"), make_model(tmp_path / "base", seed=1)
    edit(folder / "adapter_config.json", base_model_name_or_path=str(base), peft_type="LORA")
    before = compute_weights_digest(folder, tmp_path, trusted=True)
    (base / "model.safetensors").write_bytes(b"others")
    assert compute_weights_digest(folder, tmp_path, trusted=True) != before


def test_a_copy_under_another_name_says_what_its_loader_would_set(model: Path) -> None:
    (model / "README.md").write_text("---\nbase_model: nomic-ai/nomic-embed-text-v1.5\n---\n")
    assert load(model).known.notes == (
        "The files come from nomic-ai/nomic-embed-text-v1.5 (README.md), for which mteb's loader sets finish; under "
        "the name org/tiny nothing of it is set.",
    )
