"""Many tasks to one answer: random-effects meta-analysis, never a bare mean of means."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from scipy.stats import t as student_t

from prefixbench.analysis.settings import CONFIDENCE, EQUIVALENCE_CONFIDENCE
from prefixbench.analysis.verdicts import Verdict, decide_verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Row = dict[str, Any]
NAN = float("nan")
BLOCKS_PER_TASK = 20
"""Contributions of one task are averaged into this many blocks for the mixed model: its precision stays, its size does
not."""


@dataclass(frozen=True, slots=True)
class TaskEffect:
    """One task's delta, its subsets taken together.

    Attributes:
        task: Name.
        delta: Points.
        error: Standard error, points.
        interval: The task's own 95% interval.
        narrow_interval: The task's own 90% interval.
        p_value: The task's own.
    """

    task: str
    delta: float
    error: float
    interval: tuple[float, float]
    narrow_interval: tuple[float, float]
    p_value: float


@dataclass(frozen=True, slots=True)
class Pooled:
    """What several tasks say together; points."""

    n_tasks: int
    delta: float
    interval: tuple[float, float]
    narrow_interval: tuple[float, float]
    prediction: tuple[float, float]
    tau2: float
    i2: float
    p_value: float
    verdict: Verdict
    note: str = ""


def combine_task(rows: Sequence[Row]) -> TaskEffect:
    """One effect of a task from its subsets and splits, and in a family from its models.

    They share texts (translations) or items (models), so their errors are taken as fully correlated: the error of
    their mean is the mean of their errors, which is never too small. A task with twelve subsets counts once.
    """
    delta = float(np.mean([row["delta_points"] for row in rows]))
    error = float(np.mean([row["standard_error"] for row in rows]))
    if len(rows) == 1:
        row = rows[0]
        narrow = row["equivalence_low"], row["equivalence_high"]
        return TaskEffect(row["task"], delta, error, (row["ci_low"], row["ci_high"]), narrow, row["p_value"])
    reach, narrow_reach = (float(norm.ppf((1 + level) / 2)) * error for level in (CONFIDENCE, EQUIVALENCE_CONFIDENCE))
    return TaskEffect(
        rows[0]["task"],
        delta,
        error,
        (delta - reach, delta + reach),
        (delta - narrow_reach, delta + narrow_reach),
        float(2 * norm.sf(abs(delta) / error)),
    )


def pool_rows(rows: Iterable[Row], smallest_effect: float) -> Pooled:
    """Pool contrasts of one kind over tasks.

    Between-task variance by Paule and Mandel's iteration (1982); the interval by Hartung, Knapp, Sidik and Jonkman with
    ``k − 1`` degrees of freedom, never narrower than the plain random-effects one (IntHout, Ioannidis and Borm 2014;
    Röver, Knapp and Friede 2015); the prediction interval by Higgins, Thompson and Spiegelhalter (2009). Contrasts of a
    cell with itself carry no sampling error and are left out.
    """
    rows = list(rows)
    differing = [row for row in rows if not row["identical"]]
    n_all = len({row["task"] for row in rows})
    same = n_all - len({row["task"] for row in differing})
    note = f"left out, both conditions sending the same strings: {same} of {n_all} tasks" if same else ""
    if not differing:
        nothing = (0.0, 0.0)
        all_same = "both conditions send the same strings on every task"
        return Pooled(same, 0.0, nothing, nothing, (NAN, NAN), NAN, NAN, 1.0, Verdict.EQUIVALENT, all_same)
    by_task: dict[str, list[Row]] = defaultdict(list)
    for row in differing:
        by_task[row["task"]].append(row)
    effects = [combine_task(own) for own in by_task.values()]
    if len(effects) == 1:
        return _keep_single(effects[0], smallest_effect, note)
    return _combine_effects(effects, smallest_effect, note)


def _keep_single(effect: TaskEffect, smallest_effect: float, note: str) -> Pooled:
    verdict = decide_verdict(effect.interval, effect.narrow_interval, effect.p_value, smallest_effect)
    return Pooled(
        1, effect.delta, effect.interval, effect.narrow_interval, (NAN, NAN), NAN, NAN, effect.p_value, verdict,
        "; ".join(filter(None, ["one task: its own interval, which says nothing of others", note])),
    )  # fmt: skip


def _combine_effects(effects: list[TaskEffect], smallest_effect: float, note: str) -> Pooled:
    from statsmodels.stats.meta_analysis import combine_effects

    deltas = np.array([effect.delta for effect in effects])
    variances = np.array([effect.error**2 for effect in effects])
    n_tasks = len(effects)
    with np.errstate(divide="ignore"):  # deltas that are all the same: no heterogeneity, i² is −∞ until it is clipped
        result = combine_effects(deltas, variances, method_re="iterated", use_t=True)
    tau2 = max(0.0, float(result.tau2))
    delta = float(result.mean_effect_re)
    error = max(float(result.sd_eff_w_re_hksj), float(result.sd_eff_w_re))
    ends = []
    for level in (CONFIDENCE, EQUIVALENCE_CONFIDENCE):
        reach = float(student_t.ppf((1 + level) / 2, n_tasks - 1)) * error
        ends.append((delta - reach, delta + reach))
    prediction = (NAN, NAN)
    if n_tasks >= 3:
        reach = float(student_t.ppf((1 + CONFIDENCE) / 2, n_tasks - 2) * np.sqrt(tau2 + error**2))
        prediction = (delta - reach, delta + reach)
    p_value = float(2 * student_t.sf(abs(delta) / error, n_tasks - 1))
    i2 = float(np.clip(result.i2, 0.0, 1.0))
    verdict = decide_verdict(ends[0], ends[1], p_value, smallest_effect)
    return Pooled(n_tasks, delta, ends[0], ends[1], prediction, tau2, i2, p_value, verdict, note)


def fit_mixed_model(contributions: dict[str, list[Floats]]) -> tuple[float, float, float]:
    """Mean and 95% interval of a mixed-effects model: items within tasks, tasks random.

    The restricted likelihood of a random intercept in closed form, profiled over the ratio of both variances. It is
    statsmodels' ``MixedLM(values, ones, groups=task).fit(reml=True)`` at a hundredth of its time; a test holds them
    equal. It takes the residual spread to be one and the same for all tasks, which the meta-analysis does not; where
    the two disagree, a task with unusual spread is why.

    Args:
        contributions: Paired contributions of items in points, by task; one array a subset.

    Returns:
        Delta, lower and upper end in points; NaN where fewer than three tasks are there.
    """
    if len(contributions) < 3:
        return NAN, NAN, NAN
    blocks = [_average_blocks(np.concatenate(arrays)) for arrays in contributions.values()]
    sizes = np.array([len(own) for own in blocks], dtype=np.float64)
    means = np.array([own.mean() for own in blocks])
    within = float(sum(np.sum((own - own.mean()) ** 2) for own in blocks))

    def deviance(log_ratio: float) -> float:
        weights = sizes / (1 + np.exp(log_ratio) * sizes)
        squares = within + np.sum(weights * (means - np.average(means, weights=weights)) ** 2)
        logs = np.sum(np.log1p(np.exp(log_ratio) * sizes)) + np.log(weights.sum())
        return float((sizes.sum() - 1) * np.log(squares) + logs)

    best = minimize_scalar(deviance, bounds=(-25.0, 15.0), method="bounded", options={"xatol": 1e-6}).x
    log_ratio = min((float(best), -25.0), key=deviance)
    weights = sizes / (1 + np.exp(log_ratio) * sizes)
    delta = float(np.average(means, weights=weights))
    variance = (within + np.sum(weights * (means - delta) ** 2)) / (sizes.sum() - 1)
    reach = float(norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(variance / weights.sum()))
    return delta, delta - reach, delta + reach


def _average_blocks(values: Floats) -> Floats:
    pieces = np.array_split(values, min(BLOCKS_PER_TASK, len(values)))
    return np.array([piece.mean() for piece in pieces])
