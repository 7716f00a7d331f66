"""Populations that sweeps are drawn from: real per-item scores where a run is given, else made ones of like shape."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from bench.analysis.blocks import Block, Place, RunLike
from bench.analysis.counted import prepare_statistic
from bench.analysis.pairing import group_by_place, pair_cells
from bench.errors import AnalysisError
from bench.items.table import Statistic

Floats = NDArray[np.float64]
N_CONDITIONS = 5


@dataclass(frozen=True)
class Population:
    """Items under several conditions, of which samples are drawn with replacement.

    Attributes:
        kind: Task type.
        source: The run's task and model, or ``made``.
        statistic: How a score comes from items.
        score: Item scores, or predictions where the score is no mean; ``(n_conditions, n_items, n_replicates)``.
        target: Gold values ``(n_items,)`` where the score is no mean.
        experiment: Standard deviations of experiment and residual for made classification, whose ``score`` is then the
            margin by which a sample is right, with one replicate.
    """

    kind: str
    source: str
    statistic: Statistic
    score: Floats
    target: Floats | None = None
    experiment: tuple[float, float] | None = None

    def true_delta(self, first: int = 1, second: int = 0) -> float:
        """The difference in the whole population."""
        if self.experiment is not None:
            right = ndtr(self.score[:, :, 0] / np.hypot(*self.experiment)).mean(axis=1)
            return float(right[first] - right[second])
        if self.target is None:
            return float(self.score[first].mean() - self.score[second].mean())
        whole = np.ones((len(self.target), 1))
        scores = prepare_statistic(self.statistic, self.score[:, :, 0], self.target)(whole)[:, 0]
        return float(scores[first] - scores[second])

    def draw(self, rng: np.random.Generator, n_items: int, *, exchange: bool, conditions: int) -> Block:
        """A sample of items, as one block.

        Args:
            rng: Source of all chance.
            n_items: Size of the sample.
            exchange: Shuffles the conditions of every item, so that no two differ but by noise.
            conditions: How many conditions to keep.
        """
        rows = rng.integers(0, self.score.shape[1], n_items)
        score = self.score[:, rows]
        if exchange:
            order = rng.permuted(np.tile(np.arange(len(score)), (n_items, 1)), axis=1).T
            score = np.take_along_axis(score, order[:, :, None], axis=0)
        score = score[:conditions]
        if self.target is not None:
            # The same item drawn twice would tie; items of a sample of one's own do not.
            score = score + rng.normal(0, 1e-9, score.shape)
        if self.experiment is not None:
            of_experiment = rng.normal(0, self.experiment[0], (len(score), 1, 10))
            margin = score + of_experiment + rng.normal(0, self.experiment[1], (len(score), n_items, 10))
            score = (margin > 0).astype(np.float64)
        elif score.shape[2] > 1:
            score = score[:, :, rng.integers(0, score.shape[2], score.shape[2])]
        return Block(
            place=Place("model", "task", self.kind, "default", "test"),
            statistic=self.statistic,
            metric="main",
            cells=(),
            row_of={},
            item_id=np.arange(n_items).astype(np.str_),
            unit=np.arange(n_items),
            value=score if self.target is None else np.zeros_like(score),
            prediction=None if self.target is None else score,
            target=None if self.target is None else self.target[rows][:, None],
        )

    def plant(self, size: float) -> Population:
        """The second condition made better, the first two being otherwise alike; ``size`` 0 changes nothing.

        A mean is shifted; predictions are drawn to the gold order.
        """
        score = self.score.copy()
        if self.target is None:
            score[1] += size
        else:
            score[1, :, 0] += size * rankdata(self.target) / len(self.target)
        return replace(self, score=score)


def make_populations(rng: np.random.Generator, n_items: int = 20_000) -> dict[str, Population]:
    """Made populations, one a task type: a gain from condition 0 to 1, and noise between all.

    Retrieval: nDCG@10 of one relevant document, whose rank follows a shared difficulty and a condition's own. Bitext
    mining: hits, of which few change. Classification: ten experiments with effects of their own. STS: ratings and
    similarities. Pair classification: labels and similarities. Clustering: V-measure of draws, spread mostly shared.
    """
    shared = rng.normal(size=n_items)
    own = rng.normal(size=(N_CONDITIONS, n_items))
    gain = np.zeros((N_CONDITIONS, 1))
    gain[1] = 1.0
    rank = np.floor(np.exp(1.2 + 1.5 * shared + 0.5 * own - 0.15 * gain))
    ndcg = (rank < 10) / np.log2(2 + np.minimum(rank, 10))
    latent = rng.normal(size=n_items)
    similarity = 0.7 + 0.1 * (latent * (1 + 0.1 * gain) + 0.8 * shared + 0.3 * own)
    label = (latent + 0.3 * rng.normal(size=n_items) > 0.6).astype(np.float64)
    rating = np.clip(np.round(2.5 + 1.2 * latent + 0.5 * rng.normal(size=n_items), 1), 0, 5)
    made: dict[str, tuple[Statistic, Floats, Floats | None]] = {
        "Retrieval": (Statistic.MEAN, ndcg, None),
        "BitextMining": (Statistic.MEAN, (1.6 + shared + 0.15 * (own + gain) > 0).astype(np.float64), None),
        "STS": (Statistic.SPEARMAN, similarity, rating),
        "PairClassification": (Statistic.AVERAGE_PRECISION, similarity, label),
        "Clustering": (Statistic.MEAN, 0.45 + 0.02 * shared + 0.008 * (own + gain), None),
    }
    populations = {
        kind: Population(kind, "made", statistic, score[:, :, None], target)
        for kind, (statistic, score, target) in made.items()
    }
    margin = (0.8 + shared + 0.4 * own + 0.03 * gain)[:, :, None]
    populations["Classification"] = Population("Classification", "made", Statistic.MEAN, margin, experiment=(0.05, 0.4))
    return populations


def load_populations(run: RunLike) -> dict[str, Population]:
    """Real populations: of each task type the cells of the task with most items under the most conditions."""
    best: dict[str, Block] = {}

    def size(block: Block) -> tuple[int, int]:
        return min(block.n_cells, N_CONDITIONS), len(block.item_id)

    for place, cells in group_by_place(run).items():
        try:
            block = pair_cells(run, place, cells)
        except AnalysisError:
            continue
        if block.n_cells >= 3 and (place.task_type not in best or size(block) > size(best[place.task_type])):
            best[place.task_type] = block
    return {kind: _take_block(kind, block) for kind, block in best.items()}


def _take_block(kind: str, block: Block) -> Population:
    source = f"{block.place.task} ({block.place.hf_subset}), {block.place.model}"
    if block.prediction is None or block.target is None:
        score = block.value[:N_CONDITIONS]
        if kind == "Clustering":
            score = _widen_draws(score)
        return Population(kind, source, block.statistic, score)
    # Conditions shift similarities as a whole; only ranks can be exchanged between them.
    ranks = rankdata(block.prediction[:N_CONDITIONS, :, :1], axis=1) / block.prediction.shape[1]
    return Population(kind, source, block.statistic, ranks, block.target[:, 0])


def _widen_draws(score: Floats) -> Floats:
    """Ten draws are too few to draw from: a normal population with their means and covariance."""
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(score[:, :, 0].mean(axis=1), np.cov(score[:, :, 0]), 20_000)
    return np.ascontiguousarray(draws.T)[:, :, None]
