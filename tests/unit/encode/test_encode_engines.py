"""Engines: the same vectors, chosen by a probe, remembered, and passed over with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import prefixbench.encode.calibrate as calibrate_module
import prefixbench.encode.choice as choice_module
import pytest
import torch
from prefixbench.encode import engines
from prefixbench.encode.batching import STATIC_TOKENS
from prefixbench.encode.calibrate import measure_rates, pick_budget
from prefixbench.encode.choice import AGREEMENT, compute_disagreement
from prefixbench.encode.load import load_embedder
from prefixbench.encode.local import LocalEmbedder
from prefixbench.errors import EncodeError
from prefixbench.files import read_memo
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import Dtype, EncoderSettings, Engine, ModelSpec

from tests.tiny_models import TEXTS, embed_texts, make_model, make_router, make_static


def load(folder: Path, engine: Engine, dtype: Dtype = Dtype.FLOAT32) -> LocalEmbedder:
    settings = EncoderSettings(device="cpu", engine=engine, dtype=dtype, batch_tokens=128)
    return load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=folder.parent / "cache", threads=1)


@pytest.mark.parametrize("kind", ["bert", "decoder"])
@pytest.mark.parametrize("engine", [Engine.OPENVINO, Engine.ONNX])
def test_an_engine_gives_plain_torchs_vectors(engine: Engine, kind: str, tmp_path: Path) -> None:
    if engine is Engine.ONNX:
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    folder = make_model(tmp_path, kind=kind, include_prompt=False, pooling="mean" if kind == "bert" else "lasttoken")
    plain, fast = load(folder, Engine.TORCH), load(folder, engine)
    assert fast.identity.engine == engine.value
    assert fast.identity.dtype == "float32"
    for side in (Side(), Side("query: ")):
        assert compute_disagreement(embed_texts(plain, TEXTS, side), embed_texts(fast, TEXTS, side)) <= AGREEMENT


def test_compiled_torch_gives_plain_torchs_vectors(tmp_path: Path) -> None:
    if reason := engines.find_engines()[Engine.COMPILED]:
        pytest.skip(reason)
    folder = make_model(tmp_path)
    plain, fast = load(folder, Engine.TORCH), load(folder, Engine.COMPILED)
    assert fast.identity.engine == "compiled"
    assert fast.identity.dtype == "float32"
    assert (
        compute_disagreement(embed_texts(plain, TEXTS, Side("query: ")), embed_texts(fast, TEXTS, Side("query: ")))
        <= AGREEMENT
    )


def test_openvino_computes_padding_that_sees_only_padding(tmp_path: Path) -> None:
    folder = make_model(tmp_path, kind="gemma")
    plain, fast = load(folder, Engine.TORCH), load(folder, Engine.OPENVINO)
    texts = ["a", "b c", "d" * 100]  # read in one batch: most of the first row's padding is out of reach of its text
    vectors = embed_texts(fast, texts, Side("q: "))
    assert np.isfinite(vectors).all()
    assert compute_disagreement(embed_texts(plain, texts, Side("q: ")), vectors) <= AGREEMENT


def test_openvino_tells_the_network_nothing(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path

import psutil
from prefixbench.spec.sweep import Engine
from tests.unit.encode.test_encode_engines import load

embedder = load(Path(sys.argv[1]), Engine.OPENVINO)
assert embedder.identity.engine == "openvino"
assert "openvino" in sys.modules
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert not psutil.Process().children(), "it forks to send"
"""
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(make_model(tmp_path))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "intel").exists(), "an identity of this machine"


def test_an_engine_passed_over_before_conversion_changed_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(tmp_path)
    for build in ("_build_openvino", "_build_onnx", "_build_compiled"):
        monkeypatch.setattr(engines, build, refuse_to_probe)
    assert load(folder, Engine.AUTO).identity.engine == "torch"
    monkeypatch.undo()
    assert load(folder, Engine.AUTO).identity.engine == "torch", "remembered"
    monkeypatch.setattr(engines, "CONVERSION", engines.CONVERSION + 1)
    assert load(folder, Engine.AUTO).identity.engine == "openvino"


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell a thread's cores")
def test_openvino_leaves_the_calling_thread_its_cores(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    embed_texts(load(make_model(tmp_path), Engine.OPENVINO), TEXTS, Side())
    assert os.sched_getaffinity(0) == before


def test_auto_takes_the_first_engine_that_agrees_and_remembers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(tmp_path)
    assert load(folder, Engine.AUTO).identity.engine == "openvino"
    (memo,) = (tmp_path / "cache" / "engines").glob("*/engine-*.json")
    assert read_memo(memo)["engine"] == "openvino"

    monkeypatch.setattr(choice_module, "_measure", refuse_to_probe)
    again = load(folder, Engine.AUTO)
    assert again.identity.engine == "openvino"
    np.testing.assert_allclose(
        embed_texts(again, TEXTS, Side()), embed_texts(load(folder, Engine.TORCH), TEXTS, Side()), atol=1e-6
    )


def refuse_to_probe(*_: Any) -> Any:
    raise AssertionError("the whole probe was run again")


def test_a_whole_engine_of_another_model_is_noticed_and_made_again(tmp_path: Path) -> None:
    """Sealed as it stands, so that only what it computes tells."""
    folder, other = make_model(tmp_path / "one"), make_model(tmp_path / "other", seed=1)
    expected = embed_texts(load(folder, Engine.AUTO), TEXTS, Side())
    load(other, Engine.AUTO)
    (place,), (wrong,) = ((tmp_path / name / "cache").glob("engines/*/openvino") for name in ("one", "other"))
    shutil.rmtree(place)
    shutil.copytree(wrong, place)
    again = load(folder, Engine.AUTO)
    assert again.identity.engine == "openvino"
    np.testing.assert_allclose(embed_texts(again, TEXTS, Side()), expected, atol=1e-6)


def test_auto_passes_over_an_engine_that_is_off_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path)
    own = engines.build_engine

    def build(engine: Engine, *args: Any) -> Any:
        if engine is not Engine.OPENVINO:
            raise EncodeError(f"engine {engine.value!r} is not available: not here.")
        run = own(engine, *args)
        return lambda features: run(features) + torch.linspace(0, 1e-2, 32)

    monkeypatch.setattr(engines, "build_engine", build)
    embedder = load(folder, Engine.AUTO)
    assert embedder.identity.engine == "torch"
    assert embedder.network.engine is None
    assert embedder.known.notes[0].startswith("engine 'openvino' is off plain torch by 1 − cosine ")
    assert embedder.known.notes[1:] == (
        "engine 'onnx' is not available: not here.",
        "engine 'compiled' is not available: not here.",
    )


def test_a_named_engine_that_is_off_has_vectors_of_its_own_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model(tmp_path)
    own = engines.build_engine

    def build(*args: Any) -> Any:
        run = own(*args)
        return lambda features: run(features) + torch.linspace(0, 1e-2, 32)

    monkeypatch.setattr(engines, "build_engine", build)
    assert load(folder, Engine.OPENVINO).identity.dtype == "float32-openvino"


def test_a_named_engine_is_measured_whole_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path)
    asked: list[tuple[int, ...]] = []
    embed = choice_module.embed_probe

    def note(network: Any, lengths: tuple[int, ...] = choice_module.PROBE_LENGTHS) -> Any:
        asked.append(lengths)
        return embed(network, lengths)

    monkeypatch.setattr(choice_module, "embed_probe", note)
    first = load(folder, Engine.OPENVINO)
    assert set(asked) == {choice_module.PROBE_LENGTHS}
    asked.clear()
    again = load(folder, Engine.OPENVINO)
    assert set(asked) == {choice_module.PROBE_LENGTHS[: choice_module.QUICK_TEXTS]}
    assert again.identity == first.identity


def test_a_router_runs_on_plain_torch_with_the_reason(tmp_path: Path) -> None:
    folder = make_router(tmp_path)
    reason = "queries, documents or tasks take different ways through the model"
    assert load(folder, Engine.AUTO).known.notes == (f"plain torch: {reason}",)
    with pytest.raises(EncodeError) as failure:
        load(folder, Engine.OPENVINO)
    assert str(failure.value) == f"engine 'openvino' cannot run this model: {reason}."


def test_an_engine_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(EncodeError) as failure:
        load(folder, Engine.OPENVINO)
    assert str(failure.value) == "engine 'openvino' is not available: the package openvino is not installed."


def test_lower_precision_is_stamped_and_close(tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    exact, low = load(folder, Engine.TORCH), load(folder, Engine.TORCH, Dtype.BFLOAT16)
    assert low.identity.dtype == "bfloat16"
    gap = compute_disagreement(embed_texts(exact, TEXTS, Side()), embed_texts(low, TEXTS, Side()))
    assert 1e-9 < gap < 1e-2


def test_calibration_takes_the_smallest_size_that_none_beats() -> None:
    assert pick_budget({1024: 100.0, 2048: 150.0, 4096: 152.0}) == 2048
    assert pick_budget({1024: 100.0}) == 1024


def test_calibration_is_not_swayed_by_a_moment_or_a_hundredth() -> None:
    spent, calls = [0.0], [0]

    def run(n_texts: int) -> None:
        calls[0] += 1
        spent[0] += n_texts / 1000 + (5.0 if calls[0] == 2 else 0.0)

    rates = measure_rates(run, (1024, 2048), 64, clock=lambda: spent[0] / 100)
    assert rates[1024] == pytest.approx(rates[2048])
    assert pick_budget({1024: 100.0, 2048: 105.0}) == 1024


def test_the_budget_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_model(tmp_path)
    settings = EncoderSettings(device="cpu", engine=Engine.TORCH)
    first = load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path / "cache", threads=1)

    def refuse(*_: Any) -> Any:
        raise AssertionError("the budget was measured again")

    monkeypatch.setattr(calibrate_module, "measure_rates", refuse)
    again = load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=tmp_path / "cache", threads=1)
    assert again.batch_tokens == first.batch_tokens


def test_calibration_ends_where_memory_time_or_gain_does() -> None:
    def run(n_texts: int) -> None:
        if n_texts > 32:
            raise torch.OutOfMemoryError

    assert set(measure_rates(run, (1024, 2048, 4096), 64)) == {1024, 2048}
    spent = [0.0]

    def slow(n_texts: int) -> None:
        spent[0] += n_texts / 1000

    assert set(measure_rates(slow, (1024, 2048, 4096), 64, clock=lambda: spent[0])) == {1024, 2048}
    ticks = iter(range(0, 1000, 3))
    assert set(measure_rates(lambda _n: None, (1024, 2048, 4096), 64, clock=lambda: float(next(ticks)))) == {1024}


def test_batches_are_copied_from_pinned_memory_on_their_way_to_a_gpu_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = load(make_model(tmp_path), Engine.TORCH)
    pinned: list[torch.Tensor] = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append(tensor)
        return tensor

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)
    inputs, chosen = embedder.read(TEXTS, Side()), np.arange(len(TEXTS))
    plain = embedder._prepare(inputs, chosen)
    assert not pinned
    monkeypatch.setattr(type(embedder.network.model), "device", torch.device("cuda"))
    ahead = embedder._prepare(inputs, chosen)
    assert len(pinned) == sum(isinstance(value, torch.Tensor) for value in ahead.values()) > 1
    assert all(torch.equal(plain[name], ahead[name]) for name in ("input_ids", "attention_mask"))


def test_averaged_word_vectors_take_one_thread_and_large_batches(tmp_path: Path) -> None:
    settings = EncoderSettings(device="cpu")
    embedder = load_embedder(ModelSpec(name="org/static"), settings, make_static(tmp_path), cache=tmp_path / "cache")
    assert embedder.batch_tokens == STATIC_TOKENS
    threads: list[int] = []
    before = torch.get_num_threads()
    for module in embedder.network.model.children():
        module.register_forward_hook(lambda *_: threads.append(torch.get_num_threads()))
    embed_texts(embedder, TEXTS, Side())
    assert set(threads) == {1}
    assert torch.get_num_threads() == before


def test_out_of_memory_halves_the_budget_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load(make_model(tmp_path), Engine.TORCH)
    texts = [f"the cat sat on the mat {index}" for index in range(40)]
    expected = embed_texts(embedder, texts, Side())
    own = embedder.network.forward
    sizes = []

    def tight(features: Any, side: Side) -> Any:
        sizes.append(len(features["input_ids"]))
        if sizes[-1] > 4:
            raise torch.OutOfMemoryError
        return own(features, side)

    monkeypatch.setattr(embedder.network, "forward", tight)
    np.testing.assert_allclose(embed_texts(embedder, texts, Side()), expected, atol=1e-6)
    assert max(sizes) > 4
    assert embedder.batch_tokens < 128

    def none(_features: Any, _side: Side) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")

    monkeypatch.setattr(embedder.network, "forward", none)
    with pytest.raises(EncodeError) as failure:
        embed_texts(embedder, ["the cat"], Side())
    assert str(failure.value) == (
        "no memory on cpu to embed a single text of 4 tokens with 'org/tiny'; lower max_seq_length or choose another "
        "device."
    )
