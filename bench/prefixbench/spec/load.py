"""Sweep files and command-line flags to a SweepSpec; every fault is collected and named by its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from prefixbench.errors import SpecError, UnknownNameError, describe_unknown_name
from prefixbench.spec.conditions import BASELINE, Condition
from prefixbench.spec.data import tasks_folder
from prefixbench.spec.sweep import CustomPrefix, DataSpec, EncoderSettings, ModelSpec, SweepSpec, TaskSpec

_TABLES: dict[str, type[BaseModel]] = {
    "models": ModelSpec,
    "tasks": TaskSpec,
    "data": DataSpec,
    "encoder": EncoderSettings,
    "custom": CustomPrefix,
}


@dataclass(frozen=True)
class Overrides:
    """Flags, each ``None`` where not given; they win over the file.

    Attributes:
        models: Names, which replace the file's models.
        tasks: ``TASK``, ``TASK:subset`` or a benchmark, which replace the file's tasks.
        data: Tables of DataSpec's fields, which replace the file's.
        conditions: Conditions, which replace the file's.
        prefixes: ``NAME:query="…",document="…"``, each also run as ``custom:NAME``.
        trusted: Models whose own code may run.
        endpoint: Fields of every model named in ``models`` or the file (``endpoint``, ``backend``, ``like``).
        encoder: Fields of EncoderSettings.
        limit: Items kept a task.
        seed: The run's seed.
    """

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    data: tuple[Mapping[str, Any], ...] | None = None
    conditions: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    endpoint: Mapping[str, str] | None = None
    encoder: Mapping[str, Any] | None = None
    limit: int | None = None
    seed: int | None = None


def split_names(text: str) -> tuple[str, ...]:
    """Split ``A,B`` at commas outside parentheses, so that ``MTEB(eng, v2)`` stays whole."""
    return tuple(part.strip() for part in re.split(r",(?![^()]*\))", text) if part.strip())


def list_presets() -> dict[str, Path]:
    """Every sweep file that comes with the project, by name."""
    return {path.stem: path for path in sorted((tasks_folder() / "sweeps").glob("*.toml"))}


def load_sweep(source: Path | None, preset: str | None, overrides: Overrides) -> SweepSpec:
    """Build the sweep from a file or preset (neither is needed) and flags.

    Raises:
        SpecError: Anything that cannot be run; all faults at once, each with its place.
    """
    content: dict[str, Any] = {"name": "sweep"}
    if source is not None and preset is not None:
        raise SpecError("give either a sweep file or --preset, not both.")
    if preset is not None:
        presets = list_presets()
        if preset not in presets:
            raise UnknownNameError("preset", preset, presets)
        source = presets[preset]
    if source is not None:
        content = {"name": source.stem, **_read_toml(source)}
    return _validate(_apply(content, overrides), source)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: not valid TOML: {error}.") from None


def _apply(content: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    merged = dict(content)
    for field in ("models", "tasks", "data", "conditions"):
        if (given := getattr(overrides, field)) is not None:
            merged[field] = list(given)
    merged["models"] = [{"name": m} if isinstance(m, str) else m for m in _as_list(merged.get("models"))]
    merged["tasks"] = _merge_tasks(_as_list(merged.get("tasks")))
    for model in (model for model in merged["models"] if isinstance(model, dict)):
        if model.get("name") in overrides.trusted:
            model["trust_remote_code"] = True
        model.update(overrides.endpoint or {})
    custom = dict(merged.get("custom", {}))
    for text in overrides.prefixes:
        name, prefix = parse_custom_prefix(text)
        custom[name] = prefix
        merged["conditions"] = [*_as_list(merged.get("conditions")), f"custom:{name}"]
    if custom:
        merged["custom"] = custom
    if overrides.encoder:
        merged["encoder"] = {**merged.get("encoder", {}), **overrides.encoder}
    for field in ("limit", "seed"):
        if (value := getattr(overrides, field)) is not None:
            merged[field] = value
    return merged


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _merge_tasks(tasks: Sequence[Any]) -> list[Any]:
    """Turn ``TASK:subset`` into a table, and the same task named twice into one with both subsets."""
    merged: list[Any] = []
    subsets_by_name: dict[str, list[str]] = {}
    for task in tasks:
        if not isinstance(task, str):
            merged.append(task)
            continue
        name, _, subset = task.partition(":")
        if name not in subsets_by_name:
            subsets_by_name[name] = []
            merged.append({"name": name, "subsets": subsets_by_name[name]})
        if subset and subset not in subsets_by_name[name]:
            subsets_by_name[name].append(subset)
    return merged


def parse_custom_prefix(text: str) -> tuple[str, dict[str, str]]:
    r"""Read ``NAME:query="…",document="…"``; ``\n`` and ``\t`` are understood inside the quotes.

    Raises:
        SpecError: The text is not of that form.
    """
    quoted = r'(?:query|document)="(?:[^"\\]|\\.)*"'
    whole = re.fullmatch(rf"([A-Za-z0-9_.-]+):({quoted}(?:,{quoted})?)", text, re.DOTALL)
    if whole is None:
        raise SpecError(f'--prefix {text!r}: expected NAME:query="…",document="…".')
    pairs = re.findall(r'(query|document)="((?:[^"\\]|\\.)*)"', whole[2], re.DOTALL)
    unescape = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
    return whole[1], {key: re.sub(r"\\.", lambda m: unescape.get(m[0], m[0]), value) for key, value in pairs}


def _validate(content: dict[str, Any], source: Path | None) -> SweepSpec:
    faults = [] if content["models"] else ["sweep.models: give at least one with --models."]
    if not content["tasks"] and not content.get("data"):
        faults.append("sweep.tasks: give at least one with --tasks, or data of your own with --data.")
    conditions, condition_faults = _parse_conditions(content)
    faults += condition_faults
    try:
        spec = SweepSpec.model_validate({**content, "conditions": tuple(dict.fromkeys(conditions))})
    except ValidationError as error:
        faults.extend(_describe(fault) for fault in error.errors() if not _told_already(fault, content))
        spec = None
    if faults or spec is None:
        raise SpecError([f"{source}: {fault}" if source else fault for fault in faults])
    return spec


def _parse_conditions(content: Mapping[str, Any]) -> tuple[list[Any], list[str]]:
    """The conditions, ``none`` always among them, and what is wrong with them."""
    custom = content.get("custom", {})
    conditions: list[Any] = []
    faults: list[str] = []
    for index, text in enumerate(_as_list(content.get("conditions")) or ["none", "correct"]):
        place = f"sweep.conditions[{index}]"
        try:
            condition = Condition.parse(text, place) if isinstance(text, str) else text
        except SpecError as error:
            faults.extend(error.faults)
            continue
        conditions.append(condition)
        if isinstance(condition, Condition) and condition.kind == "custom" and condition.argument not in custom:
            if custom:
                faults.append(describe_unknown_name("custom prefix", str(condition.argument), custom, place))
            else:
                faults.append(f"{place}: no custom prefix {condition.argument!r}; add --prefix {condition.argument}:…")
    if BASELINE not in conditions:
        conditions.insert(0, BASELINE)
    return conditions, faults


def _told_already(fault: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    field = fault["loc"][0]
    return field == "conditions" or (field in {"models", "tasks"} and not content[field])


def _describe(fault: Mapping[str, Any]) -> str:
    """One pydantic fault as ``sweep.models[1].dtype: …``."""
    place = "sweep"
    for part in fault["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    if fault["type"] == "extra_forbidden":
        table = _TABLES.get(str(fault["loc"][0]), SweepSpec) if len(fault["loc"]) > 1 else SweepSpec
        parent, _, name = place.rpartition(".")
        return describe_unknown_name("field", name, table.model_fields, parent)
    message = fault["msg"].replace("Input should be", "must be")
    given = fault.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{place}: {message}{shown}."
