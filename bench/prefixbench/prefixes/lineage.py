"""Which model another was made from, as mteb's registry and its own files say: only ever a suggestion."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefixbench.prefixes.registry_asker import registered_models
from prefixbench.prefixes.repository_layer import candidate_folders

FURTHEST = 5
"""Steps back that are followed: a quantised copy of a fine-tune of a fine-tune is three."""

_FIELDS = {"adapter_config.json": "base_model_name_or_path", "config.json": "_name_or_path"}
"""JSON files of a repository, and the field that names what it was made from."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A model that another was made from.

    Attributes:
        name: Its name.
        said_by: Where that stands.
    """

    name: str
    said_by: str


def list_ancestors(model: str, folders: Mapping[str, Path]) -> tuple[Ancestor, ...]:
    """Every model this one was made from, the nearest first; nothing is downloaded.

    Args:
        model: A hub name or a folder.
        folders: Folders of models whose files are at hand, by name; the hub's cache is looked at besides.
    """
    found: dict[str, Ancestor] = {}
    generation = [model]
    for _ in range(FURTHEST):
        parents = [one for name in generation for one in _list_parents(name, folders) if one.name not in found]
        found |= {one.name: one for one in parents if one.name != model}
        generation = [one.name for one in parents]
    return tuple(found.values())


def _list_parents(model: str, folders: Mapping[str, Path]) -> Iterator[Ancestor]:
    registered = registered_models().get(model)
    if registered is not None and registered.adapted_from:
        yield Ancestor(registered.adapted_from, "mteb's registry")
    for folder in candidate_folders(model, folders):
        yield from (Ancestor(name, "its README.md") for name in _read_front_matter(folder / "README.md"))
        for file, field in _FIELDS.items():
            if isinstance(name := _read_json(folder / file).get(field), str) and name:
                yield Ancestor(name, f"its {file}")
        return


def _read_front_matter(path: Path) -> list[str]:
    """Names under ``base_model`` of a model card; none where it cannot be read."""
    from huggingface_hub import metadata_load  # a moment, for the few models that nothing documents

    try:
        front = metadata_load(path) if path.is_file() else None
    except Exception as error:  # noqa: BLE001 - whatever a YAML of others' may raise; a suggestion is not worth an error
        logging.getLogger(__name__).debug("%s: front matter cannot be read: %s", path, error)
        front = None
    named = (front or {}).get("base_model")
    return [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str) and name]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
