"""Where and with what a cell was computed."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prefixbench.results.records import Provenance

PACKAGES = (
    "prefixbench",
    "mteb",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "torch",
    "openvino",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "datasets",
    "pytrec_eval-terrier",
)


def collect_provenance(device: str, warnings: tuple[str, ...] = ()) -> Provenance:
    """Provenance of a cell finished now.

    Args:
        device: What computed the vectors.
        warnings: Deviations worth a reader's notice.
    """
    commit, dirty = _git_state()
    return Provenance(
        git_commit=commit,
        git_dirty=dirty,
        packages=_package_versions(),
        platform=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        device=device,
        cpu=_cpu_name(),
        utc=datetime.now(UTC).isoformat(timespec="seconds"),
        warnings=warnings,
    )


@functools.cache
def _package_versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def _git_state() -> tuple[str | None, bool | None]:
    """Commit and dirtiness of the checkout the code runs from; ``(None, None)`` for an installed wheel.

    Results and reports that the run itself writes do not make it dirty.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None, None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changed)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        ["git", *arguments],  # noqa: S607 - whichever git the user has
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
        timeout=10,
    )
    return done.stdout.strip()


@functools.cache
def _cpu_name() -> str:
    cores = f"{os.cpu_count()} cores"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.processor() or platform.machine()}, {cores}"
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{name}, {cores}"
