"""A results folder with its analysis, as a notebook reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from prefixbench.analysis.analyse import Analysis, analyse
from prefixbench.analysis.explored import Further, explore
from prefixbench.analysis.measured import Measurements, measure_run
from prefixbench.analysis.settings import AnalysisSettings

if TYPE_CHECKING:
    import pandas as pd

    from prefixbench.results import Run


@dataclass(frozen=True, repr=False)
class AnalysedRun:
    """A results folder with its analysis, made when first asked for.

    Attributes:
        run: The folder.
        settings: What the analysis is told.
    """

    run: Run
    settings: AnalysisSettings

    @cached_property
    def _measurements(self) -> Measurements:
        return measure_run(self.run, self.settings, keep_resamples=True)

    @cached_property
    def analysis(self) -> Analysis:
        """All frames."""
        return analyse(self.run, self.settings, self._measurements)

    @cached_property
    def further(self) -> Further:
        """The frames of further questions: drift, rankings, gains, interactions, type_differences, doses."""
        return explore(self.run, self.settings, self._measurements)

    def frame(self) -> pd.DataFrame:
        """One row a finished cell and condition name: who, what, the strings sent, and the main score."""
        return self.run.frame()

    def contrasts(self) -> pd.DataFrame:
        """One row a contrast; columns as in `prefixbench.analysis.columns.CONTRASTS`."""
        return self.analysis.contrasts

    def tasks(self) -> pd.DataFrame:
        """One row a task and contrast; columns as in `prefixbench.analysis.columns.TASKS`."""
        return self.analysis.tasks

    def types(self) -> pd.DataFrame:
        """One row a task type and contrast; columns as in `prefixbench.analysis.columns.TYPES`."""
        return self.analysis.types

    def models(self) -> pd.DataFrame:
        """One line a model; columns as in `prefixbench.analysis.columns.MODELS`."""
        return self.analysis.models

    def movers(self) -> pd.DataFrame:
        """The items that moved most; columns as in `prefixbench.analysis.columns.MOVERS`."""
        return self.analysis.movers

    def refusals(self) -> pd.DataFrame:
        """Contrasts that were not made; columns as in `prefixbench.analysis.columns.REFUSALS`."""
        return self.analysis.refusals

    def __repr__(self) -> str:
        return repr(self.run)

    def _repr_html_(self) -> str:
        return self.run._repr_html_()
