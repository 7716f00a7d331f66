"""Sweep files and command-line flags to a SweepSpec; every fault is collected and named by its place."""

from __future__ import annotations

import importlib.machinery
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from prefixbench.errors import SpecError, UnknownNameError, describe_unknown_name
from prefixbench.faults import list_faults, show_value
from prefixbench.spec.conditions import BASELINE, Condition
from prefixbench.spec.data import tasks_folder
from prefixbench.spec.margins import merge_effects
from prefixbench.spec.model_names import gather_models
from prefixbench.spec.sweep import SweepSpec

_LISTS = {
    "models": (str | dict, 'a list of names or tables, as in ["org/name"]'),
    "tasks": (str | dict, 'a list of names or tables, as in ["STSBenchmark"]'),
    "data": (dict, 'a list of tables, as in [[data]] path = "docs.jsonl"'),
    "conditions": (str, 'a list of conditions, as in ["none", "correct"]'),
}
_QUOTED = r'(?:query|document)="(?:[^"\\]|\\.)*"'
_UNQUOTED = re.compile(r"([A-Za-z0-9_.-]+):(query|document)=(?!\")(.*?)(?:,(query|document)=(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Overrides:
    """Flags, each ``None`` where not given; they win over the file.

    Attributes:
        models: Names, which replace the file's models.
        tasks: ``TASK``, ``TASK:subset`` or a benchmark, which replace the file's tasks.
        data: Tables of DataSpec's fields, which replace the file's.
        cards: A folder of the user's own prefix cards, which replaces the file's.
        conditions: Conditions, which replace the file's.
        prefixes: ``NAME:query="…",document="…"``, each also run as ``custom:NAME``.
        trusted: Models whose own code may run.
        trusted_tasks: Modules named by a sweep file that may be imported.
        endpoint: Fields of every model named in ``models`` or the file (``endpoint``, ``backend``, ``like``).
        encoder: Fields of EncoderSettings.
        smallest_effect: Points, or points by metric; metrics it does not name stay as the file has them.
        limit: Items kept a task.
        seed: The run's seed.
    """

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    data: tuple[Mapping[str, Any], ...] | None = None
    cards: str | None = None
    conditions: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    trusted_tasks: tuple[str, ...] = ()
    endpoint: Mapping[str, str] | None = None
    encoder: Mapping[str, Any] | None = None
    smallest_effect: Mapping[str, float] | float | None = None
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
        content = {"name": re.sub(r"[^A-Za-z0-9._-]+", "-", source.stem).lstrip(".") or "sweep", **_read_toml(source)}
    try:
        return _validate(_apply(content, overrides))
    except SpecError as error:
        raise SpecError([f"{source}: {fault}" if source else fault for fault in error.faults]) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{path}: not valid TOML: {error}.") from None


def _apply(content: dict[str, Any], overrides: Overrides) -> dict[str, Any]:
    """The file's tables with the flags on top, lists of names as lists of tables."""
    merged = dict(content)
    for field in _LISTS:
        if (given := getattr(overrides, field)) is not None:
            merged[field] = list(given)
    merged |= {field: value for field in ("cards", "limit", "seed") if (value := getattr(overrides, field)) is not None}
    _check_shapes(merged)
    models: list[dict[str, Any]] = [
        {"name": one} if isinstance(one, str) else dict(one) for one in merged.get("models", [])
    ]
    for model in models:
        trusted = {"trust_remote_code": True} if model.get("name") in overrides.trusted else {}
        model |= {**trusted, **(overrides.endpoint or {})}
    merged["models"] = gather_models(models)
    own_modules = overrides.trusted_tasks if overrides.tasks is None else None
    merged["tasks"] = _gather_tasks(merged.get("tasks", []), own_modules)
    custom, own = dict(merged.get("custom", {})), _gather_prefixes(overrides.prefixes)
    merged["custom"] = custom | own
    merged["conditions"] = [*merged.get("conditions", []), *(f"custom:{name}" for name in own)]
    merged["encoder"] = {**merged.get("encoder", {}), **(overrides.encoder or {})}
    if overrides.smallest_effect is not None:
        merged["smallest_effect"] = merge_effects(merged.get("smallest_effect", {}), overrides.smallest_effect)
    return merged


def _check_shapes(content: Mapping[str, Any]) -> None:
    """Whether every list is a list and every table a table, before anything is looked up in one.

    Raises:
        SpecError: One is not.
    """
    faults = []
    for field, (kinds, form) in _LISTS.items():
        value = content.get(field, [])
        if not isinstance(value, list):
            faults.append(f"sweep.{field}: must be {form} (given: {show_value(value)}).")
            continue
        faults += [
            f"sweep.{field}[{index}]: must be an entry of {form} (given: {show_value(one)})."
            for index, one in enumerate(value)
            if not isinstance(one, kinds)
        ]
    faults += [
        f"sweep.{field}: must be a table (given: {show_value(content[field])})."
        for field in ("custom", "encoder")
        if not isinstance(content.get(field, {}), dict)
    ]
    if faults:
        raise SpecError(faults)


def _gather_tasks(tasks: Sequence[Any], trusted: Sequence[str] | None) -> list[Any]:
    """Turn ``TASK:subset`` into a table, and the same task named twice into one: all of it where it is named whole.

    Args:
        tasks: As written.
        trusted: Modules that may be imported; any where ``None``, since flags are the user's own word.
    """
    gathered: list[Any] = []
    subsets: dict[str, list[str]] = {}
    whole: set[str] = set()
    faults = []
    for task in tasks:
        if not isinstance(task, str):
            gathered.append(task)
            continue
        name, subset = _split_task(task)
        if name not in subsets:
            subsets[name] = []
            gathered.append({"name": name, "subsets": subsets[name]})
        if not subset:
            whole.add(name)
        elif subset not in subsets[name]:
            subsets[name].append(subset)
    for name in whole:
        subsets[name].clear()
    for index, task in enumerate(gathered):
        module = find_module(task.get("name")) if trusted is not None else None
        if module is not None and module not in (trusted or ()):
            faults.append(
                f"sweep.tasks[{index}].name: {task['name']!r} is code that runs when the module {module} is imported; "
                f"allow it with --trust-tasks {module}."
            )
    if faults:
        raise SpecError(faults)
    return gathered


def _split_task(text: str) -> tuple[str, str]:
    """A task's name and subset; ``package.module:Class`` is one name, written with dots."""
    name, _, rest = text.partition(":")
    second, _, subset = rest.partition(":")
    is_class = name.rpartition(".")[2][:1].isupper()  # package.module.Class:subset
    if second.isidentifier() and not is_class and find_module(f"{name}.{second}") == name:
        return f"{name}.{second}", subset
    return name, rest


def find_module(name: object) -> str | None:
    """The module of ``package.module.Class``, where there is a package of that name; nothing is imported."""
    module, dot, _ = str(name).rpartition(".")
    parts = module.split(".")
    if not dot or not all(part.isidentifier() for part in parts):
        return None
    found = importlib.machinery.PathFinder.find_spec(parts[0], [*sys.path, str(Path.cwd())])
    return module if found is not None else None


def _gather_prefixes(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    gathered: dict[str, dict[str, str]] = {}
    for text in texts:
        name, sides = parse_custom_prefix(text)
        if name in gathered:
            raise SpecError(f"--prefix {text!r}: there is already one called {name!r}; give each a name of its own.")
        gathered[name] = sides
    return gathered


def parse_custom_prefix(text: str) -> tuple[str, dict[str, str]]:
    r"""Read ``NAME:query="…",document="…"``; ``\n`` and ``\t`` are understood inside the quotes.

    Raises:
        SpecError: The text is not of that form.
    """
    whole = re.fullmatch(rf"([A-Za-z0-9_.-]+):({_QUOTED}(?:,{_QUOTED})?)", text, re.DOTALL)
    pairs = re.findall(r'(query|document)="((?:[^"\\]|\\.)*)"', whole[2], re.DOTALL) if whole else []
    if whole is None or len({key for key, _ in pairs}) != len(pairs):
        expected = f'--prefix {text!r}: expected NAME:query="…",document="…"'
        bare = _UNQUOTED.fullmatch(text)
        if bare is None:
            raise SpecError(f"{expected}.")
        sides = [(bare[2], bare[3]), *([(bare[4], bare[5])] if bare[4] else [])]
        meant = ",".join(f'{side}="{prefix}"' for side, prefix in sides)
        raise SpecError(
            f"{expected}; the shell takes quotation marks away unless the whole stands in single ones: "
            f"--prefix '{bare[1]}:{meant}'"
        )
    unescape = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
    return whole[1], {key: re.sub(r"\\.", lambda m: unescape.get(m[0], m[0]), value) for key, value in pairs}


def _validate(content: dict[str, Any]) -> SweepSpec:
    faults = [] if content["models"] else ["sweep.models: give at least one with --models."]
    if not content["tasks"] and not content.get("data"):
        faults.append("sweep.tasks: give at least one with --tasks, or data of your own with --data.")
    conditions, condition_faults = _parse_conditions(content)
    faults += condition_faults
    try:
        spec = SweepSpec.model_validate({**content, "conditions": tuple(dict.fromkeys(conditions))})
    except ValidationError as error:
        faults += [
            fault.write("sweep")
            for fault in list_faults(error, SweepSpec)
            if content["models"] or fault.place != ("models",)
        ]
        spec = None
    if faults or spec is None:
        raise SpecError(faults)
    return spec


def _parse_conditions(content: Mapping[str, Any]) -> tuple[list[Condition], list[str]]:
    """The conditions, ``none`` always among them, and what is wrong with them."""
    custom = content["custom"]
    conditions: list[Condition] = []
    faults: list[str] = []
    for index, text in enumerate(content["conditions"] or ["none", "correct"]):
        place = f"sweep.conditions[{index}]"
        try:
            condition = Condition.parse(text, place)
        except SpecError as error:
            faults.extend(error.faults)
            continue
        conditions.append(condition)
        if condition.kind == "custom" and condition.argument not in custom:
            if custom:
                faults.append(describe_unknown_name("custom prefix", str(condition.argument), custom, place))
            else:
                faults.append(f"{place}: no custom prefix {condition.argument!r}; add --prefix {condition.argument}:…")
    if BASELINE not in conditions:
        conditions.insert(0, BASELINE)
    return conditions, faults
