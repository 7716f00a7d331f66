"""Claims laid beside runs: the rows that speak of each, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from prefixbench.analysis import analyse
from prefixbench.analysis.compare import choose_settings, list_conditions
from prefixbench.claims.judge import Outcome, combine, count_items_needed, judge_interval, judge_verdict

if TYPE_CHECKING:
    import pandas as pd

    from prefixbench.analysis import Analysis
    from prefixbench.claims.claim import Claim, ClaimTest
    from prefixbench.results import Run

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TestedRow:
    """One difference that speaks of a claim.

    Attributes:
        run: The results folder's name.
        model: The model.
        place: The task, or the type whose tasks it is the mean of.
        tasks: The tasks it rests on.
        pair: Condition and baseline.
        delta: Points.
        interval: The interval that decides, points.
        n_items: Items paired, over all tasks.
        metric: The metric, where it is not the main score.
        outcome: What it says of the claim.
        needed: Items like these that would show an effect of the size that the claim was measured with.
    """

    run: str
    model: str
    place: str
    tasks: tuple[str, ...]
    pair: Pair
    delta: float
    interval: tuple[float, float]
    n_items: int
    metric: str
    outcome: Outcome
    needed: int | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A claim with everything that the runs say of it."""

    claim: Claim
    rows: tuple[TestedRow, ...]

    @property
    def test(self) -> ClaimTest | None:
        """What tests the claim."""
        return self.claim.test

    @property
    def outcome(self) -> Outcome:
        """The word on the claim."""
        holds = self.test.holds if self.test else "everywhere"
        return combine([row.outcome for row in self.rows], holds)

    @property
    def decisive(self) -> tuple[TestedRow, ...]:
        """The rows that gave the word, those with most items first; where the data cannot tell, those that cannot."""
        rows = [row for row in self.rows if row.outcome is self.outcome]
        return tuple(sorted(rows, key=lambda row: -row.n_items))


def assess(claims: Iterable[Claim], runs: Sequence[Run]) -> tuple[Assessment, ...]:
    """Judge every claim by the runs' rows of the models and tasks that it speaks of, and by no others."""
    claims = tuple(claims)
    frames = {
        (number, metric): _analyse(run, metric, claims)
        for number, run in enumerate(runs)
        for metric in {claim.test.metric for claim in claims if claim.test}
        if metric is None
        or any(_speaks_of(claim, run) for claim in claims if claim.test and claim.test.metric == metric)
    }
    return tuple(
        Assessment(claim, tuple(_judge_runs(claim, claim.test, runs, frames)) if claim.test else ()) for claim in claims
    )


def _speaks_of(claim: Claim, run: Run) -> bool:
    return not claim.models or any(cell.model in claim.models for cell in run.results)


def _analyse(run: Run, metric: str | None, claims: Sequence[Claim]) -> Analysis:
    """Analyse with the contrasts asked for, which join the exploratory family of their model."""
    conditions = set(list_conditions(run))
    pairs = dict.fromkeys(
        claim.test.pair
        for claim in claims
        if claim.test and claim.test.metric == metric and {*claim.test.pair} <= conditions
    )
    # A metric that this run does not have is no fault here: the claim is not run.
    return analyse(run, replace(choose_settings(run, pairs=tuple(pairs)), metric=metric))


def _judge_runs(
    claim: Claim, test: ClaimTest, runs: Sequence[Run], frames: dict[tuple[int, str | None], Analysis]
) -> Iterable[TestedRow]:
    for number, run in enumerate(runs):
        if (number, test.metric) not in frames:
            continue
        analysis = frames[number, test.metric]
        by_task = bool(test.tasks) or test.unit == "percent"
        for row in _select(analysis.tasks if by_task else analysis.types, claim, test):
            yield _judge_row(run.name, row, test, by_task=by_task)


def _select(frame: pd.DataFrame, claim: Claim, test: ClaimTest) -> list[dict[Any, Any]]:
    """The rows of the models, tasks and types that the claim speaks of."""
    rows = frame[(frame["condition"] == test.condition) & (frame["baseline"] == test.baseline)]
    if claim.models:
        rows = rows[rows["model"].isin(claim.models)]
    if test.tasks:
        rows = rows[rows["task"].isin([name.partition(":")[0] for name in test.tasks])]
    if test.types:
        rows = rows[rows["task_type"].isin(test.types)]
    return list(rows.to_dict("records"))


def _judge_row(run: str, row: dict[Any, Any], test: ClaimTest, *, by_task: bool) -> TestedRow:
    interval = float(row["ci_low_adjusted"]), float(row["ci_high_adjusted"])
    margin, n_items = float(row["margin"]), int(row["n_items"])
    baseline_score = 100 * float(row["baseline_score"]) if by_task else None
    outcome = judge_verdict(row["verdict"]) or judge_interval(test, interval, margin, baseline_score)
    needed = None
    if test.measured is not None and outcome is not Outcome.NOT_RUN:
        needed = count_items_needed(float(row["mde"]), margin, n_items, test.measured)
    return TestedRow(
        run=run,
        model=str(row["model"]),
        place=str(row["task"] if by_task else row["task_type"]),
        tasks=(str(row["task"]),) if by_task else tuple(str(row["tasks"]).split(",")),
        pair=test.pair,
        delta=float(row["delta_points"]),
        interval=interval,
        n_items=n_items,
        metric=test.metric or "",
        outcome=outcome,
        needed=needed,
    )
