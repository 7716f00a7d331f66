"""Which model a name means: three spellings of one folder are one model, and one model has one setting a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefixbench.errors import SpecError

_PATH_BEGINNINGS = ("/", "./", "../", "~/", ".\\", "..\\")


def gather_models(models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every model once, a folder by one spelling of its path.

    Raises:
        SpecError: A path that is no folder, or one model under two settings, which no table could tell apart.
    """
    gathered: dict[object, tuple[int, dict[str, Any]]] = {}
    faults = []
    for index, model in enumerate(models):
        place, given = f"sweep.models[{index}]", model.get("name")
        is_called = model.get("endpoint") is not None or model.get("backend") is not None
        name = _spell(given) if isinstance(given, str) and not is_called else given
        if name is None:
            faults.append(f"{place}.name: {given!r} is no folder.")
            continue
        one = {**model, "name": name} if "name" in model else dict(model)
        first, known = gathered.setdefault(name if isinstance(name, str) else index, (index, one))
        if known != one:
            fields = ", ".join(sorted(key for key in {*known, *one} if known.get(key) != one.get(key)))
            faults.append(
                f"{place}: {name!r} is already models[{first}], with another {fields}; their results could not be told "
                "apart, so give each a sweep of its own."
            )
    if faults:
        raise SpecError(faults)
    return [one for _, one in gathered.values()]


def _spell(name: str) -> str | None:
    """A folder's path from here, or from the root where it lies elsewhere; any other name as it is.

    Returns:
        ``None`` for a path where there is no folder.
    """
    is_path = name.startswith(_PATH_BEGINNINGS) or name in {".", "..", "~"}
    if "\0" in name:
        return name  # no path; the name's own check says so
    try:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            return None if is_path else name
    except (OSError, RuntimeError):
        return None if is_path else name
    whole, here = folder.resolve(), Path.cwd().resolve()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) and whole != here else str(whole)
