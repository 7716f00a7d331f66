"""Opening a results folder for a sweep: making it, resuming it, or refusing to mix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefixbench.errors import ResultsError
from prefixbench.plan.expand import Plan
from prefixbench.results.run import MIXING_FIELDS, Manifest, Run, load_manifest, load_run, write_manifest
from prefixbench.spec.sweep import Overwrite, SweepSpec


def open_folder(folder: Path, plan: Plan, command: str) -> Run:
    """Make the folder, or check that it was made with the same settings; its manifest then covers the plan.

    Raises:
        ResultsError: The folder is foreign, unreadable, or made with other settings; says which differ.
    """
    if _holds_something(folder):
        known = load_manifest(folder)
        _refuse_other_settings(folder, known.spec, plan.spec)
        manifest = Manifest(
            spec=_unite(known.spec, plan.spec),
            planned=tuple(dict.fromkeys(known.planned + plan.cell_ids)),
            command=command,
        )
    else:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(spec=plan.spec, planned=plan.cell_ids, command=command)
    write_manifest(folder, manifest)
    return load_run(folder)


def refuse_foreign(folder: Path) -> None:
    """Refuse, before anything is written to it, a folder that is not ours.

    Raises:
        ResultsError: It is a file, or holds something that is no run.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultsError(f"{folder}: is a file, not a results folder.")
    if _holds_something(folder):
        load_manifest(folder)


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(path.name != "lock" for path in folder.iterdir())


def _setting(spec: SweepSpec, field: str) -> Any:  # noqa: ANN401 - a setting of any type, compared and shown
    value: Any = spec
    for name in field.split("."):
        value = getattr(value, name)
    return value


def _refuse_other_settings(folder: Path, known: SweepSpec, asked: SweepSpec) -> None:
    differences = []
    for field in MIXING_FIELDS:
        before, now = _setting(known, field), _setting(asked, field)
        if field == "custom":
            shared = before.keys() & now.keys()
            before, now = ({name: table[name] for name in shared} for table in (before, now))
        if before != now:
            differences.append(f"{field} is {before}, asked for is {now}")
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
    return asked.model_copy(
        update={
            "models": tuple(dict.fromkeys(known.models + asked.models)),
            "tasks": tuple(tasks.values()),
            "conditions": tuple(dict.fromkeys(known.conditions + asked.conditions)),
            "custom": {**known.custom, **asked.custom},
        }
    )


def find_pending(plan: Plan, run: Run, overwrite: Overwrite) -> set[str]:
    """Ids of the cells to compute.

    ``only-missing`` computes what has no score; ``never`` also leaves failed cells alone; ``always`` computes all.
    """
    if overwrite is Overwrite.ALWAYS:
        return set(plan.cell_ids)
    known = {row.cell_id for row in run.results}
    known |= {row.cell_id for row in run.failures if row.status == "skipped" or overwrite is Overwrite.NEVER}
    return set(plan.cell_ids) - known
