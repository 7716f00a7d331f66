"""Populations of paired changes: made ones, asymmetric on purpose, and the changes of committed cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from prefixbench.analysis.blocks import Block
from prefixbench.analysis.inference import Inference, PairedData, infer_contrast
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.errors import AnalysisError
from prefixbench.items.table import Statistic
from prefixbench.results import load_run

Floats = NDArray[np.float64]
Rng = np.random.Generator

SPREAD = 0.15
"""Standard deviation of the made changes that are not counts, in score units (0–1)."""


def draw_normal(rng: Rng, shape: tuple[int, int]) -> Floats:
    """Symmetric changes, for comparison: they cannot see the faults that the others see."""
    return rng.normal(0.0, SPREAD, shape)


def draw_skewed(rng: Rng, shape: tuple[int, int]) -> Floats:
    """Many small gains and a tail of losses, skewness −2.7."""
    form = (2 / 2.7) ** 2
    return np.asarray(-(rng.gamma(form, 1.0, shape) - form) / np.sqrt(form) * SPREAD, dtype=np.float64)


def draw_sparse(rng: Rng, shape: tuple[int, int]) -> Floats:
    """One unit in ten changes, mostly for the better."""
    return np.where(rng.random(shape) < 0.1, rng.normal(0.2, 0.3, shape), 0.0)


def draw_rare(rng: Rng, shape: tuple[int, int]) -> Floats:
    """One unit in a hundred loses 90 points; the others gain a little, each nearly the same."""
    return np.where(rng.random(shape) < 0.01, -0.9, 0.009) + rng.normal(0.0, 0.01, shape)


def draw_hits(rng: Rng, shape: tuple[int, int]) -> Floats:
    """Hits and misses: six in a hundred are gained, four lost."""
    drawn = rng.random(shape)
    return np.where(drawn < 0.06, 1.0, np.where(drawn < 0.10, -1.0, 0.0))


MADE: dict[str, Callable[[Rng, tuple[int, int]], Floats]] = {
    "normal": draw_normal,
    "skewed": draw_skewed,
    "few change": draw_sparse,
    "rare large loss": draw_rare,
    "hits and misses": draw_hits,
}


@dataclass(frozen=True)
class Population:
    """Changes of clusters, ``(n_clusters,)`` sums over ``size`` items each, or a way to draw single items.

    Attributes:
        name: What is special about it.
        mean: Mean change of an item, in score units.
        draw: Gives sums and sizes of ``(n_samples, n_units)`` units.
    """

    name: str
    mean: float
    draw: Callable[[Rng, tuple[int, int]], tuple[Floats, Floats]]

    def infer(self, rng: Rng, n_samples: int, n_units: int, effect: float) -> list[Inference]:
        """Samples whose true delta is ``effect`` points, as the analysis infers them."""
        sums, sizes = self.draw(rng, (n_samples, n_units))
        sums = sums + (effect / 100 - self.mean) * sizes
        made = []
        for own, size in zip(sums, sizes, strict=True):
            even = size.mean()
            made.append(infer_contrast(PairedData((own / even)[:, None], size / even, np.empty(0), Statistic.MEAN)))
        return made


def make_population(name: str) -> Population:
    """Return one of the made populations; its mean is that of four million draws."""
    of_unit = MADE[name]
    mean = float(np.mean([of_unit(np.random.default_rng([7, part]), (1, 500_000)).mean() for part in range(8)]))
    return Population(name, mean, lambda rng, shape: (of_unit(rng, shape), np.ones(shape)))


def make_clustered() -> Population:
    """Clusters of one to eight queries that share a document, and most of their change."""

    def draw(rng: Rng, shape: tuple[int, int]) -> tuple[Floats, Floats]:
        sizes = rng.integers(1, 9, shape).astype(np.float64)
        shared = draw_skewed(rng, shape)
        return sizes * shared + rng.normal(0.0, SPREAD, shape) * np.sqrt(sizes), sizes

    return Population("skewed, in clusters", 0.0, draw)


def take_block(block: Block, name: str) -> Population:
    """Clusters of a committed cell's paired changes, drawn with replacement."""
    change = (block.value[1] - block.value[0]).mean(axis=1)
    sums: Floats = np.asarray(np.bincount(block.unit, weights=change, minlength=block.n_units), dtype=np.float64)
    sizes = block.unit_sizes

    def draw(rng: Rng, shape: tuple[int, int]) -> tuple[Floats, Floats]:
        drawn = rng.integers(0, len(sums), shape)
        return sums[drawn], sizes[drawn]

    return Population(name, float(change.mean()), draw)


CELLS = (
    ("starter", "StarterDocRetrieval", "prefixbench/minilm-prefixed"),
    ("starter", "StarterReranking", "prefixbench/minilm-prefixed"),
    ("validity", "XQuADRetrieval", "sentence-transformers/all-MiniLM-L6-v2"),
)
"""Committed cells whose scores are means of items: results folder, task, model."""


@lru_cache(maxsize=1)
def load_populations() -> dict[str, Population]:
    """Return every population by name."""
    made = [make_population(name) for name in MADE] + [make_clustered()]
    for folder, task, model in CELLS:
        run = load_run(f"results/{folder}")
        for place, cells in group_by_place(run).items():
            if (place.task, place.model) == (task, model):
                try:
                    made.append(take_block(pair_cells(run, place, cells), f"{task} ({place.task_type})"))
                except AnalysisError:
                    continue
    return {population.name: population for population in made}
