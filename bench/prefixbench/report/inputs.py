"""What a report is made of, as the stages before hand it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


class AnalysisChoices(Protocol):
    """What an analysis was told."""

    @property
    def smallest_effect(self) -> float:
        """The smallest difference that matters, in points; ``equivalent`` means within it."""


class AnalysisFrames(Protocol):
    """The frames the analysis of one run yields; the report computes no statistic of its own."""

    @property
    def settings(self) -> AnalysisChoices:
        """What it was told."""

    @property
    def contrasts(self) -> pd.DataFrame:
        """One row a contrast on one task: estimate, interval, verdict."""

    @property
    def tasks(self) -> pd.DataFrame:
        """One row a task and contrast, subsets and splits averaged."""

    @property
    def types(self) -> pd.DataFrame:
        """One row a task type and contrast: the mean over the type's tasks."""

    @property
    def models(self) -> pd.DataFrame:
        """One row a model: what to do."""

    @property
    def movers(self) -> pd.DataFrame:
        """The items that gained or lost most."""

    @property
    def refusals(self) -> pd.DataFrame:
        """Contrasts that were not computed, and why."""

    @property
    def drift(self) -> pd.DataFrame:
        """What a threshold kept from ``none`` does to pairs."""

    @property
    def gains(self) -> pd.DataFrame:
        """Who gains more from the documented prefix."""

    @property
    def rankings(self) -> pd.DataFrame:
        """How far two conditions find the same documents."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """How the report is written.

    Attributes:
        texts: Whether items are quoted, where their data's licence lets a report carry text.
        title: The page's title; made from the runs' names where absent.
        pair: Condition and baseline that the first screen is about.
        ladders: Whether every way of sending is shown beside it, against the pair's baseline.
        selection: What part of the runs the report is about, in a sentence; empty for all of them.
    """

    texts: bool = True
    title: str | None = None
    pair: tuple[str, str] = ("correct", "none")
    ladders: bool = True
    selection: str = ""
