"""Where what may be deleted is kept: converted models, calibrations, digests, vectors."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def default_cache_folder() -> Path:
    """The folder named by ``PREFIXBENCH_CACHE``, else ``prefixbench`` in the user's cache folder."""
    named = os.environ.get("PREFIXBENCH_CACHE")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "prefixbench"


def read_memo(path: Path) -> dict[str, Any]:
    """A remembered JSON object; empty where there is none or it cannot be read, since it can be found anew."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_memo(path: Path, value: dict[str, Any]) -> None:
    """Remember a JSON object, whole or not at all; a folder that cannot be written to only costs time later."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
            json.dump(value, draft, sort_keys=True, allow_nan=False)
        Path(draft.name).replace(path)
    except OSError:
        return
