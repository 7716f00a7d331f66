"""Other ways to compute the last hidden state of a text encoder on a CPU: OpenVINO, ONNX Runtime, compiled torch."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from prefixbench.encode.memory import give_back_freed, give_back_mapped, return_large_blocks
from prefixbench.errors import EncodeError
from prefixbench.files import is_sealed, make_sealed
from prefixbench.spec.sweep import Dtype, Engine

if TYPE_CHECKING:
    import openvino
    from transformers import PreTrainedModel

    from prefixbench.encode.network import HiddenStates

INPUT_NAMES = ("input_ids", "attention_mask", "token_type_ids")

PRECISION_HINTS = {Dtype.FLOAT32: "f32", Dtype.BFLOAT16: "bf16", Dtype.FLOAT16: "f16"}
"""Always set: OpenVINO's default computes in bfloat16 on processors that have it."""

CONVERSION = 2
"""Counts changes of how models are converted, so that an engine passed over by an older way is tried again."""

PACKAGES = {Engine.OPENVINO: ("openvino",), Engine.ONNX: ("onnxruntime", "onnx")}

OWN_WEIGHTS = frozenset({Engine.OPENVINO, Engine.ONNX})
"""Engines that read the weights from their own converted file, and do not need torch's."""


def find_engines() -> dict[Engine, str]:
    """Every engine with the reason it cannot be used here, or ``""`` where it can."""
    reasons = {}
    for engine, packages in PACKAGES.items():
        missing = [package for package in packages if importlib.util.find_spec(package) is None]
        reasons[engine] = f"the package {missing[0]} is not installed" if missing else ""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++") or shutil.which("c++")
    reasons[Engine.COMPILED] = "" if compiler else "torch.compile finds no C++ compiler"
    reasons[Engine.TORCH] = ""
    return reasons


class LastHiddenState(torch.nn.Module):
    """A transformer as a function of its padded inputs, in a shape that can be traced or exported."""

    def __init__(self, transformer: PreTrainedModel) -> None:
        super().__init__()
        self.transformer: PreTrainedModel = transformer

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """The last hidden state, shape ``(n_texts, longest, hidden)``."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        output: torch.Tensor = self.transformer(**inputs, return_dict=True).last_hidden_state
        return output


def build_engine(
    engine: Engine,
    transformer: PreTrainedModel,
    example: dict[str, torch.Tensor],
    dtype: Dtype,
    store: Path,
    threads: int | None = None,
) -> HiddenStates:
    """An engine for this transformer.

    Args:
        engine: Which; not ``auto`` and not ``torch``.
        transformer: On the CPU, in float32.
        example: Padded inputs of a small batch, to trace with.
        dtype: Precision to compute in, where the engine can.
        store: Folder for the converted model; read where it is there.
        threads: Threads to use; the engine's own choice where absent.

    Raises:
        EncodeError: The engine is not installed, or cannot convert the model.
    """
    if reason := find_engines()[engine]:
        raise EncodeError(f"engine {engine.value!r} is not available: {reason}.")
    inputs = {name: example[name] for name in INPUT_NAMES if name in example}
    builders = {Engine.OPENVINO: _build_openvino, Engine.ONNX: _build_onnx, Engine.COMPILED: _build_compiled}
    try:
        with warnings.catch_warnings():
            # Tracing warns of every shape it fixes; the probe that follows finds those that matter.
            warnings.simplefilter("ignore")
            return builders[engine](transformer, inputs, dtype, store, threads)
    except EncodeError:
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EncodeError(f"engine {engine.value!r} cannot run this model: {first[:200]}") from error


def _build_openvino(
    transformer: PreTrainedModel, inputs: dict[str, torch.Tensor], dtype: Dtype, store: Path, threads: int | None
) -> HiddenStates:
    _mute_openvino()
    import openvino

    return_large_blocks()  # buffers grow with the longest batch yet, and leave the smaller ones behind
    core = openvino.Core()
    path = store / "openvino" / "model.xml"
    model = _convert_openvino(transformer, inputs, path) if not _is_whole(path) else None
    if path.is_file():
        model = None  # what conversion left in memory is several times the weights; the file is mapped
        give_back_freed()
        model = core.read_model(path)
    config = {
        "INFERENCE_PRECISION_HINT": PRECISION_HINTS[dtype],
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": "NO",
    }
    if threads is not None:
        config["INFERENCE_NUM_THREADS"] = str(threads)
    request = core.compile_model(model, "CPU", config).create_infer_request()
    give_back_mapped(path.with_suffix(".bin"))  # most weights were copied into the layout that the processor likes
    names = tuple(inputs)

    def run(features: dict[str, torch.Tensor]) -> torch.Tensor:
        request.infer([features[name].numpy() for name in names], share_inputs=True)
        # The output tensor is overwritten by the next call.
        return torch.from_numpy(request.get_output_tensor(0).data.copy())

    return run


def _mute_openvino() -> None:
    """Keep OpenVINO from telling the network of every import and conversion, for which it asks no one."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment] # it does without what cannot be imported


def _convert_openvino(transformer: PreTrainedModel, inputs: dict[str, torch.Tensor], path: Path) -> openvino.Model:
    import openvino

    network = LastHiddenState(transformer).eval()
    try:
        converted = openvino.convert_model(network, example_input=inputs)
    except RuntimeError:  # decoders build their masks in ways that tracing cannot follow
        converted = openvino.convert_model(_export(network, inputs))
    _publish(path, lambda draft: openvino.save_model(converted, draft / path.name, compress_to_fp16=False))
    return converted


def _export(network: LastHiddenState, inputs: dict[str, torch.Tensor]) -> torch.export.ExportedProgram:
    """The network's graph for any number of texts and tokens.

    With eager attention, because its masks are finite: a padding token whose whole window is padding has nothing to
    attend to, which other runtimes make NaN where torch's fused attention makes zeros.
    """
    anything = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    attention = network.transformer.config._attn_implementation
    network.transformer.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            return torch.export.export(network, tuple(inputs.values()), dynamic_shapes=dict.fromkeys(inputs, anything))
    finally:
        network.transformer.set_attn_implementation(attention)


def _build_onnx(
    transformer: PreTrainedModel, inputs: dict[str, torch.Tensor], dtype: Dtype, store: Path, threads: int | None
) -> HiddenStates:
    import onnxruntime

    if dtype is not Dtype.FLOAT32:
        raise EncodeError(f"engine 'onnx' computes in float32 only, not in {dtype.value}; choose another engine.")
    path = store / "onnx" / "model.onnx"
    names = list(inputs)
    if not _is_whole(path):
        axes = {name: {0: "texts", 1: "tokens"} for name in [*names, "hidden"]}

        def export(draft: Path) -> None:
            torch.onnx.export(
                LastHiddenState(transformer).eval(),
                tuple(inputs.values()),
                draft / path.name,
                input_names=names,
                output_names=["hidden"],
                dynamic_axes=axes,
                opset_version=18,
                dynamo=False,
            )

        _publish(path, export)
    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(features: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.from_numpy(session.run(None, {name: features[name].numpy() for name in names})[0])

    return run


def _build_compiled(
    transformer: PreTrainedModel, inputs: dict[str, torch.Tensor], dtype: Dtype, store: Path, threads: int | None
) -> HiddenStates:
    del dtype, store, threads  # autocast surrounds the call; torch keeps its own compile cache and thread count
    import torch._inductor.config as inductor

    compiled = torch.compile(LastHiddenState(transformer).eval(), dynamic=True)
    names = tuple(inputs)

    def run(features: dict[str, torch.Tensor]) -> torch.Tensor:
        # Frozen weights are packed for the processor once, which is where the gain lies.
        with inductor.patch(freezing=True), torch.no_grad():
            output: torch.Tensor = compiled(*(features[name] for name in names))
        return output

    run(inputs)
    return run


def _is_whole(path: Path) -> bool:
    """Whether a converted model is there as it was written; one that is damaged is taken away."""
    if path.is_file() and not is_sealed(path.parent):
        shutil.rmtree(path.parent, ignore_errors=True)
    return path.is_file()


def _publish(path: Path, write: Callable[[Path], object]) -> None:
    """Keep a converted model; where the cache cannot be written to, it is converted anew each time."""
    with contextlib.suppress(OSError):
        make_sealed(path.parent, write)
