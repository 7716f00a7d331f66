"""What this machine can run, and why not."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prefixbench.errors import ModelLoadError
from prefixbench.plain import strip_credentials

HUB_SECONDS = 3.0
PACKAGES = ("torch", "sentence-transformers", "transformers", "mteb", "openvino", "onnxruntime", "peft")
BYTES_PER_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        topic: What was looked at.
        usable: Whether a sweep can count on it.
        detail: What was found, or why not.
    """

    topic: str
    usable: bool
    detail: str


def examine_machine(cache: Path | None = None) -> tuple[Finding, ...]:
    """Look at packages, devices, engines, the hub, the embedded models, the disk and the cache.

    Args:
        cache: The cache folder; the default one where absent.
    """
    from prefixbench.files import default_cache_folder

    folder = (cache or default_cache_folder()).expanduser()
    packages = tuple(
        Finding(name, (found := _find_version(name)) is not None, found or "not installed") for name in PACKAGES
    )
    return (*packages, *_find_devices(), *_find_engines(), _find_hub(), *_find_embedded_models(), _find_cache(folder))


def describe_machine(findings: tuple[Finding, ...]) -> list[dict[str, str | bool]]:
    """The findings as JSON."""
    return [asdict(finding) for finding in findings]


def render_machine(findings: tuple[Finding, ...]) -> str:
    """The findings as lines of text."""
    width = max(len(finding.topic) for finding in findings)
    return "".join(
        f"{'yes' if finding.usable else 'no ':3}  {finding.topic:<{width}}  {finding.detail}\n" for finding in findings
    )


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _find_devices() -> tuple[Finding, ...]:
    import torch

    n_threads = torch.get_num_threads()
    name = platform.processor() or platform.machine()
    findings = [Finding("device cpu", True, f"{name}, {os.cpu_count()} cores, {n_threads} torch threads")]
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        findings.append(Finding("device cuda", True, names))
    else:
        built = "torch was built without CUDA" if torch.version.cuda is None else "no CUDA device is visible"
        findings.append(Finding("device cuda", False, built))
    mps = torch.backends.mps.is_available()
    findings.append(Finding("device mps", mps, "Apple GPU" if mps else "no Apple GPU"))
    return tuple(findings)


def _find_engines() -> tuple[Finding, ...]:
    from prefixbench.encode.engines import find_engines

    return tuple(
        Finding(f"engine {engine.value}", not reason, reason or "ready; used where it agrees with plain torch")
        for engine, reason in find_engines().items()
    )


def _find_hub() -> Finding:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return Finding("hub", False, "switched off by HF_HUB_OFFLINE; only models and data already here can be used")
    endpoint = strip_credentials(constants.ENDPOINT)
    reason = _ask_hub(endpoint)
    return Finding("hub", not reason, reason or f"{endpoint} answers")


def _ask_hub(endpoint: str) -> str:
    """Why the hub cannot be reached, or nothing; any answer to a connection counts."""
    import socket
    from urllib.parse import urlsplit

    address = urlsplit(endpoint)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=HUB_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        return f"{endpoint} cannot be reached ({reason}); embedded tasks and models still run"
    return ""


def _find_embedded_models() -> tuple[Finding, ...]:
    from prefixbench.starter import embedded_models, locate_model
    from prefixbench.starter.four_bit import FourBitModel

    findings = []
    for name, model in embedded_models().items():
        if isinstance(model, FourBitModel) and model.find() is None:
            continue  # an extra that nobody asked for is no fault
        try:
            findings.append(Finding(f"model {name}", True, str(locate_model(name))))
        except ModelLoadError as error:
            findings.append(Finding(f"model {name}", False, str(error)))
    return tuple(findings)


def _find_cache(folder: Path) -> Finding:
    parent = folder
    while not parent.exists():
        parent = parent.parent
    free = shutil.disk_usage(parent).free / BYTES_PER_GIB
    if not os.access(parent, os.W_OK):
        return Finding("cache", False, f"{folder} cannot be written to")
    return Finding("cache", True, f"{folder}, {free:.1f} GiB free")
