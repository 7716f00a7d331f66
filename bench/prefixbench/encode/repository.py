"""A model folder's files: which a loader may see, what their contents may ask of it, and one digest over them all.

A model is loaded from a view of its folder: links to the files with a known purpose, and nothing else. What is not in
the view cannot be read, and all that is in it is part of the digest; so no list of names decides what changes vectors.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefixbench.errors import ModelLoadError, UntrustedCodeError
from prefixbench.files import hash_file, identify_file, read_memo, write_memo

WEIGHTS_SUFFIX = ".safetensors"
UNSAFE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
"""Weights in formats that can run code when they are read; only a trusted model's are seen."""

READ_SUFFIXES = (
    *(WEIGHTS_SUFFIX, ".json", ".txt", ".jinja"),
    *(".model", ".tiktoken", ".spm", ".bpe", ".codes", ".vocab"),
)
CODE_SUFFIX = ".py"
OTHER_RUNTIMES = frozenset({"onnx", "openvino", "coreml", ".git", ".cache"})
"""Folders with copies of the weights for other runtimes, or of no model at all."""

UNREAD_NAMES = frozenset({"data_config.json", "requirements.txt"})
SETTINGS_NAME = "config_sentence_transformers.json"
UNUSED_SETTINGS = frozenset({"__version__", "model_type", "prompts", "default_prompt_name"})
"""Prompts of the repository's own are never applied, so they cannot change a vector."""

ADAPTER_CONFIG = "adapter_config.json"
MODULE_CONFIG = re.compile(r"sentence_[\w-]+_config\.json")
ARGUMENTS = ("model_args", "tokenizer_args", "config_args", "model_kwargs", "processor_kwargs", "config_kwargs")

SAFE_ARGUMENTS = frozenset(
    """
    dtype torch_dtype attn_implementation trust_remote_code use_cache add_pooling_layer output_hidden_states is_decoder
    is_causal low_cpu_mem_usage use_safetensors max_position_embeddings hidden_dropout_prob attention_probs_dropout_prob
    rotary_scaling_factor rope_scaling rope_theta rope_parameters rotary_emb_base use_memory_efficient_attention
    unpad_inputs padding padding_side truncation truncation_side model_max_length do_lower_case use_fast add_eos_token
    add_bos_token add_prefix_space pad_token eos_token bos_token unk_token sep_token cls_token mask_token
    clean_up_tokenization_spaces legacy
    """.split()  # noqa: SIM905 - read as a list by people
)
"""What a module's configuration may hand on to transformers; none of it fetches, imports or unpickles."""

SAFE_ATTENTION = frozenset({None, "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"})
ATTENTION_KEYS = ("attn_implementation", "experts_implementation")
LIBRARY_KEYS = frozenset(
    """
    allow_all_kernels use_kernels kernel_config quantization_config backbone use_timm_backbone use_pretrained_backbone
    custom_generate tokenizer_name_or_path gguf_file adapter_kwargs
    """.split()  # noqa: SIM905 - read as a list by people
)
"""Keys that make a library fetch, or import another one; harmless only where they are empty or false."""

VOCABULARIES = frozenset({"tokenizer.json", "vocab.json", "added_tokens.json"})
"""Their keys are words of a language, ``backbone`` among them; no library takes any for a setting."""

OWN_MODULES = "sentence_transformers."
IMPORTED_FROM = {"activation_function": "torch.nn.", "tokenizer_class": OWN_MODULES}
"""Keys whose dotted values sentence-transformers imports, and where from they may be."""


def find_model_files(folder: Path, *, trusted: bool = False) -> dict[str, Path]:
    """Every file that a loader may see, by its path inside the folder, links followed; sorted by path.

    Args:
        folder: The model's.
        trusted: Whether code and pickled weights are among them.
    """
    suffixes = (*READ_SUFFIXES, CODE_SUFFIX, *UNSAFE_SUFFIXES) if trusted else READ_SUFFIXES
    found: dict[str, Path] = {}
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        # A link to a folder above would be walked for ever.
        folders[:] = [] if real in seen else sorted(set(folders) - OTHER_RUNTIMES)
        if real not in seen:
            found |= {
                (Path(place) / name).relative_to(folder).as_posix(): Path(place) / name
                for name in names
                if name.endswith(suffixes) and name not in UNREAD_NAMES and (Path(place) / name).is_file()
            }
        seen.add(real)
    return dict(sorted(found.items()))


def check_weights(folder: Path, name: str, *, trusted: bool = False) -> None:
    """Refuse a folder in which the weights of any module are in no format that is safe to read.

    Raises:
        ModelLoadError: The folder is none, holds no weights, or holds some only in a format that can run code.
    """
    if not folder.is_dir():
        raise ModelLoadError(f"model {name!r}: {folder} is not a folder.")
    found = find_model_files(folder, trusted=trusted)
    safe = {os.path.dirname(path) for path in found if path.endswith(WEIGHTS_SUFFIX)}  # noqa: PTH120 - no path on disk
    for place in ["", *_list_modules(folder)]:
        names = sorted(path.name for path in (folder / place).glob("*") if path.suffix in UNSAFE_SUFFIXES)
        weights = [one for one in names if not one.startswith(("training_args", "optimizer", "scheduler", "rng_state"))]
        if weights and place not in safe and not trusted:
            where = f"{place}/{weights[0]}" if place else weights[0]
            raise ModelLoadError(
                f"model {name!r} brings its weights only as {where}, a format that can run code when it is read; only "
                "safetensors are loaded. Convert the weights, or name a revision that has model.safetensors."
            )
    if not safe and not trusted:
        raise ModelLoadError(f"model {name!r}: {folder} holds no safetensors weights.")


def _list_modules(folder: Path) -> list[str]:
    """The subfolders of a model's modules, those inside routers too."""
    modules = _read_json(folder / "modules.json")
    places = [str(one.get("path", "")) for one in modules if isinstance(one, dict)] if isinstance(modules, list) else []
    routed = []
    for place in places:
        config = _read_json(folder / place / "router_config.json")
        types = config.get("types") if isinstance(config, dict) else None
        routed += [f"{place}/{route}".lstrip("/") for route in types] if isinstance(types, dict) else []
    return [place for place in (*places, *routed) if place]


def compute_weights_digest(folder: Path, cache: Path, *, trusted: bool = False) -> str:
    """sha256 over the names and contents of the files that a loader may see, as 64 hex digits.

    A file's own digest is remembered under its path, size, times of change and inode, so that a large model is read
    once. Of the settings file only what can change a vector or a score counts: prompts are never applied. The base
    that an adapter is laid over counts like a file.
    """
    total = hashlib.sha256()
    for name, path in find_model_files(folder, trusted=trusted).items():
        if name == SETTINGS_NAME:
            settings = _read_settings(path)
            digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest() if settings else ""
        else:
            digest = _digest_file(path, cache)
        if digest:
            total.update(f"{name}\0{digest}\n".encode())
    if trusted and (base := _read_base(folder)) is not None:
        found = _find_base(*base)
        digest = str(base) if found is None else compute_weights_digest(found, cache, trusted=True)
        total.update(f"base of the adapter\0{digest}\n".encode())
    return total.hexdigest()


def _read_base(folder: Path) -> tuple[str, str | None] | None:
    """Name and revision of the model that the folder's own adapter is laid over."""
    config = _read_json(folder / ADAPTER_CONFIG)
    if not isinstance(config, dict) or not isinstance(config.get("base_model_name_or_path"), str):
        return None
    return config["base_model_name_or_path"], config.get("revision")


def _find_base(name: str, revision: str | None) -> Path | None:
    """Its files on this machine; it is fetched only where it is loaded."""
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(name, revision=revision, local_files_only=True, allow_patterns=[f"*{WEIGHTS_SUFFIX}"])
        )
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return None


def _read_settings(path: Path) -> dict[str, Any]:
    content = _read_json(path)
    settings = content if isinstance(content, dict) else {}
    usual = {"similarity_fn_name": ("cosine", None), "truncate_dim": (None,)}
    return {
        key: value
        for key, value in settings.items()
        if key not in UNUSED_SETTINGS and value not in usual.get(key, (None, {}))
    }


def _digest_file(path: Path, cache: Path) -> str:
    seen = list(identify_file(path))
    name = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    memo = cache / "digests" / f"{name}.json"
    remembered = read_memo(memo)
    if remembered.get("file") == seen and isinstance(remembered.get("sha256"), str):
        return str(remembered["sha256"])
    digest = hash_file(path)
    write_memo(memo, {"file": seen, "sha256": digest})
    return digest


def open_view(folder: Path, name: str, *, trusted: bool) -> Path:
    """A new folder of links to the files that a loader may see; the caller removes it.

    Args:
        folder: The model's.
        name: The model's, for the sentence.
        trusted: Whether code of the repository may run.

    Raises:
        UntrustedCodeError: A file asks for code that is not trusted; names the file and the flag that trusts it.
    """
    files = find_model_files(folder, trusted=trusted)
    if not trusted:
        for inside, path in files.items():
            if (asked := find_foreign_code(inside, path, folder)) is not None:
                raise UntrustedCodeError(
                    f"model {name!r} asks for code that is not run unless you trust it: {inside} has {asked}; read the "
                    f"code and add --trust-remote-code {name}."
                )
    view = Path(tempfile.mkdtemp(prefix="prefixbench-model-"))
    for inside, path in files.items():
        link = view / inside
        link.parent.mkdir(parents=True, exist_ok=True)
        content = None if trusted or path.suffix != ".json" else _strip_code(path)
        if content is None:
            link.symlink_to(path.resolve())
        else:
            link.write_text(json.dumps(content), encoding="utf-8")
    return view


def find_foreign_code(inside: str, path: Path, folder: Path) -> str | None:
    """What a configuration asks for that would make a library fetch, import or unpickle: key and value, or nothing."""
    place, _, name = inside.rpartition("/")
    if name in VOCABULARIES:
        return None
    content = _read_json(path) if path.suffix == ".json" else None
    if name == ADAPTER_CONFIG and place in {"", *_list_modules(folder)}:
        base = content.get("base_model_name_or_path") if isinstance(content, dict) else None
        return f"base_model_name_or_path = {base!r}"
    if name == "config.json" and isinstance(content, dict) and _needs_own_architecture(content):
        return f"auto_map and model_type = {content.get('model_type')!r}"
    if MODULE_CONFIG.fullmatch(name) and isinstance(content, dict):
        handed_on = ((key, content.get(key)) for key in ARGUMENTS)
        for key, arguments in handed_on:
            unknown = sorted(set(arguments) - SAFE_ARGUMENTS) if isinstance(arguments, dict) else []
            if unknown and isinstance(arguments, dict):
                return f"{key}.{unknown[0]} = {arguments[unknown[0]]!r}"
    names_modules = name in ("modules.json", "router_config.json")
    names_modules |= isinstance(content, dict) and {"types", "structure"} <= set(content)
    return next(_find_asked(content, in_modules=names_modules), None)


def _find_asked(content: object, *, in_modules: bool) -> Iterator[str]:
    """Every key and value below that would make a library fetch, import or unpickle."""
    if isinstance(content, dict):
        for key, value in content.items():
            if not _is_harmless(key, value, in_modules=in_modules):
                yield f"{key} = {value!r}"
    children = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for child in children:
        yield from _find_asked(child, in_modules=in_modules)


def _is_harmless(key: str, value: object, *, in_modules: bool) -> bool:
    values = list(value.values()) if isinstance(value, dict) else [value]
    if key.endswith(ATTENTION_KEYS):
        return all(one is None or (isinstance(one, str) and one in SAFE_ATTENTION) for one in values)
    if key in LIBRARY_KEYS:
        return not value
    if in_modules and key in ("type", "types"):
        return all(str(one).startswith(OWN_MODULES) for one in values)
    if key in IMPORTED_FROM:
        return "." not in str(value) or str(value).startswith(IMPORTED_FROM[key])
    return True


def _strip_code(path: Path) -> object | None:
    """The content without its pointers to code, where it has any: a known architecture is built without them."""
    content = _read_json(path)
    if not isinstance(content, dict) or not {"auto_map", "custom_pipelines"} & set(content):
        return None
    return {key: value for key, value in content.items() if key not in ("auto_map", "custom_pipelines")}


def _needs_own_architecture(config: dict[str, Any]) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return "auto_map" in config and config.get("model_type") not in CONFIG_MAPPING


def _read_json(path: Path) -> object:
    try:
        # A pipe would never end.
        value: object = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError):
        return None
    return value
