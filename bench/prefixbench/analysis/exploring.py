"""What explored frames share: measured places, and rows decided as one exploratory family of a model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.names import CLUSTERING
from prefixbench.analysis.rules import ALPHA, ONE_CORPUS, Claim, Family, decide_family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.interval import Estimate
    from prefixbench.analysis.resampled import Resampled

    Floats = NDArray[np.float64]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measured:
    """The cells of one place, paired and resampled."""

    block: Block
    resampled: Resampled

    @property
    def n_units(self) -> int:
        """Independent units; the draws of a clustering are none."""
        return ONE_CORPUS if self.block.place.task_type == CLUSTERING else self.block.n_units

    def name(self) -> Row:
        """The fields that say where this is."""
        place = self.block.place
        return {
            "model": place.model, "task": place.task, "task_type": place.task_type, "hf_subset": place.hf_subset,
            "hf_split": place.hf_split, "metric": self.block.metric,
        }  # fmt: skip

    def combine(self, weights: Mapping[int, float]) -> PairedData:
        """Return a weighted sum of cells, by row; every contrast of conditions is one."""
        own = self.resampled
        contribution = sum(weight * own.contribution[row] for row, weight in weights.items())
        replica = sum(weight * own.replica[row] for row, weight in weights.items())
        return PairedData(contribution, own.weight, replica, self.block.statistic, self.n_units == ONE_CORPUS)

    def infer(self, weights: Mapping[int, float]) -> Estimate:
        """Estimate a weighted sum of cells.

        Raises:
            AnalysisError: The metric is undefined.
        """
        return infer_contrast(self.combine(weights)).estimate


@dataclass(frozen=True, slots=True)
class Explored:
    """A row and what is asked of it."""

    row: Row
    claim: Claim


def decide_rows(explored: Iterable[Explored]) -> list[Row]:
    """Write delta, intervals, p and word into every row; a model's rows are one exploratory family."""
    by_model: dict[str, list[Explored]] = defaultdict(list)
    for one in explored:
        by_model[one.row["model"]].append(one)
    rows = []
    for own in by_model.values():
        for one, decision in zip(own, decide_family([each.claim for each in own], Family.EXPLORATORY), strict=True):
            estimate = one.claim.estimate
            low, high = estimate.interval(ALPHA)
            rows.append(
                one.row
                | {
                    "delta_points": estimate.delta,
                    "standard_error": estimate.error,
                    "ci_low": low,
                    "ci_high": high,
                    "ci_low_adjusted": decision.interval[0],
                    "ci_high_adjusted": decision.interval[1],
                    "p_adjusted": decision.p_adjusted,
                    "margin": one.claim.margin,
                    "verdict": decision.verdict.value,
                }
            )
    return rows
