"""Populations that samples are drawn from: the per-item scores of committed runs, with their clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from prefixbench.analysis.blocks import Block, Place, RunLike
from prefixbench.analysis.counted import prepare_statistic
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.settings import FEWEST_ITEMS
from prefixbench.errors import AnalysisError
from prefixbench.items.table import Statistic
from scipy.stats import rankdata

Floats = NDArray[np.float64]
N_CONDITIONS = 5
LABELLED = frozenset({Statistic.WEIGHTED_F1})
"""Statistics of label codes: in bitext mining every item is its own label, so codes follow the sample."""


@dataclass(frozen=True)
class Population:
    """Items under several conditions, of which clusters are drawn with replacement.

    Attributes:
        kind: Task type, and what is special about the items.
        source: The run's task and model.
        statistic: How a score comes from items.
        score: Item scores, or predictions where the score is no mean; ``(n_conditions, n_items, n_replicates)``.
        unit: Cluster of each item ``(n_items,)``.
        target: Gold values ``(n_items,)`` where the score is no mean.
    """

    kind: str
    source: str
    statistic: Statistic
    score: Floats
    unit: NDArray[np.int64]
    target: Floats | None = None

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        order = np.argsort(self.unit, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.unit[order])) + 1)

    @property
    def is_clustered(self) -> bool:
        """Whether items share clusters."""
        return len(self._members) < len(self.unit)

    def true_delta(self, n_items: int) -> float:
        """The difference between the second condition and the first in the whole population.

        F1 depends on how many labels there are; its truth for ``n_items`` is the mean over many samples of that size.
        """
        if self.target is None:
            return float(self.score[1].mean() - self.score[0].mean())
        if self.statistic in LABELLED:
            rng = np.random.default_rng(5)
            return float(np.mean([_score_block(self.draw(rng, n_items, conditions=2)) for _ in range(4_000)]))
        whole = np.ones((len(self.target), 1))
        scores = prepare_statistic(self.statistic, self.score[:2, :, 0], self.target)(whole)[:, 0]
        return float(scores[1] - scores[0])

    def draw(self, rng: np.random.Generator, n_items: int, *, conditions: int, exchange: bool = False) -> Block:
        """A sample of about ``n_items`` items in whole clusters, as one block.

        Args:
            rng: Source of all chance.
            n_items: Expected size of the sample; at least ten clusters are drawn.
            conditions: How many conditions to keep.
            exchange: Shuffles the conditions of every cluster, so that no two differ but by noise.
        """
        members = self._members
        n_units = max(FEWEST_ITEMS, round(n_items * len(members) / len(self.unit)))
        drawn = [members[number] for number in rng.integers(0, len(members), n_units)]
        rows = np.concatenate(drawn)
        unit = np.repeat(np.arange(n_units), [len(own) for own in drawn])
        score = self.score[:, rows]
        if score.shape[2] > 1:
            score = score[:, :, rng.integers(0, score.shape[2], score.shape[2])]
        if exchange:
            score = _exchange(score, unit, rng)
        score, target = self._finish(score[:conditions], rows, rng)
        return Block(
            place=Place("model", "task", self.kind, "default", "test"),
            statistic=self.statistic,
            metric="main",
            cells=(),
            row_of={},
            item_id=np.arange(len(rows)).astype(np.str_),
            unit=unit,
            value=score if target is None else np.zeros_like(score),
            prediction=None if target is None else score,
            target=None if target is None else target[:, None],
        )

    def _finish(self, score: Floats, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats | None]:
        """Items drawn twice are made items of their own: no tie between them, no shared label."""
        if self.target is None:
            return score, None
        if self.statistic not in LABELLED:
            return score + rng.normal(0, 1e-9, score.shape), self.target[rows]
        own, codes = np.arange(len(rows)), self.target[rows].astype(np.int64)
        place = np.full(int(max(self.score.max(), self.target.max())) + 1, -1)
        place[codes] = own
        found = place[score.astype(np.int64)]
        label = np.where(found >= 0, found, len(rows) + score)
        label = np.where(score == codes[:, None], own[:, None], label)
        return label.astype(np.float64), own.astype(np.float64)

    def level(self, rng: np.random.Generator) -> Population:
        """The first two conditions exchanged at random cluster by cluster, so that they are alike."""
        swap = (rng.random(len(self._members)) < 0.5)[self.unit]
        score = self.score[:2].copy()
        score[:, swap] = score[::-1][:, swap]
        if self.target is None:
            score[1] += score[0].mean() - score[1].mean()
        return replace(self, score=score)

    def plant(self, size: float) -> Population:
        """The second condition made better: a mean is shifted, predictions are drawn to the gold order."""
        score = self.score.copy()
        if self.target is None:
            score[1] += size
        else:
            score[1, :, 0] += size * rankdata(self.target) / len(self.target)
        return replace(self, score=score)


def _score_block(block: Block) -> float:
    assert block.prediction is not None
    assert block.target is not None
    compute = prepare_statistic(block.statistic, block.prediction[:, :, 0], block.target[:, 0])
    scores = compute(np.ones((len(block.item_id), 1)))[:, 0]
    return float(scores[1] - scores[0])


def _exchange(score: Floats, unit: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Shuffle the conditions of every cluster, and of every experiment what it adds to a condition."""
    order = rng.permuted(np.tile(np.arange(len(score)), (int(unit.max()) + 1, 1)), axis=1)[unit].T[:, :, None]
    if score.shape[2] == 1:
        return np.take_along_axis(score, order, axis=0)
    of_experiment = score.mean(axis=1, keepdims=True)
    of_experiment = of_experiment - of_experiment.mean(axis=2, keepdims=True)
    exchanged = np.take_along_axis(score - of_experiment, order, axis=0)
    return np.asarray(exchanged + rng.permuted(of_experiment, axis=0), dtype=np.float64)


def load_populations(runs: list[RunLike]) -> dict[str, Population]:
    """Of each task type the cells of the task with most conditions, then most items.

    Retrieval is taken twice: with queries that stand alone, and with queries that share their documents.
    """
    best: dict[str, Block] = {}

    def size(block: Block) -> tuple[int, int]:
        return min(block.n_cells, N_CONDITIONS), len(block.item_id)

    for run in runs:
        for place, cells in group_by_place(run).items():
            try:
                block = pair_cells(run, place, cells)
            except AnalysisError:
                continue
            kind = place.task_type
            if kind == "Retrieval" and 2 * block.n_units < len(block.item_id):
                kind = "Retrieval, shared documents"
            if block.n_cells >= N_CONDITIONS and (kind not in best or size(block) > size(best[kind])):
                best[kind] = block
    return {kind: _take_block(kind, best[kind]) for kind in sorted(best)}


def _take_block(kind: str, block: Block) -> Population:
    source = f"{block.place.task}, {block.place.model}"
    if block.prediction is None or block.target is None:
        return Population(kind, source, block.statistic, block.value[:N_CONDITIONS], block.unit)
    prediction, target = block.prediction[:N_CONDITIONS, :, :1], block.target[:, 0]
    if block.statistic not in LABELLED:
        # Conditions shift similarities as a whole; only ranks can be exchanged between them.
        prediction = rankdata(prediction, axis=1) / prediction.shape[1]
    return Population(kind, source, block.statistic, prediction, block.unit, target)
