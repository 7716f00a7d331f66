"""Scores that are no means of items, and experiments crossed with items: populations with a true delta, simulated."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prefixbench.analysis.blocks import Block, Place
from prefixbench.analysis.counted import prepare_statistic
from prefixbench.analysis.inference import Inference, PairedData, infer_contrast
from prefixbench.analysis.resampled import resample_block
from prefixbench.analysis.rules import ALPHA, Claim, Family, Verdict, decide_family
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.items.table import Statistic

Floats = NDArray[np.float64]
Rng = np.random.Generator
Row = dict[str, Any]

SAMPLES = 500
"""A share of 95% is known to ±1 point, one of 80% to ±1.8 (one standard error)."""
FAMILY = 6
N_EXPERIMENTS = 10


def draw_pairs(rng: Rng, n: int) -> tuple[Floats, Floats]:
    """Labelled pairs: similarities of two models that agree for the most part, ``(2, n)``, and labels ``(n,)``."""
    target = (rng.random(n) < 0.4).astype(np.float64)
    shared = target + rng.normal(0, 0.8, n)
    return np.stack([shared + rng.normal(0, 0.5, n), shared + rng.normal(0, 0.6, n)]), target


def draw_grades(rng: Rng, n: int) -> tuple[Floats, Floats]:
    """Graded pairs in steps of a half, with a tail that one model gets wrong."""
    latent = rng.gamma(2.0, 1.0, n)
    wild = np.where(rng.random(n) < 0.05, rng.normal(0, 3, n), 0.0)
    first = latent + rng.normal(0, 0.8, n)
    return np.stack([first, first + rng.normal(0, 0.5, n) + wild]), np.round(2 * latent) / 2


def draw_bitext(rng: Rng, n: int) -> tuple[Floats, Floats]:
    """Sentences matched to their translations, nine in ten rightly, the rest to any other."""
    gold = np.arange(n, dtype=np.float64)
    difficulty = rng.random(n)
    wrong = rng.integers(0, n, (2, n)).astype(np.float64)
    return np.where(difficulty + rng.normal(0, 0.1, (2, n)) < np.array([[0.92], [0.90]]), gold, wrong), gold


DRAWS: dict[str, tuple[Statistic, Callable[[Rng, int], tuple[Floats, Floats]]]] = {
    "average precision": (Statistic.AVERAGE_PRECISION, draw_pairs),
    "Spearman": (Statistic.SPEARMAN, draw_grades),
    "weighted F1": (Statistic.WEIGHTED_F1, draw_bitext),
}
EXPERIMENTS = "accuracy over ten experiments"
NAMES = (*DRAWS, EXPERIMENTS)


@lru_cache(maxsize=8)
def find_truth(name: str) -> float:
    """The delta of the population, points: that of four samples of a hundred thousand items."""
    if name == EXPERIMENTS:
        return 0.0
    statistic, draw = DRAWS[name]
    deltas = []
    for part in range(4):
        prediction, target = draw(np.random.default_rng([11, part]), 100_000)
        scores = prepare_statistic(statistic, prediction, target)(np.ones((len(target), 1)))[:, 0]
        deltas.append(100 * (scores[0] - scores[1]))
    return float(np.mean(deltas))


def infer_sample(name: str, n_units: int, rng: Rng) -> Inference:
    """One sample, as the analysis infers it."""
    if name == EXPERIMENTS:
        items = np.where(rng.random((n_units, 1)) < 0.2, rng.choice([-1.0, 1.0], (n_units, 1)), 0.0)
        residual = np.where(rng.random((n_units, N_EXPERIMENTS)) < 0.7, items, 0.0)
        own = rng.normal(0, 0.01, (1, N_EXPERIMENTS))
        return infer_contrast(PairedData(residual + own, np.ones(n_units), np.empty(0)))
    statistic, draw = DRAWS[name]
    prediction, target = draw(rng, n_units)
    block = Block(
        Place("", name, "", "", ""), statistic, name, (), {}, np.arange(n_units).astype(str), np.arange(n_units),
        np.zeros((2, n_units, 1)), prediction[:, :, None], target[:, None],
    )  # fmt: skip
    resampled = resample_block(block, AnalysisSettings().n_resamples, 42)
    data = PairedData(
        resampled.contribution[0] - resampled.contribution[1], resampled.weight,
        resampled.replica[0] - resampled.replica[1], statistic,
    )  # fmt: skip
    return infer_contrast(data)


def simulate_rebuilt(name: str, n_units: int, rng: Rng) -> Row:
    """Coverage, false words with the margin at the true delta, and power at the printed MDE in a family of six.

    No item can be shifted so that a rank correlation gains just so much. What is planted instead is the bound: it is
    put as far below the truth as the printed MDE lies above its margin.
    """
    truth = find_truth(name)
    margin = abs(truth)
    estimates = [infer_sample(name, n_units, rng).estimate for _ in range(SAMPLES)]
    covered = [low <= truth <= high for low, high in (own.interval(ALPHA) for own in estimates)]
    false = {Verdict.HELPS, Verdict.HURTS, Verdict.EQUIVALENT} if margin else {Verdict.POSITIVE, Verdict.NEGATIVE}
    words = [decide_family([Claim(own, margin, n_units)], Family.PRIMARY)[0].verdict for own in estimates]
    beyond = float(np.mean([own.detectable(0.0, ALPHA / FAMILY, 0.8) for own in estimates]))
    sign = 1 if truth >= 0 else -1
    ends = [sign * own.cautious_interval(ALPHA / FAMILY)[0 if sign > 0 else 1] for own in estimates]
    return {
        "samples": SAMPLES,
        "truth": truth,
        "coverage": float(np.mean(covered)),
        "false_words": float(np.mean([word in false | {Verdict.HELPS, Verdict.HURTS} for word in words])),
        "stated": beyond,
        "reached": float(np.mean([end > sign * truth - beyond for end in ends])),
    }
