"""Opening a results folder for a sweep: making it, resuming it, or refusing to mix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefixbench.errors import ResultsError
from prefixbench.plan.cell import Cell, UnplannedCell
from prefixbench.plan.expand import Plan
from prefixbench.plan.place import Place
from prefixbench.results.guard import LOCK, describe_os_error, is_leftover, remove_leftovers
from prefixbench.results.live import PlannedCell, merge_plans
from prefixbench.results.records import CellResult
from prefixbench.results.run import MIXING_FIELDS, Manifest, Run, load_manifest, load_run, write_manifest
from prefixbench.spec.conditions import Condition
from prefixbench.spec.sweep import ModelSpec, Overwrite, SweepSpec


def open_folder(folder: Path, plan: Plan, command: str) -> Run:
    """Make the folder, or check that it was made with the same settings; its manifest then covers the plan.

    To be called by who holds the folder: what killed writers left unfinished is removed.

    Raises:
        ResultsError: The folder is foreign, unreadable, or made with other settings; says which differ.
    """
    planned = list_planned(plan)
    if _holds_something(folder):
        known = load_manifest(folder)
        _refuse_other_settings(folder, known.spec, plan.spec)
        planned = merge_plans(_name_known(folder, known), planned)
        manifest = Manifest(spec=_unite(known.spec, plan.spec), planned=planned, command=command)
    else:
        manifest = Manifest(spec=plan.spec, planned=planned, command=command)
    remove_leftovers(folder)
    write_manifest(folder, manifest)
    return load_run(folder)


def list_planned(plan: Plan) -> tuple[PlannedCell, ...]:
    """Return a plan's cells as a results folder keeps them."""
    cells = [_name_cell(cell, cell.conditions) for cell in plan.cells]
    return (*cells, *(_name_cell(cell, (cell.condition,)) for cell in plan.unplanned))


def _name_cell(cell: Cell | UnplannedCell, conditions: tuple[Condition, ...]) -> PlannedCell:
    return PlannedCell(
        cell_id=cell.cell_id,
        model=cell.model.name,
        task=cell.task.name,
        hf_subset=cell.hf_subset,
        hf_split=cell.hf_split,
        conditions=tuple(map(str, conditions)),
    )


def _name_known(folder: Path, known: Manifest) -> tuple[PlannedCell, ...]:
    """Return the folder's plan; cells that schema 1 knew by id alone take their names from their rows."""
    if all(cell.conditions for cell in known.planned):
        return known.planned
    rows = {row.cell_id: row for row in load_run(folder).live}
    named = []
    for cell in known.planned:
        row = None if cell.conditions else rows.get(cell.cell_id)
        if row is not None:
            place = {name: getattr(row, name) for name in ("model", "task", "hf_subset", "hf_split", "conditions")}
            cell = cell.model_copy(update=place)
        named.append(cell)
    return tuple(named)


def make_folder(folder: Path) -> None:
    """Make a results folder where there is none; refuse, before anything is written to it, one that is not ours.

    Raises:
        ResultsError: It is a file, holds something that is no run, or cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{folder}: is a file, not a results folder.")
    if _holds_something(folder):
        load_manifest(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be made ({describe_os_error(error)}).") from None


def _holds_something(folder: Path) -> bool:
    """Tell whether there is more than a sweep leaves that was killed before it wrote ``run.json``."""
    try:
        return folder.is_dir() and any(path.name != LOCK and not is_leftover(path) for path in folder.iterdir())
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be read ({describe_os_error(error)}).") from None


def _setting(spec: SweepSpec, path: str) -> Any:  # noqa: ANN401 - a setting of any type, compared and shown
    value: Any = spec
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _refuse_other_settings(folder: Path, known: SweepSpec, asked: SweepSpec) -> None:
    differences = []
    for name in MIXING_FIELDS:
        before, now = _setting(known, name), _setting(asked, name)
        if isinstance(before, Mapping):
            shared = before.keys() & now.keys()
            before, now = ({key: table[key] for key in shared} for table in (before, now))
        if before != now:
            differences.append(f"{name} is {before}, asked for is {now}")
    if differences:
        raise ResultsError(
            f"{folder}: made with other settings ({'; '.join(differences)}); choose another folder with --results."
        )


def _unite(known: SweepSpec, asked: SweepSpec) -> SweepSpec:
    """The asked spec, with what the folder holds besides."""
    tasks = {task.name: task for task in known.tasks}
    for task in asked.tasks:
        before = tasks.get(task.name)
        whole = before is None or not before.subsets or not task.subsets
        subsets = () if whole and before is not None else task.subsets
        if before is not None and not whole:
            subsets = tuple(dict.fromkeys(before.subsets + task.subsets))
        tasks[task.name] = task.model_copy(update={"subsets": subsets})
    data = {one.name or one.path: one for one in (*known.data, *asked.data)}
    models = {(model.name, model.dtype, model.max_seq_length): model for model in (*known.models, *asked.models)}
    return asked.model_copy(
        update={
            "models": tuple(models.values()),
            "tasks": tuple(tasks.values()),
            "data": tuple(data.values()),
            "conditions": tuple(dict.fromkeys(known.conditions + asked.conditions)),
            "custom": {**known.custom, **asked.custom},
            "smallest_effect": {**known.smallest_effect, **asked.smallest_effect},
        }
    )


@dataclass(frozen=True, slots=True)
class Present:
    """What a finished score must still agree with.

    Attributes:
        weights: Digest of each model's files by its name, of those that are on this machine.
        data: Digest of the data of each place that has data of the user's own.
        mteb: The version that would score.
    """

    weights: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[Place, str] = field(default_factory=dict)
    mteb: str = field(default_factory=lambda: version("mteb"))


def find_pending(plan: Plan, run: Run, overwrite: Overwrite, present: Present | None = None) -> set[str]:
    """Return the ids of the cells to compute.

    ``only-missing`` computes what has no score, or none that still holds: its files are damaged, or the model's
    files, the user's own data or mteb are others than they were. ``never`` leaves all that has a row alone, failed
    or not; ``always`` computes all.
    """
    if overwrite is Overwrite.ALWAYS:
        return set(plan.cell_ids)
    places = {cell.cell_id: Place.of(cell) for cell in plan.cells}
    done = {
        row.cell_id
        for row in run.results
        if overwrite is Overwrite.NEVER
        or (_still_holds(row, places.get(row.cell_id), present or Present()) and _has_files(run, row))
    }
    reasons = {cell.cell_id: (cell.status, cell.reason) for cell in plan.unplanned}
    for row in run.failures:
        told = reasons.get(row.cell_id, (row.status, row.reason))
        if overwrite is Overwrite.NEVER or (row.status == "skipped" and told == (row.status, row.reason)):
            done.add(row.cell_id)
    return set(plan.cell_ids) - done


def _still_holds(row: CellResult, place: Place | None, present: Present) -> bool:
    weights = present.weights.get(row.model, row.encoder.weights_digest)
    data = row.dataset_sha256 if place is None else present.data.get(place, row.dataset_sha256)
    mteb = row.provenance.packages.get("mteb", present.mteb)
    return (weights, data, mteb) == (row.encoder.weights_digest, row.dataset_sha256, present.mteb)


def _has_files(run: Run, row: CellResult) -> bool:
    try:
        run.items(row.cell_id)
        run.hits(row.cell_id)
    except ResultsError:
        return False
    return True


def examine_present(
    plan: Plan, run: Run, digest_model: Callable[[ModelSpec], str | None], digest_data: Callable[[Place], str | None]
) -> Present:
    """Look at what the folder's finished scores rest on: models' files, and data sets of the user's own.

    Data of mteb's tasks, of the starter's and those given as files are pinned by their revision and not read for this.

    Args:
        plan: What is asked for.
        run: The folder.
        digest_model: Digest of a model's files; ``None`` where they are not on this machine.
        digest_data: Digest of a place's data; ``None`` where they cannot be read, as computing its cells will tell.
    """
    scored = {row.cell_id for row in run.results}
    cells = [cell for cell in plan.cells if cell.cell_id in scored]
    models = dict.fromkeys(cell.model for cell in cells)
    weights = {model.name: digest for model in models if (digest := digest_model(model))}
    own = dict.fromkeys(Place.of(cell) for cell in cells if cell.task.origin.source not in {"mteb", "starter", "data"})
    return Present(weights, {place: digest for place in own if (digest := digest_data(place))})
