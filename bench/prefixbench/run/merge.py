"""Shares of one sweep, computed apart, joined to one results folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from prefixbench.errors import ResultsError
from prefixbench.results.guard import hold_folder, read_inside, write_inside
from prefixbench.results.hits import name_hits
from prefixbench.results.items import name_items
from prefixbench.results.ledger import append_row
from prefixbench.results.live import Attempt, sort_rows
from prefixbench.results.records import CellResult
from prefixbench.results.run import Run, load_run, write_manifest
from prefixbench.results.texts import add_document_texts, add_item_texts
from prefixbench.run.folder import make_folder
from prefixbench.run.mteb_results import MTEB, write_model_meta, write_task_result

SHOWN = 3
"""Differences that a refusal names."""


def merge_runs(folders: Sequence[Path], output: Path) -> Run:
    """Join runs of one plan; everything is looked at before anything is written.

    A cell that one run scored and another could not is scored. What a run keeps as history stays behind.

    Args:
        folders: Results folders whose plans agree, two at least.
        output: The results folder to make.

    Returns:
        The joined run; planned cells that no run has are missing in it, too.

    Raises:
        ResultsError: A folder is none or damaged; plans differ; two runs scored one cell otherwise; scores rest on
            different weights, data or versions; or the output holds something already.
    """
    if len(folders) < 2:
        raise ResultsError("nothing to join: name two results folders at least.")
    runs = [load_run(folder) for folder in folders]
    for other in runs[1:]:
        _refuse_other_plan(runs[0], other)
    chosen = _choose_rows(runs)
    _refuse_mixture(runs[0], [row for _, row in chosen])
    for run, row in chosen:
        if isinstance(row, CellResult):
            run.items(row.cell_id)  # a damaged file is found before anything is written
            run.hits(row.cell_id)
    if output.exists() and any(output.iterdir()):
        raise ResultsError(f"{output}: holds something already; name a new folder with --results.")
    make_folder(output)
    with hold_folder(output):
        for run in runs:
            _copy_files(run, output)
        for run, row in chosen:
            if isinstance(row, CellResult):
                for name in (name_items(row.cell_id), *([name_hits(row.cell_id)] if row.hits_sha256 else [])):
                    write_inside(output, name, read_inside(run.path, name) or b"")
            append_row(output, row)
        _copy_probes(runs, output)
        # Last, so that a folder with a plan is a folder that was joined to the end.
        names = " ".join(str(run.path) for run in runs)
        command = f"prefixbench merge {names} --results {output}"
        write_manifest(output, runs[0].manifest.model_copy(update={"command": command}))
    return load_run(output)


def _copy_probes(runs: Sequence[Run], output: Path) -> None:
    """Add the rows that belong to a model, not to a cell."""
    for probe in {(row.model, row.task_type, row.condition): row for run in runs for row in run.probes}.values():
        append_row(output, probe)
    for endpoint in {row.model: row for run in runs for row in run.endpoints}.values():
        append_row(output, endpoint)


def _refuse_other_plan(first: Run, other: Run) -> None:
    """Refuse a run that was planned otherwise, and say what differs."""
    one, two = (run.spec.model_dump(mode="json", exclude={"name", "description"}) for run in (first, other))
    differing = [name for name in one if one[name] != two[name]]
    if differing:
        named = ", ".join(differing)
        raise ResultsError(f"{other.path}: its plan is not that of {first.path}; they differ in {named}.")
    cells = {cell.cell_id: cell for run in (first, other) for cell in run.manifest.planned}
    ids = [{cell.cell_id for cell in run.manifest.planned} for run in (first, other)]
    lone = [cell for cell_id, cell in cells.items() if cell_id in ids[0] ^ ids[1]]
    if lone:
        named = "; ".join(cell.describe() for cell in lone[:SHOWN])
        raise ResultsError(
            f"{other.path}: its plan is not that of {first.path}, though the same was asked for; {len(lone)} cells are "
            f"in one of them only ({named}). Were prefixes, revisions or versions others on one of the machines?"
        )


def _choose_rows(runs: Sequence[Run]) -> list[tuple[Run, Attempt]]:
    """One row a cell, with the run it is from: a score if any run has one."""
    chosen: dict[str, tuple[Run, Attempt]] = {}
    for run in runs:
        for row in run.live:
            before = chosen.get(row.cell_id)
            if before is None or not isinstance(before[1], CellResult):
                chosen[row.cell_id] = (run, row) if before is None or isinstance(row, CellResult) else before
            elif isinstance(row, CellResult):
                _refuse_other_score(before, (run, row))
    return list(chosen.values())


def _refuse_other_score(one: tuple[Run, Attempt], other: tuple[Run, CellResult]) -> None:
    run, row = other
    assert isinstance(one[1], CellResult)
    if (one[1].score, one[1].items_sha256) != (row.score, row.items_sha256):
        names = " = ".join(row.conditions)
        raise ResultsError(
            f"{run.path}: {row.model} · {row.task} · {names} scored {row.score:.5f} there and {one[1].score:.5f} in "
            f"{one[0].path}; leave one of the runs out."
        )


def _refuse_mixture(first: Run, rows: list[Attempt]) -> None:
    outdated = sort_rows(first.manifest.planned, rows).outdated
    if outdated:
        row = outdated[0]
        raise ResultsError(
            f"{len(outdated)} cells were scored with other weights, data or versions than the rest, the first "
            f"{row.model} · {row.task} · {' = '.join(row.conditions)}; run them again with what the others have."
        )


def _copy_files(run: Run, output: Path) -> None:
    """Add what a run keeps beside its rows: texts of items and documents, and mteb's own results."""
    for kept, add in ((run.item_texts(), add_item_texts), (run.document_texts(), add_document_texts)):
        by_subset: dict[tuple[str, str], dict[str, str]] = {}
        for (task, hf_subset, item), text in kept.items():
            by_subset.setdefault((task, hf_subset), {})[item] = text
        for (task, hf_subset), texts in by_subset.items():
            add(output, task, hf_subset, texts)
    for name in _list_mteb_results(run.path):
        content = read_inside(run.path, f"{MTEB}/{name}")
        try:
            result = json.loads(content or b"")
        except ValueError as error:
            raise ResultsError(f"{run.path / MTEB / name}: cannot be read ({error}).") from None
        write = write_model_meta if Path(name).name == "model_meta.json" else write_task_result
        write(output, name, result)


def _list_mteb_results(folder: Path) -> Iterator[str]:
    for path in sorted((folder / MTEB).rglob("*.json")):
        yield path.relative_to(folder / MTEB).as_posix()
