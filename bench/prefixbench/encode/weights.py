"""A model folder's files: which are refused, and the digest of those that can change a vector."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from prefixbench.errors import ModelLoadError
from prefixbench.files import read_memo, write_memo

UNSAFE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
OTHER_RUNTIMES = frozenset({"onnx", "openvino", "coreml", ".git"})
"""Folders with copies of the weights for other runtimes; they are never read."""

VECTOR_SUFFIXES = (".safetensors", ".json", ".txt", ".model", ".py", ".jinja", ".tiktoken")
IRRELEVANT_NAMES = frozenset({"config_sentence_transformers.json", "data_config.json", "requirements.txt"})
"""Prompts and similarity functions of the repository's own are never applied, so they cannot change a vector."""


def find_model_files(folder: Path) -> tuple[Path, ...]:
    """The files that can change a vector: weights, tokenizer, module configurations, code; sorted by path."""
    files = (
        path
        for path in folder.rglob("*")
        if path.suffix in VECTOR_SUFFIXES
        and path.name not in IRRELEVANT_NAMES
        and not OTHER_RUNTIMES.intersection(path.relative_to(folder).parts)
        and path.is_file()
    )
    return tuple(sorted(files))


def check_weights(folder: Path, name: str) -> None:
    """Refuse a folder without safetensors weights.

    Raises:
        ModelLoadError: The folder is none, holds no weights, or holds them only in a format that can run code.
    """
    if not folder.is_dir():
        raise ModelLoadError(f"model {name!r}: {folder} is not a folder.")
    if any(path.suffix == ".safetensors" for path in find_model_files(folder)):
        return
    unsafe = sorted(path.name for path in folder.rglob("*") if path.suffix in UNSAFE_SUFFIXES)
    if unsafe:
        raise ModelLoadError(
            f"model {name!r} brings its weights only as {unsafe[0]}, a format that can run code when it is read; "
            "only safetensors are loaded. Convert the weights, or name a revision that has model.safetensors."
        )
    raise ModelLoadError(f"model {name!r}: {folder} holds no safetensors weights.")


def compute_weights_digest(folder: Path, cache: Path) -> str:
    """sha256 over the names and contents of the files that can change a vector, as 64 hex digits.

    A file's own digest is remembered under its path, size and time of change, so that a large model is read once.
    """
    total = hashlib.sha256()
    for path in find_model_files(folder):
        total.update(f"{path.relative_to(folder).as_posix()}\0{_digest_file(path, cache)}\n".encode())
    return total.hexdigest()


def _digest_file(path: Path, cache: Path) -> str:
    real = path.resolve()
    state = real.stat()
    seen = [str(real), state.st_size, state.st_mtime_ns]
    name = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    memo = cache / "digests" / f"{name}.json"
    remembered = read_memo(memo)
    if remembered.get("file") == seen and isinstance(remembered.get("sha256"), str):
        return str(remembered["sha256"])
    with real.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    write_memo(memo, {"file": seen, "sha256": digest})
    return digest
