"""What ``prefixbench compare`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.analysis.analyse import analyse
from prefixbench.analysis.names import Pair, format_contrast, parse_contrast
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.tables import render_table, select_rows, to_json
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.results import load_run

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


def find_pairs(run: Run, selection: Selection) -> tuple[Pair, ...]:
    """The contrasts a selection asks for; none where it asks for no particular one.

    Raises:
        SpecError: A condition the run does not hold.
    """
    conditions = list_conditions(run)
    pairs: list[Pair] = []
    if selection.contrast is not None:
        pairs.append(parse_contrast(selection.contrast, conditions))
    if selection.against is not None:
        if selection.against not in conditions:
            raise SpecError(describe_unknown_name("condition", selection.against, conditions, "--against"))
        pairs += [(name, selection.against) for name in conditions if name != selection.against]
    return tuple(pairs)


def compare_run(
    path: Path, selection: Selection, metric: str | None, choices: tuple[float, int], *, as_json: bool
) -> str:
    """The table, or the JSON document, of the rows selected.

    Args:
        path: The results folder.
        selection: The rows.
        metric: The metric asked for, or the main scores.
        choices: Smallest effect in points, and seed.
        as_json: Whether a program reads it.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: The selection names what the run does not hold.
    """
    run = load_run(path)
    pairs = find_pairs(run, selection)
    settings = AnalysisSettings(smallest_effect=choices[0], seed=choices[1], contrasts=pairs, metric=metric)
    analysis = analyse(run, settings)
    contrasts = analysis.contrasts
    if pairs:
        contrasts = contrasts[contrasts["contrast"].isin([format_contrast(pair) for pair in pairs])]
    contrasts = select_rows(contrasts, model=selection.model, task=selection.task)
    return to_json(analysis, contrasts) if as_json else render_table(analysis, contrasts)
