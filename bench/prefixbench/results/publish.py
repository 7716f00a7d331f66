"""Making a results folder fit to be passed on: without data sets' texts, and without whose machine it came from."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from prefixbench.errors import ResultsError
from prefixbench.plain import strip_credentials, strip_paths
from prefixbench.results.guard import hold_folder, locate_inside, read_inside, remove_leftovers, write_inside
from prefixbench.results.ledger import LEDGER, Row, encode_row, read_rows
from prefixbench.results.records import CellFailure, CellResult
from prefixbench.results.run import Manifest, load_run, write_manifest
from prefixbench.results.texts import TEXTS

DERIVED = ("report.html", "export")
"""Made from the rest, and may quote texts; they are written again from what is left."""

QUOTES_NO_TEXT = frozenset(
    {
        "HubUnreachableError",
        "InertError",
        "InexpressibleError",
        "ModelLoadError",
        "PrefixNotFoundError",
        "UntrustedCodeError",
    }
)
"""Failures that come about before any text is read; the reason of any other may quote one."""

VERBATIM = frozenset({"prefix", "query", "document", "conditions", "question", "paraphrase", "answer"})
"""Fields that hold what was sent, character by character."""

_ROW: TypeAdapter[Row] = TypeAdapter(Row)


def publish_folder(folder: Path) -> int:
    """Take out item texts, samples of texts as sent, reasons that may quote one, and absolute paths.

    Scores, prefixes, counts and digests stay. A model named by its folder's path is from now on named by the last part
    of it. The report and exports are removed, since they may hold any of these; they are made from what is left.

    Args:
        folder: A results folder; each file is replaced as a whole, so a crash leaves the old one or the new.

    Returns:
        Cells whose samples or reasons were dropped.

    Raises:
        ResultsError: The folder is none of ours, or a sweep is writing there.
    """
    run = load_run(folder)
    names = _rename_models({model.name for model in run.spec.models} | {row.model for row in run.rows})
    with hold_folder(folder):
        rows = read_rows(folder)
        kept = [_without_texts(row) for row in rows]
        encoded = [_ROW.validate_python(_anonymise(row.model_dump(mode="json"), names)) for row in kept]
        write_inside(folder, LEDGER, b"".join(map(encode_row, encoded)))
        write_manifest(folder, Manifest.model_validate(_anonymise(run.manifest.model_dump(mode="json"), names)))
        _anonymise_mteb(folder, names)
        locate_inside(folder, TEXTS).unlink(missing_ok=True)
        for name in DERIVED:
            path = locate_inside(folder, name)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        remove_leftovers(folder)
    return sum(before != after for before, after in zip(rows, kept, strict=True))


def _without_texts(row: Row) -> Row:
    if isinstance(row, CellResult):
        return row.model_copy(update={"audit": tuple(replace(one, samples=()) for one in row.audit)})
    if isinstance(row, CellFailure) and row.error not in QUOTES_NO_TEXT:
        return row.model_copy(update={"reason": f"{row.error}; its words were left out, as they may quote a text."})
    return row


def _rename_models(names: Iterable[str]) -> dict[str, str]:
    """Return a name without folders for each model named by an absolute path; no two models share one."""
    taken = {name for name in names if not _is_path(name)}
    renamed: dict[str, str] = {}
    for name in sorted(filter(_is_path, names)):
        last = Path(name).name or "model"
        number, new = 1, last
        while new in taken:
            number += 1
            new = f"{last}-{number}"
        taken.add(new)
        renamed[name] = new
    return renamed


def _is_path(name: str) -> bool:
    return name.startswith(("/", "~"))


def _anonymise(value: Any, names: Mapping[str, str], key: str = "") -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {name: _anonymise(part, names, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_anonymise(part, names, key) for part in value]
    if not isinstance(value, str) or key in VERBATIM:
        return value
    if value in names:
        return names[value]
    for old in sorted(names, key=len, reverse=True):
        value = value.replace(old, names[old])
    return strip_paths(strip_credentials(value))


def _anonymise_mteb(folder: Path, names: Mapping[str, str]) -> None:
    """Do the same in mteb's files, and in the names that mteb gives their folders."""
    results = locate_inside(folder, "mteb/results")
    for old, new in names.items():
        source, target = (results / name.replace("/", "__").replace(" ", "_") for name in (old, new))
        if source.is_dir() and not source.is_symlink():
            source.rename(target)
    for at, _, files in os.walk(locate_inside(folder, "mteb"), followlinks=False):
        for file in files:
            name = (Path(at) / file).relative_to(folder).as_posix()
            try:
                content = json.loads(read_inside(folder, name) or b"{}")
            except (ValueError, RecursionError):
                raise ResultsError(f"{folder / name}: no JSON; remove it, then publish again.") from None
            write_inside(folder, name, json.dumps(_anonymise(content, names), indent=1).encode() + b"\n")
