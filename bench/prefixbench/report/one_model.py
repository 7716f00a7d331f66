"""One model of one run, analysed and read: what the commands that decide something start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.analysis import analyse
from prefixbench.analysis.compare import choose_settings, list_conditions
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.report.effects import read_evidence
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.words import count_noun
from prefixbench.results import load_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prefixbench.analysis import AnalysisSettings
    from prefixbench.report.effects import Pair, Reading
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult
    from prefixbench.results.run import Run


@dataclass(frozen=True, slots=True)
class OneModel:
    """A model as a run measured it.

    Attributes:
        run: The run.
        evidence: All of it.
        reading: What was measured of this model.
        settings: Of the analysis.
    """

    run: Run
    evidence: Evidence
    reading: Reading
    settings: AnalysisSettings

    def iterate_results(self) -> Iterator[CellResult]:
        """Finished cells of this model."""
        return self.evidence.results_of(self.reading.members)

    @property
    def task_types(self) -> list[str]:
        """Types of its tasks, sorted."""
        return sorted({row.task_type for row in self.iterate_results()})


def load_model(path: Path, model: str | None, choose_pairs: Callable[[list[str]], tuple[Pair, ...]]) -> OneModel:
    """Read a run, compare what is asked besides what always is, and pick one model.

    Args:
        path: The results folder.
        model: Its name; not needed where the run holds one.
        choose_pairs: From the run's conditions to further contrasts.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: No such model, or several and none named.
    """
    run = load_run(path)
    settings = choose_settings(run, pairs=choose_pairs(list_conditions(run)))
    evidence = gather_evidence([run], [analyse(run, settings)], ReportOptions())
    readings = {one.recipe: one for one in read_evidence(evidence)}
    names = ", ".join(readings)
    if not readings:
        raise SpecError(
            f"{path}: no model has two conditions that were compared; `prefixbench compare {path}` says why."
        )
    if model is None and len(readings) > 1:
        raise SpecError(f"{path}: holds {count_noun(len(readings), 'model')}; name one with --model: {names}.")
    if model is not None and model not in readings:
        raise SpecError(describe_unknown_name("model", model, readings, "--model"))
    return OneModel(run, evidence, readings[model or names], settings)
