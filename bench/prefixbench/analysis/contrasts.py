"""Every contrast of a run, as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.blocks import Block
from prefixbench.analysis.draws import Draws
from prefixbench.analysis.inference import Estimate, PairedData, estimate_contrast
from prefixbench.analysis.names import PLANNED, Pair, format_contrast, list_contrasts
from prefixbench.analysis.verdicts import Verdict, correct_for_multiplicity, count_items_to_settle, decide_verdict
from prefixbench.errors import AnalysisError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.analysis.resampled import Resampled
    from prefixbench.analysis.settings import AnalysisSettings

    Floats = NDArray[np.float64]

SAME_STRINGS = "same strings: both names are one cell"


@dataclass
class Findings:
    """Rows gathered block by block; see `prefixbench.analysis.columns` for their fields.

    Attributes:
        contributions: Each unit's paired contribution in points, by the row's place in ``contrasts``.
    """

    contrasts: list[dict[str, Any]] = field(default_factory=list)
    movers: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    contributions: dict[int, Floats] = field(default_factory=dict)

    def extend(self, other: Findings) -> None:
        """Add another's rows behind one's own."""
        self.contributions |= {number + len(self.contrasts): own for number, own in other.contributions.items()}
        self.contrasts += other.contrasts
        self.movers += other.movers
        self.refusals += other.refusals


def compare_block(block: Block, resampled: Resampled, settings: AnalysisSettings, findings: Findings) -> None:
    """Add every contrast of one block, or the sentence that says why it cannot be made."""
    names = {*block.row_of, *block.faults}
    flipped = flip_signs(resampled, settings)
    for pair in list_contrasts(names, settings.contrasts):
        faults = [block.faults[name] for name in pair if name in block.faults]
        where = {**_place_fields(block), "contrast": format_contrast(pair)}
        if faults:
            findings.refusals.append({**where, "reason": faults[0]})
            continue
        try:
            row, contribution = _compare_pair(block, resampled, flipped, pair, settings)
        except AnalysisError as error:
            findings.refusals.append({**where, "reason": str(error)})
            continue
        if row["planned"]:
            findings.contributions[len(findings.contrasts)] = contribution
        findings.contrasts.append(row)
        if not row["identical"]:
            findings.movers.extend(_list_movers(block, pair, settings.n_movers))


def _place_fields(block: Block) -> dict[str, str]:
    place = block.place
    return {"model": place.model, "task": place.task, "hf_subset": place.hf_subset, "hf_split": place.hf_split}


def flip_signs(resampled: Resampled, settings: AnalysisSettings) -> Floats:
    """Mean contribution of each cell under each sign flip, ``(n_cells, n_resamples)``."""
    mean = resampled.contribution.mean(axis=2)
    flipped = np.empty((len(mean), settings.n_resamples))
    for rows, signs in Draws(mean.shape[1], settings.n_resamples, settings.seed).signs():
        flipped[:, rows] = mean @ signs.T / mean.shape[1]
    return flipped


def _compare_pair(
    block: Block, resampled: Resampled, flipped: Floats, pair: Pair, settings: AnalysisSettings
) -> tuple[dict[str, Any], Floats]:
    first, second = (block.row_of[name] for name in pair)
    identical = first == second
    contribution = resampled.contribution[first] - resampled.contribution[second]
    if identical:
        estimate = _EXACTLY_ZERO
    else:
        for name, cell in zip(pair, (first, second), strict=True):
            _refuse_constant(block, cell, name)
        data = PairedData(
            contribution, resampled.weight, resampled.replica[first] - resampled.replica[second],
            flipped[first] - flipped[second], block.statistic,
        )  # fmt: skip
        estimate = estimate_contrast(data, settings.seed)
    change = (block.value[first] - block.value[second]).mean(axis=1)
    better, worse = float(np.mean(change > 1e-9)), float(np.mean(change < -1e-9))
    row: dict[str, Any] = {
        **_place_fields(block),
        "task_type": block.place.task_type,
        "metric": block.metric,
        "contrast": format_contrast(pair),
        "condition": pair[0],
        "baseline": pair[1],
        "n_items": len(block.item_id),
        "n_groups": block.n_units,
        "score": float(resampled.score[first]),
        "baseline_score": float(resampled.score[second]),
        "planned": pair in PLANNED,
        "share_better": better,
        "share_worse": worse,
        "share_same": 1.0 - better - worse,
        "n_resamples": settings.n_resamples,
        "seed": settings.seed,
        "identical": identical,
        "note": SAME_STRINGS if identical else "",
        **_to_points(estimate),
    }
    return row, 100 * contribution.mean(axis=1)


_EXACTLY_ZERO = Estimate(0.0, (0.0, 0.0), (0.0, 0.0), 1.0, 0.0, 0.0, 1.0, 0.0, "exact")


def _to_points(estimate: Estimate) -> dict[str, Any]:
    return {
        "delta_points": 100 * estimate.delta,
        "ci_low": 100 * estimate.interval[0],
        "ci_high": 100 * estimate.interval[1],
        "equivalence_low": 100 * estimate.narrow_interval[0],
        "equivalence_high": 100 * estimate.narrow_interval[1],
        "p_value": estimate.p_value,
        "standard_error": 100 * estimate.error,
        "item_error": 100 * estimate.item_error,
        "mde": 100 * estimate.detectable,
        "method": estimate.method,
    }


def _refuse_constant(block: Block, row: int, name: str) -> None:
    values = block.value[row] if block.prediction is None else block.prediction[row]
    if np.all(values == values.flat[0]):
        raise AnalysisError(f"the scores under {name} are constant ({values.flat[0]:g} for every item).")


def _list_movers(block: Block, pair: Pair, n_movers: int) -> list[dict[str, Any]]:
    """The items whose value changed most, at most ``n_movers``; an item that did not change is none."""
    first, second = (block.row_of[name] for name in pair)
    after, before = (block.value[row].mean(axis=1) for row in (first, second))
    change = after - before
    top = np.argsort(-np.abs(change), kind="stable")[:n_movers]
    ranks = block.rank
    return [
        {
            **_place_fields(block),
            "contrast": format_contrast(pair),
            "item_id": str(block.item_id[item]),
            "delta_points": 100 * change[item],
            "before": before[item],
            "after": after[item],
            "rank_before": np.nan if ranks is None else ranks[second, item],
            "rank_after": np.nan if ranks is None else ranks[first, item],
        }
        for item in top
        if abs(change[item]) > 1e-9
    ]


def decide_all(rows: list[dict[str, Any]], settings: AnalysisSettings) -> None:
    """Correct the planned family for multiplicity, then give every row its verdict.

    The family is every planned contrast of the run whose two conditions differ: showing fewer rows changes nothing.
    """
    family = [row for row in rows if row["planned"] and not row["identical"]]
    for row, corrected in zip(family, correct_for_multiplicity([row["p_value"] for row in family]), strict=True):
        row["p_holm"] = corrected
    for row in rows:
        row.setdefault("p_holm", 1.0 if row["planned"] else np.nan)
        p_value = row["p_holm"] if row["planned"] else row["p_value"]
        interval = row["ci_low"], row["ci_high"]
        narrow = row["equivalence_low"], row["equivalence_high"]
        verdict = Verdict.EQUIVALENT if row["identical"] else None
        row["verdict"] = verdict or decide_verdict(interval, narrow, p_value, settings.smallest_effect)
        row["n_items_to_settle"] = None
        if row["verdict"] is Verdict.INCONCLUSIVE:
            row["n_items_to_settle"] = count_items_to_settle(
                row["delta_points"], (row["standard_error"], row["item_error"]), row["n_items"],
                settings.smallest_effect, p_value / row["p_value"],
            )  # fmt: skip
        row["verdict"] = str(row["verdict"])
