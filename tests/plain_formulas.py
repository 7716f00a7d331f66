"""Scores, standard errors and intervals once more, written plainly from the formulas of ``docs/methodology.md``.

Nothing here is taken from the analysis but the seeded draw of the thousand blocks of a jackknife over more units, which
is part of what is declared. Resamples are drawn afresh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from prefixbench.items.table import ItemTable
from scipy import stats

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_BLOCKS = 1_000
N_DRAWS = 1_000


@dataclass(frozen=True)
class Cell:
    """One cell's items, sorted by name.

    Attributes:
        score: Its main score, 0–1.
        parts: What each unit adds, ``(n_units, n_experiments)``; their mean is the score.
        share: Each unit's share of the items, mean 1, ``(n_units,)``.
        drawn: Its score in resamples of its own units, ``(N_DRAWS,)``; none where the jackknife stands alone.
    """

    score: float
    parts: Floats
    share: Floats
    drawn: Floats


@dataclass(frozen=True)
class Interval:
    """Points.

    Attributes:
        delta: The difference of two cells.
        error: Its standard error.
        plain: The 95% interval of the items seen.
        cautious: The same with two imagined units.
    """

    delta: float
    error: float
    plain: tuple[float, float]
    cautious: tuple[float, float]


def read_cell(table: ItemTable, seed: int) -> Cell:
    """Take one cell apart."""
    names = np.unique(table.item_id)
    experiments = np.unique(table.replicate)
    if table.n_rows == len(names):  # every item once; where there are several draws, the draw is the unit
        order = np.argsort(table.item_id, kind="stable")
        group = table.replicate[order].astype(str) if len(experiments) > 1 else table.group_id[order]
        n_experiments = 1
    else:
        order = np.lexsort((table.replicate, table.item_id))
        n_experiments = len(experiments)
        group = table.group_id[order][::n_experiments]
    unit = np.unique(group, return_inverse=True)[1]
    if table.statistic.value == "mean":
        value = table.value[order].reshape(len(names), n_experiments)
        n_units = int(unit.max()) + 1
        sums = np.array([np.bincount(unit, column, n_units) for column in value.T]).T
        share = np.bincount(unit) * n_units / len(names)
        return Cell(float(value.mean()), sums * n_units / len(names), share, np.empty(0))
    assert n_experiments == 1, "no committed metric that is no mean has several experiments"
    assert table.prediction is not None
    assert table.target is not None
    return _take_apart(table.statistic.value, table.prediction[order], table.target[order], unit, seed)


def _take_apart(statistic: str, prediction: Floats, target: Floats, unit: Integers, seed: int) -> Cell:
    score = {"spearman": spearman, "weighted_f1": weighted_f1, "average_precision": average_precision}[statistic]
    n_units = int(unit.max()) + 1
    block = unit
    if n_units > MOST_BLOCKS:
        block = (np.random.default_rng([seed, n_units, 2]).permutation(n_units) % MOST_BLOCKS)[unit]
    n_blocks = int(block.max()) + 1
    whole = score(prediction, target, np.ones((1, len(unit))))[0]
    kept = (np.arange(n_blocks)[:, None] != block).astype(np.float64)
    pseudo = n_blocks * whole - (n_blocks - 1) * score(prediction, target, kept)
    pseudo += whole - pseudo.mean()
    drawn = np.empty(0)
    if statistic == "average_precision":  # a step function of the ranking, whose jackknife is too wide
        rng = np.random.default_rng(2_024)
        picked = rng.integers(0, n_units, (N_DRAWS, n_units))
        counts = np.array([np.bincount(own, minlength=n_units)[unit] for own in picked], dtype=np.float64)
        drawn = score(prediction, target, counts)
    return Cell(float(whole), pseudo[:, None], np.ones(n_blocks), drawn)


def average_precision(prediction: Floats, target: Floats, counts: Floats) -> Floats:
    """Precision at each distinct similarity, weighted by the recall that it adds; a row of counts a sample."""
    order = np.argsort(-prediction, kind="stable")
    last = np.append(np.diff(prediction[order]) != 0, True)
    drawn = counts[:, order]
    called = np.cumsum(drawn, axis=1)[:, last]
    right = np.cumsum(drawn * (target[order] > 0), axis=1)[:, last]
    added = np.diff(right, axis=1, prepend=0.0)
    return np.asarray(np.sum(added * right / np.maximum(called, 1), axis=1) / right[:, -1])


def spearman(prediction: Floats, target: Floats, counts: Floats) -> Floats:
    """Pearson's correlation of the ranks, ties at their mean rank, of the items that are left."""
    scores = []
    for own in counts:
        one, other = (stats.rankdata(values[own > 0]) for values in (prediction, target))
        one, other = one - one.mean(), other - other.mean()
        scores.append(one @ other / np.sqrt((one @ one) * (other @ other)))
    return np.array(scores)


def weighted_f1(prediction: Floats, target: Floats, counts: Floats) -> Floats:
    """F1 of each label, weighted by how often it is the true one."""
    labels, codes = np.unique(np.concatenate([prediction, target]), return_inverse=True)
    called, true = codes[: len(prediction)], codes[len(prediction) :]
    scores = []
    for own in counts:
        n_called, n_true = (np.bincount(codes, own, len(labels)) for codes in (called, true))
        hits = np.bincount(true, own * (called == true), len(labels))
        scores.append(np.sum(n_true * 2 * hits / np.maximum(n_called + n_true, 1)) / np.sum(own))
    return np.array(scores)


def compare_cells(first: Cell, second: Cell, *, one_corpus: bool) -> Interval:
    """Two cells of the same items: Hall's interval of the difference."""
    change = 100 * (first.parts - second.parts)
    n, k = change.shape
    delta = float(change.mean())
    deviation = change.mean(axis=1) - delta * first.share
    of_items = float(np.sum(deviation**2)) / (n * (n - 1))
    third = float(np.sum(deviation**3)) / n**3
    degrees, tails = n - 1.0, _count_degrees(deviation)
    beyond = observed = 0.0
    if k > 1:  # experiments crossed with items: what their means differ by, beyond what the residuals explain
        means = change.mean(axis=0) - delta
        observed = float(np.sum(means**2)) / (k - 1)
        residual = change - change.mean(axis=1, keepdims=True) - means
        beyond = max(0.0, observed - float(np.sum(residual**2)) / ((n - 1) * (k - 1)) / n)
        if beyond:
            third += float(np.sum(means**3)) * (beyond / np.mean(means**2)) ** 1.5 / k**3
    variance = of_items + beyond / k
    if k > 1:
        spent = (observed / k) ** 2 / (k - 1) if beyond else 0.0
        degrees, tails = (
            min(variance**2 / (of_items**2 / own + spent), n - 1.0) if variance else n - 1.0 for own in (degrees, tails)
        )
    skew = third / (6 * (of_items * (n - 1) / n + beyond / k) ** 1.5) if variance else 0.0
    if len(first.drawn) and variance:
        drawn = 100 * np.std(first.drawn - second.drawn, ddof=1) * np.sqrt(n / (n - 1))
        variance, tails = min(variance, float(drawn) ** 2), degrees
    reach = float(stats.t.ppf(0.975, tails))
    plain = _compute_ends(delta, variance, skew, reach)
    # One unit at each end of the range that nobody saw; not for the draws of one corpus.
    total = variance + (0.0 if one_corpus else 100**2 * 2 / ((n + 2) * (n + 1)))
    wide = _compute_ends(delta, total, skew * (variance / total) ** 1.5 if total else 0.0, reach)
    cautious = min(plain[0], wide[0]), max(plain[1], wide[1])
    return Interval(delta, float(np.sqrt(variance)), plain, cautious)


def _count_degrees(deviation: Floats) -> float:
    """Degrees of freedom of a variance whose own variance the excess kurtosis tells."""
    n = len(deviation)
    if np.allclose(deviation, 0, atol=1e-12):
        return n - 1.0
    excess = max(0.0, float(stats.kurtosis(deviation, bias=False)))
    return float(max(1.0, 2 / (2 / (n - 1) + excess / n)))


def _compute_ends(delta: float, variance: float, skew: float, reach: float) -> tuple[float, float]:
    low, high = (
        delta - np.sqrt(variance) * ((np.cbrt(1 + 6 * skew * (z - skew)) - 1) / (2 * skew) if skew else z)
        for z in (reach, -reach)
    )
    return float(low), float(high)
