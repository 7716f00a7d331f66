"""Whether a sweep can show the margins it declares, told before anything is computed."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from prefixbench.errors import ResultsError
from prefixbench.plan.estimate import estimate_items
from prefixbench.plan.place import Place
from prefixbench.results import load_run
from prefixbench.run.texts import recall_texts
from prefixbench.spec.conditions import Role
from prefixbench.spec.margins import DEFAULT_EFFECT, OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prefixbench.plan.cell import Cell
    from prefixbench.spec.sweep import SweepSpec

ERRORS_A_MARGIN = 3.0
"""Standard errors that a margin must hold, or an effect of nought will seldom be shown to lie within it."""

ITEM_SPREAD = 16.0
"""Points, standard deviation of an item's change from one condition to another, where no former row tells: the median
over the contrasts of the committed runs."""

SETTLED = "Clustering"
"""A task type that is described, not tested: no margin is shown there."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A task on which the declared margin can hardly be shown.

    Attributes:
        task: mteb's name.
        metric: The main score's name.
        margin: Points.
        error: Expected standard error of a contrast, points.
        n_items: What it follows from; ``None`` where former rows tell it.
    """

    task: str
    metric: str
    margin: float
    error: float
    n_items: int | None

    def describe(self) -> str:
        """The task, what is expected, and from what."""
        source = "former rows here" if self.n_items is None else f"{self.n_items:,} items"
        return f"{self.task} ±{self.margin:g} (expected standard error {self.error:.1f}, from {source})"


def doubt_margins(spec: SweepSpec, cells: Iterable[Cell], folder: Path, cache: Path) -> list[Doubt]:
    """Return the tasks whose contrasts will have a standard error above a third of the margin.

    Args:
        spec: With the margins.
        cells: Of the plan.
        folder: The results folder, whose rows tell the error of a task where it has any.
        cache: Where former runs remembered how many texts a place has.
    """
    places = {place.facts.name: place for cell in cells if (place := Place.of(cell)).facts.task_type != SETTLED}
    if not places:
        return []
    known = _measure_errors(folder)
    doubts = []
    for task, place in places.items():
        metric = place.facts.main_score
        margin = spec.smallest_effect.get(metric, spec.smallest_effect.get(OTHERS, DEFAULT_EFFECT))
        n_items = None if task in known else _count_items(place, cache)
        error = known.get(task, ITEM_SPREAD / math.sqrt(n_items) if n_items else 0.0)
        if error > margin / ERRORS_A_MARGIN:
            doubts.append(Doubt(task, metric, margin, error, n_items))
    return doubts


def describe_doubts(doubts: list[Doubt]) -> str:
    """Return one sentence, or nothing where every margin can be shown as far as is known."""
    if not doubts:
        return ""
    assumed = f"; items taken to change by {ITEM_SPREAD:g} points (standard deviation)"
    said = "; ".join(one.describe() for one in doubts)
    return (
        f"too few items to show the margin, most likely: {said}"
        f"{assumed if any(one.n_items is not None for one in doubts) else ''}; --smallest-effect declares another"
    )


def name_unused(spec: SweepSpec, cells: Iterable[Cell]) -> str:
    """Return a sentence on margins of metrics that are no main score of the plan, or nothing."""
    scores = {cell.task.main_score for cell in cells}
    unused = sorted({*spec.smallest_effect} - scores - {OTHERS})
    if not unused:
        return ""
    return f"a margin is declared for {', '.join(unused)}; the main scores here are {', '.join(sorted(scores))}"


def _measure_errors(folder: Path) -> Mapping[str, float]:
    """The median standard error of a task's contrasts in a results folder; nothing where there is none."""
    if not (folder / "run.json").exists():
        return {}
    from prefixbench.analysis import AnalysisSettings, analyse

    try:
        run = load_run(folder)
    except ResultsError:
        return {}  # opening the folder for the sweep will tell
    rows = analyse(run, AnalysisSettings(n_resamples=199, seed=run.spec.seed)).tasks
    errors: dict[str, list[float]] = defaultdict(list)
    for row in rows[~rows["same_strings"]].to_dict("records"):
        errors[str(row["task"])].append(float(row["standard_error"]))
    return {task: median(own) for task, own in errors.items()}


def _count_items(place: Place, cache: Path) -> int | None:
    remembered = recall_texts(cache, place) if place.facts.has_roles else None
    if remembered is not None and (queries := remembered.by_role.get(Role.QUERY)) is not None:
        return len(queries.texts)
    return estimate_items(place)
