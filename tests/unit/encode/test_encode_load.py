"""Loading: pinned, safetensors only, trusted code only, and one clear sentence for everything else."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefixbench.encode.alike import digest_tokens
from prefixbench.encode.choice import AGREEMENT, compute_disagreement
from prefixbench.encode.hub import locate_model
from prefixbench.encode.load import choose_device, load_embedder
from prefixbench.encode.local import LocalEmbedder
from prefixbench.encode.repository import compute_weights_digest
from prefixbench.errors import HubUnreachableError, ModelLoadError
from prefixbench.spec.conditions import Pooling, Side
from prefixbench.spec.sweep import Dtype, EncoderSettings, Engine, ModelSpec
from prefixbench.vectors.embedder import TokenRows

from tests.tiny_models import TEXTS, embed_texts, make_model

PLAIN = EncoderSettings(device="cpu", engine=Engine.TORCH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("tiny"))


def load(folder: Path, tmp_path: Path, **fields: Any) -> LocalEmbedder:
    return load_embedder(ModelSpec(name="org/tiny", **fields), PLAIN, folder, cache=tmp_path / "cache")


def test_a_local_folder_asks_nothing_of_the_network(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **_: Any) -> Any:
        raise AssertionError(f"a connection was opened: {args}")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    embedder = load(folder, tmp_path)
    assert embed_texts(embedder, TEXTS, Side()).shape == (len(TEXTS), 32)
    assert embedder.identity.model == "org/tiny"
    assert embedder.identity.pooling == "mean+normalize"
    assert embedder.identity.max_seq_length == 48


def test_weights_in_a_format_that_runs_code_are_refused(folder: Path, tmp_path: Path) -> None:
    unsafe = tmp_path / "unsafe"
    shutil.copytree(folder, unsafe)
    (unsafe / "model.safetensors").rename(unsafe / "pytorch_model.bin")
    with pytest.raises(ModelLoadError) as failure:
        load(unsafe, tmp_path)
    assert str(failure.value) == (
        "model 'org/tiny' brings its weights only as pytorch_model.bin, a format that can run code when it is read; "
        "only safetensors are loaded. Convert the weights, or name a revision that has model.safetensors."
    )
    with pytest.raises(ModelLoadError) as failure:
        load(tmp_path / "nowhere", tmp_path)
    assert str(failure.value) == f"model 'org/tiny': {tmp_path / 'nowhere'} is not a folder."


def test_a_folder_that_is_no_model_says_so(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "config.json").write_text("{}")
    with pytest.raises(ModelLoadError, match=f"^model 'org/tiny' cannot be loaded from {broken}: "):
        load(broken, tmp_path)


def test_the_digest_notices_changed_weights_and_ignores_prompts(folder: Path, tmp_path: Path) -> None:
    copy, cache = tmp_path / "copy", tmp_path / "cache"
    shutil.copytree(folder, copy)
    first = compute_weights_digest(copy, cache)
    assert first == compute_weights_digest(copy, cache) == compute_weights_digest(copy, tmp_path / "other cache")
    prompts = copy / "config_sentence_transformers.json"
    prompts.write_text(json.dumps(json.loads(prompts.read_text()) | {"prompts": {"query": "other: "}}))
    (copy / "README.md").write_text("a card")
    assert compute_weights_digest(copy, cache) == first
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert compute_weights_digest(copy, cache) != first


def test_limits_and_precision_of_the_model_win_over_the_sweeps(folder: Path, tmp_path: Path) -> None:
    settings = EncoderSettings(device="cpu", engine=Engine.TORCH, max_seq_length=16, dtype=Dtype.FLOAT32)
    model = ModelSpec(name="org/tiny", max_seq_length=8, dtype=Dtype.BFLOAT16)
    identity = load_embedder(model, settings, folder, cache=tmp_path).identity
    assert (identity.max_seq_length, identity.dtype) == (8, "bfloat16")
    assert load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path).identity.max_seq_length == 16


def test_torchs_weights_are_dropped_once_an_engine_has_its_own(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    plain = load(folder, tmp_path)
    lean = load_embedder(ModelSpec(name="org/tiny"), EncoderSettings(engine=Engine.OPENVINO), folder, cache=tmp_path)
    for embedder, is_empty in ((plain, False), (lean, True)):
        transformer = embedder.network.model.transformers_model
        assert transformer is not None
        assert (sum(tensor.numel() for tensor in transformer.parameters()) == 0) is is_empty
    side = Side("query: ")
    assert compute_disagreement(embed_texts(plain, TEXTS, side), embed_texts(lean, TEXTS, side)) <= AGREEMENT


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert choose_device("auto") == "cpu"
    with pytest.raises(ModelLoadError) as failure:
        choose_device("cuda")
    assert str(failure.value) == "device 'cuda' is not available to torch here; available: cpu."


def test_an_unreachable_hub_names_the_repository_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachableError) as failure:
        locate_model(ModelSpec(name="org/tiny", revision="abc"))
    assert str(failure.value) == (
        "the hub cannot be reached for 'org/tiny' at revision abc, and its files are not on this machine; download "
        "them where there is a network, or name a local folder with the model instead."
    )
    with pytest.raises(ModelLoadError) as wrong:
        locate_model(ModelSpec(name="no folder/and no name/either"))
    assert str(wrong.value) == (
        "model 'no folder/and no name/either' does not exist on the hub, is private, or is no folder here."
    )


@pytest.mark.parametrize(
    "name", ["openai/text-embedding-3-small", "Cohere/Cohere-embed-english-v3.0", "mongodb/voyage-3.5"]
)
def test_a_vendors_service_is_named_as_such(name: str) -> None:
    with pytest.raises(ModelLoadError) as failure:
        locate_model(ModelSpec(name=name))
    assert str(failure.value) == (
        f"model {name!r} is a vendor's service without weights; this version embeds with local models only."
    )


def test_a_folder_named_as_the_model_is_used_as_it_is(folder: Path) -> None:
    assert locate_model(ModelSpec(name=str(folder))) == folder


FETCH = """
import json, sys
from pathlib import Path
from prefixbench.encode.hub import locate_model
from prefixbench.encode.load import load_embedder
from prefixbench.errors import PrefixbenchError
from prefixbench.spec.sweep import EncoderSettings, ModelSpec

cache = Path(sys.argv[1])
plain = EncoderSettings(device="cpu", engine="torch")
embedder = load_embedder(ModelSpec(name="sentence-transformers/all-MiniLM-L6-v2"), plain, cache=cache)
try:
    locate_model(ModelSpec(name="nobody/nothing"))
except PrefixbenchError as error:
    sentence = str(error)
print(json.dumps([embedder.known.dim, embedder.identity.revision, sentence]))
"""


@pytest.mark.hub
@pytest.mark.usefixtures("hub_endpoint")
def test_a_model_is_fetched_from_the_hub_at_its_commit(tmp_path: Path) -> None:
    # A process of its own: the hub's client reads its address when it is imported.
    command = [sys.executable, "-W", "ignore", "-c", FETCH, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    dim, revision, sentence = json.loads(done.stdout)
    assert dim == 384
    assert len(revision) == 40
    assert sentence == "model 'nobody/nothing' does not exist on the hub, is private, or is no folder here."


@pytest.mark.gpu
def test_a_gpu_gives_the_cpus_vectors(folder: Path, tmp_path: Path) -> None:
    on_cpu = embed_texts(load(folder, tmp_path), TEXTS * 50, Side("query: "))
    settings = EncoderSettings(device="cuda", batch_tokens=512)
    embedder = load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path)
    assert embedder.known.device.startswith("cuda")
    assert abs(embed_texts(embedder, TEXTS * 50, Side("query: ")) - on_cpu).max() < 1e-4
    low = load_embedder(
        ModelSpec(name="org/tiny", dtype=Dtype.FLOAT16), EncoderSettings(device="cuda"), folder, cache=tmp_path
    )
    assert low.batch_tokens >= 16384
    assert abs(embed_texts(low, TEXTS, Side("query: ")) - on_cpu[: len(TEXTS)]).max() < 5e-2


def test_texts_are_told_apart_by_what_the_model_reads_of_them(folder: Path, tmp_path: Path) -> None:
    embedder = load(folder, tmp_path)
    long = " ".join(["river"] * 60)
    texts = ["river bank", "River\r\n bank", "river banks", long, f"{long} end"]
    digests = [row.tobytes() for row in digest_tokens(read_tokens(embedder, texts, Side("query: ")))]
    assert [digests.index(digest) for digest in digests] == [0, 0, 2, 3, 3]
    # The same string at another cut between prefix and text is the same to a model that pools all tokens.
    assert digest_tokens(read_tokens(embedder, ["bank"], Side("query: river "))).tobytes() == digests[0]
    left_out = Side("query: ", pooling=Pooling.EXCLUDE), Side("query: river ", pooling=Pooling.EXCLUDE)
    apart = [
        digest_tokens(read_tokens(embedder, [text], side)).tobytes()
        for text, side in zip(("river bank", "bank"), left_out, strict=True)
    ]
    assert apart[0] != apart[1]


def read_tokens(embedder: LocalEmbedder, texts: list[str], side: Side) -> TokenRows:
    tokens = embedder.read(texts, side).tokens
    assert tokens is not None
    return tokens
