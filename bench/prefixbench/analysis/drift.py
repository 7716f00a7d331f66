"""What a prefix does to similarities that someone has set a threshold on.

Average precision ranks pairs and never sees that all similarities rose together. A system that calls pairs alike above
a fixed cosine does: with the threshold that was best under ``none``, an instruction that costs a fraction of a point of
average precision can turn most pairs into duplicates. The threshold is taken from one half of the units and applied to
the other, both ways, so that ``none`` is not judged by pairs its threshold was fitted to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.inference import infer_mean
from prefixbench.analysis.metrics import PRECISION
from prefixbench.analysis.rules import ALPHA, Claim, Family, decide_family
from prefixbench.items.table import Statistic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block
    from prefixbench.analysis.inference import Inference
    from prefixbench.analysis.settings import AnalysisSettings

    Floats = NDArray[np.float64]

Row = dict[str, Any]

OF_LABELLED_PAIRS = frozenset({Statistic.AVERAGE_PRECISION, Statistic.BEST_ACCURACY})
OF_PAIRS = OF_LABELLED_PAIRS | {Statistic.SPEARMAN, Statistic.PEARSON, Statistic.KENDALL}
"""Statistics over similarities of pairs; only labelled pairs have a threshold."""


def find_threshold(similarity: Floats, target: Floats) -> float:
    """Return the similarity from which on calling pairs alike is right most often, midway between two pairs.

    Args:
        similarity: Shape ``(n_pairs,)``.
        target: 0 or 1, same shape.
    """
    order = np.argsort(similarity, kind="stable")
    ordered, positive = similarity[order], target[order] == 1
    # Right with the threshold before pair i: the unlike pairs below it and the like ones from it on.
    right = np.concatenate([[0], np.cumsum(~positive)]) + positive.sum() - np.concatenate([[0], np.cumsum(positive)])
    parted = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    best = int(np.argmax(np.where(parted, right, -1)))
    if best == 0:
        return float(ordered[0])
    if best == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[best - 1] + ordered[best]) / 2)


def describe_drift(block: Block, settings: AnalysisSettings) -> list[Row]:
    """Return one row a condition of a block of pairs; none for other blocks, or where ``none`` was not run.

    Conditions whose stored similarities are of another measure than the cosine are left out.

    Every delta is exploratory: Benjamini and Hochberg's correction is over the conditions of the block.
    """
    if block.statistic not in OF_PAIRS or block.prediction is None or block.target is None:
        return []
    if "none" not in block.row_of or not holds_cosines(block, block.row_of["none"]):
        return []
    similarity = block.prediction[:, :, 0]
    baseline = block.row_of["none"]
    is_called = _call(block, similarity, settings.seed) if block.statistic in OF_LABELLED_PAIRS else None
    rows = []
    for name, row in block.row_of.items():
        if row == baseline or not holds_cosines(block, row):
            continue
        shift = infer_mean(block, similarity[row] - similarity[baseline])
        own: Row = {
            "model": block.place.model, "task": block.place.task, "task_type": block.place.task_type,
            "hf_subset": block.place.hf_subset, "hf_split": block.place.hf_split, "condition": name,
            "n_items": len(block.item_id), "n_units": block.n_units, **_points("cosine", shift, 0.01),
        }  # fmt: skip
        if is_called is not None:
            own |= _describe_calls(block, is_called[row], is_called[baseline], settings)
        rows.append(own)
    _decide(rows)
    return rows


def holds_cosines(block: Block, row: int) -> bool:
    """Whether a cell's similarities are cosines; mteb's main score may be that of the best of several measures.

    Distances are stored negated, so that none is above zero; dot products of long vectors pass one.
    """
    assert block.prediction is not None
    similarity, cell = block.prediction[row], block.cells[row]
    of_cosine = cell.scores.get(f"cosine_{cell.main_score.rpartition('_')[2]}", cell.score)
    is_measure = abs(of_cosine - cell.score) < PRECISION
    return is_measure and bool(similarity.max() > 0 and np.abs(similarity).max() <= 1 + PRECISION)


def _call(block: Block, similarity: Floats, seed: int) -> NDArray[np.bool_]:
    """Whether each pair is called alike under each condition, by the threshold of the other half under ``none``."""
    assert block.target is not None
    target = block.target[:, 0]
    in_second = (np.random.default_rng([seed, block.n_units, 4]).permutation(block.n_units) % 2 == 1)[block.unit]
    under_none = similarity[block.row_of["none"]]
    of_first, of_second = (find_threshold(under_none[half], target[half]) for half in (~in_second, in_second))
    return np.asarray(similarity >= np.where(in_second, of_first, of_second))


def _describe_calls(
    block: Block, called: NDArray[np.bool_], called_before: NDArray[np.bool_], settings: AnalysisSettings
) -> Row:
    assert block.target is not None
    is_alike = block.target[:, 0] == 1
    right, right_before = called == is_alike, called_before == is_alike
    accuracy = infer_mean(block, right.astype(np.float64) - right_before)
    share = infer_mean(block, called.astype(np.float64) - called_before)
    margin = settings.margin_of("accuracy")
    return {
        "accuracy": float(right.mean()),
        "accuracy_before": float(right_before.mean()),
        **_points("accuracy", accuracy),
        "share_alike": float(called.mean()),
        "share_alike_before": float(called_before.mean()),
        **_points("share", share),
        "margin": margin,
        "claim": Claim(accuracy.estimate, margin, block.n_units),
    }


def _points(name: str, inference: Inference, scale: float = 1.0) -> Row:
    """Return delta and plain 95% interval; ``scale`` turns points back into other units."""
    low, high = inference.estimate.interval(ALPHA)
    unit = "points" if scale == 1.0 else "shift"
    return {
        f"{name}_{unit}": scale * inference.estimate.delta,
        f"{name}_low": scale * low,
        f"{name}_high": scale * high,
    }


def _decide(rows: Sequence[Row]) -> None:
    """Give every row the verdict on its accuracy."""
    claimed = [row for row in rows if "claim" in row]
    decisions = decide_family([row["claim"] for row in claimed], Family.EXPLORATORY)
    for row, decision in zip(claimed, decisions, strict=True):
        del row["claim"]
        row |= {
            "accuracy_low_adjusted": decision.interval[0],
            "accuracy_high_adjusted": decision.interval[1],
            "p_adjusted": decision.p_adjusted,
            "verdict": decision.verdict.value,
        }
