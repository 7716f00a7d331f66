"""A report about part of a run: one model, one task, one contrast; every number stays what it is in the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from prefixbench.analysis.compare import Selection, find_pairs
from prefixbench.analysis.names import format_contrast
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.report.effects import DOCUMENTED
from prefixbench.report.words import make_anchor
from prefixbench.results.records import EndpointRecord, ProbeRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from prefixbench.analysis import Analysis
    from prefixbench.report.effects import Pair
    from prefixbench.results.ledger import Row
    from prefixbench.results.live import PlannedCell
    from prefixbench.results.run import Run


def choose_pair(selection: Selection, runs: Iterable[Run]) -> Pair:
    """Return the pair whose tasks the first screen shows.

    Raises:
        SpecError: A condition that no run holds.
    """
    if selection.contrast is not None:
        return next(pair for run in runs for pair in find_pairs(run, replace(selection, against=None)))
    if selection.against not in (None, "none"):
        return ("none" if selection.against == "correct" else "correct", str(selection.against))
    return DOCUMENTED


def check_selection(selection: Selection, runs: Sequence[Run]) -> None:
    """Refuse a model or a task that no run holds.

    Raises:
        SpecError: A name that stands nowhere; all at once, with those that do.
    """
    rows = [row for run in runs for row in run.results]
    known = {"model": {row.model for row in rows}, "task": {row.task for row in rows}}
    faults = [
        describe_unknown_name(what, wanted, names, f"--{what}")
        for what, names in known.items()
        if (wanted := getattr(selection, what)) is not None and wanted not in names
    ]
    if faults:
        raise SpecError(faults)


def narrow_run(run: Run, selection: Selection) -> Run:
    """Return the run with the rows of the model and the task alone."""
    if selection.model is None and selection.task is None:
        return run

    def is_meant(row: Row | PlannedCell) -> bool:
        task = selection.task if isinstance(row, ProbeRecord | EndpointRecord) else row.task
        return selection.model in (None, row.model) and selection.task in (None, task)

    kept = tuple(row for row in run.rows if is_meant(row))
    cells = {row.cell_id for row in kept if not isinstance(row, ProbeRecord | EndpointRecord)}
    planned = tuple(one for one in run.manifest.planned if is_meant(one) or one.cell_id in cells)
    return replace(run, rows=kept, manifest=run.manifest.model_copy(update={"planned": planned}))


def narrow_analysis(analysis: Analysis, selection: Selection, pairs: Sequence[Pair]) -> Analysis:
    """Return the frames' rows of the selection; a mean over tasks is none where one task is asked for.

    Args:
        analysis: Of the whole run.
        selection: What is asked for.
        pairs: The contrasts asked for; all where empty.
    """
    names = [format_contrast(pair) for pair in pairs]

    def keep(frame: pd.DataFrame) -> pd.DataFrame:
        for column in ("model", "task"):
            wanted = getattr(selection, column)
            if wanted is not None and column in frame:
                frame = frame[frame[column] == wanted]
        return frame[frame["contrast"].isin(names)] if names and "contrast" in frame else frame

    types = analysis.types if selection.task is None else analysis.types[:0]
    return replace(
        analysis,
        contrasts=keep(analysis.contrasts),
        tasks=keep(analysis.tasks),
        types=keep(types),
        models=keep(analysis.models),
        movers=keep(analysis.movers),
        refusals=keep(analysis.refusals),
        drift=keep(analysis.drift),
        gains=keep(analysis.gains),
        rankings=keep(analysis.rankings),
    )


def describe_selection(selection: Selection) -> str:
    """Return what the report is about, in a sentence; nothing for a whole run."""
    parts = [f"the model {selection.model}"] if selection.model else []
    parts += [f"the task {selection.task}"] if selection.task else []
    parts += [f"the contrast {selection.contrast}"] if selection.contrast else []
    parts += [f"every condition against {selection.against}"] if selection.against else []
    return f"Only {', '.join(parts)}; the runs hold more." if parts else ""


def name_page(selection: Selection) -> str:
    """Return the file name of the page, so that a part never replaces the whole."""
    parts = [selection.model, selection.task, selection.contrast, selection.against and f"against-{selection.against}"]
    chosen = [part for part in parts if part]
    return f"{make_anchor('report', *chosen)}.html" if chosen else "report.html"
