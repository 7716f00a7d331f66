"""mteb's own result files, in the layout that ``mteb.ResultCache`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from prefixbench.files import write_bytes


def write_task_result(folder: Path, relative_path: str, result: dict[str, Any]) -> None:
    """Publish one cell's result; subsets and splits of a task share a file, each entry replacing its former self."""
    path = folder / relative_path
    if path.exists():
        known = json.loads(path.read_bytes())
        if known.get("dataset_revision") == result.get("dataset_revision"):
            result = {**result, "scores": _merge_scores(known["scores"], result["scores"])}
    write_bytes(path, json.dumps(result, indent=2, allow_nan=False).encode() + b"\n")


def write_model_meta(folder: Path, relative_path: str, meta: dict[str, Any]) -> None:
    """Publish the model's description beside a result; ``mteb.ResultCache`` reads no experiment that has none."""
    path = (folder / relative_path).parent / "model_meta.json"
    if not path.exists():
        write_bytes(path, json.dumps(meta, default=str, indent=1).encode() + b"\n")


def _merge_scores(
    known: dict[str, list[dict[str, Any]]], new: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    merged = dict(known)
    for split, entries in new.items():
        replaced = {entry["hf_subset"] for entry in entries}
        merged[split] = [entry for entry in known.get(split, []) if entry["hf_subset"] not in replaced] + entries
    return merged
