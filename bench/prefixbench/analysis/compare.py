"""What ``prefixbench compare`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.analysis.analyse import analyse
from prefixbench.analysis.explored import explore
from prefixbench.analysis.measured import measure_run
from prefixbench.analysis.names import Pair, format_contrast, parse_contrast
from prefixbench.analysis.settings import AnalysisSettings, Asked
from prefixbench.analysis.tables import render_summary, render_table, select_rows, to_json
from prefixbench.analysis.tables_explored import render_further
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.results import load_run
from prefixbench.screen import wrap
from prefixbench.spec.margins import DEFAULT_EFFECT, OTHERS

if TYPE_CHECKING:
    from pathlib import Path

    from prefixbench.results import Run


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows are shown; what is computed, and so every number, does not depend on it.

    Attributes:
        contrast: ``CONDITION-BASELINE``.
        against: Every condition against this one.
        model: One model.
        task: One task.
    """

    contrast: str | None = None
    against: str | None = None
    model: str | None = None
    task: str | None = None


def list_conditions(run: Run) -> list[str]:
    """Every condition name that has a finished cell."""
    return sorted({name for result in run.results for name in result.conditions})


def list_contrasted(run: Run) -> list[str]:
    """Every condition name that a contrast may speak of: one with a finished cell, or one shown to be inert."""
    inert = {name for row in run.failures if row.status == "inert" for name in row.conditions}
    return sorted(inert.union(list_conditions(run)))


def find_pairs(run: Run, selection: Selection) -> tuple[Pair, ...]:
    """The contrasts a selection asks for; none where it asks for no particular one.

    Raises:
        SpecError: A condition the run does not hold.
    """
    conditions = list_contrasted(run)
    pairs: list[Pair] = []
    if selection.contrast is not None:
        pairs.append(parse_contrast(selection.contrast, conditions))
    if selection.against is not None:
        if selection.against not in conditions:
            raise SpecError(describe_unknown_name("condition", selection.against, conditions, "--against"))
        pairs += [(name, selection.against) for name in conditions if name != selection.against]
    return tuple(pairs)


def choose_settings(run: Run, asked: Asked | None = None, pairs: tuple[Pair, ...] = ()) -> AnalysisSettings:
    """What an analysis of this run is told: what was declared with the run, unless asked otherwise.

    A margin asked for every metric replaces all that were declared; one asked for a metric, that metric's.

    Raises:
        SpecError: A metric, asked for or given a smallest effect, that no cell of the run has.
    """
    asked = asked or Asked()
    known = {name for cell in run.results for name in (cell.main_score, *cell.scores)}
    faults = [
        describe_unknown_name("metric", name, known, "--smallest-effect")
        for name in asked.smallest_effects
        if name != OTHERS and name not in known
    ]
    if asked.metric is not None and asked.metric not in known:
        faults.append(describe_unknown_name("metric", asked.metric, known, "--metric"))
    if faults:
        raise SpecError(faults)
    declared = {} if OTHERS in asked.smallest_effects else run.spec.smallest_effect
    effects = {**declared, **asked.smallest_effects}
    return AnalysisSettings(
        smallest_effect=effects.pop(OTHERS, DEFAULT_EFFECT),
        smallest_effects=tuple(sorted(effects.items())),
        seed=run.spec.seed if asked.seed is None else asked.seed,
        contrasts=pairs,
        metric=asked.metric,
    )


def compare_run(
    path: Path,
    selection: Selection,
    asked: Asked | None = None,
    *,
    as_json: bool = False,
    everything: bool = False,
    further: bool = False,
) -> str:
    """The answer, the whole table, or the JSON document, of the rows selected.

    Args:
        path: The results folder.
        selection: The rows.
        asked: In place of what the run declares.
        as_json: Whether a program reads it.
        everything: Every contrast instead of the answer in one screen.
        further: The further questions besides, of the whole run.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: The selection names what the run does not hold.
    """
    run = load_run(path)
    pairs = find_pairs(run, selection)
    settings = choose_settings(run, asked, pairs)
    measurements = measure_run(run, settings, keep_resamples=further)
    analysis = analyse(run, settings, measurements)
    contrasts = analysis.contrasts
    if pairs:
        contrasts = contrasts[contrasts["contrast"].isin([format_contrast(pair) for pair in pairs])]
    contrasts = select_rows(contrasts, model=selection.model, task=selection.task)
    asked_further = explore(run, settings, measurements) if further else None
    if as_json:
        return to_json(analysis, contrasts, asked_further)
    missing = "".join(f"{line}\n" for line in [*wrap(run.describe_missing()), ""]) if run.missing else ""
    is_table = everything or selection != Selection()
    shown = render_table(analysis, contrasts, everything=everything) if is_table else render_summary(analysis)
    return missing + shown + ("" if asked_further is None else render_further(asked_further))
