"""mteb's own result files in a results folder, in the layout that ``mteb.ResultCache`` reads."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from prefixbench.results.guard import locate_inside, read_inside, write_inside

MTEB = "mteb"
"""The folder of them below a results folder."""


def write_task_result(folder: Path, relative_path: str, result: dict[str, Any]) -> None:
    """Publish one cell's result; subsets and splits of a task share a file, each entry replacing its former self.

    Raises:
        ResultsError: The path leads out of the folder or through a link, or cannot be written.
    """
    name = f"{MTEB}/{relative_path}"
    known = _read_scores(read_inside(folder, name), result.get("dataset_revision"))
    result = {**result, "scores": _merge_scores(known, result["scores"])}
    write_inside(folder, name, json.dumps(result, indent=2, allow_nan=False).encode() + b"\n")


def write_model_meta(folder: Path, relative_path: str, meta: dict[str, Any]) -> None:
    """Publish the model's description beside a result; ``mteb.ResultCache`` reads no experiment that has none."""
    name = str(PurePosixPath(MTEB, relative_path).parent / "model_meta.json")
    if not locate_inside(folder, name).exists():
        write_inside(folder, name, json.dumps(_in_order(meta), default=str, indent=1).encode() + b"\n")


def _in_order(value: Any) -> Any:  # noqa: ANN401 - any JSON value, and sets
    """Return the same with sets as sorted lists, so that one model is described alike in every run."""
    if isinstance(value, dict):
        return {key: _in_order(part) for key, part in sorted(value.items())}
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return [_in_order(part) for part in value] if isinstance(value, list | tuple) else value


def _read_scores(content: bytes | None, dataset_revision: object) -> dict[str, list[dict[str, Any]]]:
    """Return the scores of the same data that a file holds; none of a damaged one, which is written anew."""
    try:
        known = json.loads(content or b"{}")
        if known.get("dataset_revision") != dataset_revision:
            return {}
        return {
            split: [dict(entry, hf_subset=entry["hf_subset"]) for entry in own]
            for split, own in known["scores"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _merge_scores(
    known: dict[str, list[dict[str, Any]]], new: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    merged = dict(known)
    for split, entries in new.items():
        replaced = {entry["hf_subset"] for entry in entries}
        merged[split] = [entry for entry in known.get(split, []) if entry["hf_subset"] not in replaced] + entries
    return merged
