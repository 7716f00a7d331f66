"""The best of several conditions without self-deception: picked on one half of the items, reported on the other.

The best of ``k`` noisy deltas is too good by what the choice itself adds, the winner's curse: the best of eight idle
prefixes looks as if it gained points. Here every unit is judged by the condition that was picked on the half which
does not hold it (cross-fitting), so that nothing is both picked and reported by the same items.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.compare import list_conditions
from prefixbench.analysis.inference import PairedData, infer_contrast
from prefixbench.analysis.metrics import choose_metric
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.resampled import Resampled, resample_block
from prefixbench.analysis.rules import ALPHA, ONE_CORPUS, Claim, Decision, Family, decide_family
from prefixbench.errors import AnalysisError, ResultsError, SpecError, describe_unknown_name
from prefixbench.results import load_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block, Place
    from prefixbench.analysis.interval import Estimate
    from prefixbench.analysis.settings import AnalysisSettings

    Floats = NDArray[np.float64]

CROSS_FITTED = 0.36
"""Correlation of the two halves' deltas, at most. Each half picks what the other reports: a condition that is lucky on
the first is reported on the second, and where it is lucky there too it was picked there as well. For ``k`` conditions
that are alike it is ``M²/(k − 1)`` with ``M`` the expected largest of ``k`` standard normals: 0.32 for two, 0.36 for
three, 0.29 for eight. Intervals that take the halves as independent cover too rarely."""

FEWEST_CANDIDATES = 2
"""With one there is nothing to choose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The best of several conditions at one place; all deltas in points, against the baseline.

    Attributes:
        place: Model, task, subset and split.
        candidates: What was chosen among; names of one cell count once.
        n_units: Independent units.
        naive: The condition with the highest score on all items, and its delta there.
        picked: The condition picked on the first half, and the one picked on the second.
        estimate: The delta of what was picked, on the halves it was not picked on.
        decision: The verdict on it, Holm over the model's places.
    """

    place: Place
    candidates: tuple[str, ...]
    n_units: int
    naive: tuple[str, float]
    picked: tuple[str, str]
    estimate: Estimate
    decision: Decision

    @property
    def curse(self) -> float:
        """How much of the naive delta the choice itself made, points."""
        return self.naive[1] - self.estimate.delta

    def to_record(self) -> dict[str, Any]:
        """Return the choice as JSON has it."""
        low, high = self.estimate.interval(ALPHA)
        return {
            "model": self.place.model,
            "task": self.place.task,
            "task_type": self.place.task_type,
            "hf_subset": self.place.hf_subset,
            "hf_split": self.place.hf_split,
            "candidates": list(self.candidates),
            "n_units": self.n_units,
            "naive": self.naive[0],
            "naive_points": self.naive[1],
            "picked_first_half": self.picked[0],
            "picked_second_half": self.picked[1],
            "delta_points": self.estimate.delta,
            "ci_low": low,
            "ci_high": high,
            "ci_low_adjusted": self.decision.interval[0],
            "ci_high_adjusted": self.decision.interval[1],
            "p_adjusted": None if math.isnan(self.decision.p_adjusted) else self.decision.p_adjusted,
            "curse_points": self.curse,
            "verdict": self.decision.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class Picked:
    """What `pick_best` finds; see `Choice`."""

    naive: int
    halves: tuple[int, int]
    data: PairedData


def pick_best(resampled: Resampled, rows: Sequence[int], baseline: int, block: Block, seed: int) -> Picked:
    """Pick the best row on each half of the units, and lay together what the other half says of it.

    Args:
        resampled: Scores and contributions of all cells.
        rows: Rows of the candidates.
        baseline: Row of the baseline.
        block: The paired cells.
        seed: Seeds the halves; with the number of units it fixes them.
    """
    gain = resampled.contribution[list(rows)] - resampled.contribution[baseline]
    n_units = gain.shape[1]
    in_second = np.random.default_rng([seed, n_units, 3]).permutation(n_units) % 2 == 1
    halves = [int(np.argmax(gain[:, half].mean(axis=(1, 2)))) for half in (~in_second, in_second)]
    contribution = np.where(in_second[:, None], gain[halves[0]], gain[halves[1]])
    replica = resampled.replica[[rows[number] for number in halves]].mean(axis=0) - resampled.replica[baseline]
    data = PairedData(contribution, resampled.weight, replica, block.statistic, one_corpus=is_one_corpus(block))
    return Picked(int(np.argmax(gain.mean(axis=(1, 2)))), (halves[0], halves[1]), data)


def infer_choice(picked: Picked) -> Estimate:
    """Return the delta of what was picked, its standard error widened by the halves' correlation."""
    estimate = infer_contrast(picked.data).estimate
    wider = math.sqrt(1 + CROSS_FITTED)
    return replace(estimate, error=wider * estimate.error, unseen=wider * estimate.unseen)


def is_one_corpus(block: Block) -> bool:
    """Whether the units are draws of one corpus."""
    return block.place.task_type == "Clustering"


def choose_run(
    path: Path, among: tuple[str, ...] | None, baseline: str, settings: AnalysisSettings
) -> tuple[list[Choice], list[str]]:
    """Choose at every place of a run.

    Args:
        path: The results folder.
        among: The conditions to choose among; all but the baseline where absent.
        baseline: What they are compared with.
        settings: Margin, seed and metric.

    Returns:
        The choices, and one sentence for each place where there was none.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: A condition that the run does not hold, or fewer than two to choose among.
    """
    run = load_run(path)
    conditions = list_conditions(run)
    for name, flag in [(baseline, "--baseline"), *((name, "--among") for name in among or ())]:
        if name not in conditions:
            raise SpecError(describe_unknown_name("condition", name, conditions, flag))
    candidates = tuple(name for name in among or conditions if name != baseline)
    if len(candidates) < FEWEST_CANDIDATES:
        raise SpecError(f"{path}: choosing needs two conditions besides {baseline}; there is {len(candidates)}.")
    made: dict[str, list[tuple[Choice, Claim]]] = {}
    sentences = []
    for place, cells in sorted(group_by_place(run).items(), key=lambda item: _name(item[0])):
        try:
            block = choose_metric(pair_cells(run, place, cells), settings.metric)
            made.setdefault(place.model, []).append(_choose_block(block, candidates, baseline, settings))
        except (AnalysisError, ResultsError) as error:
            sentences.append(f"{place.model} · {place.task} ({place.hf_subset}): {error}")
    return [choice for own in made.values() for choice in _decide(own)], sentences


def _name(place: Place) -> tuple[str, ...]:
    """What places are told in the order of: the ledger's is the order in which cells happened to be done."""
    return place.model, place.task, place.hf_subset, place.hf_split


def _choose_block(
    block: Block, candidates: tuple[str, ...], baseline: str, settings: AnalysisSettings
) -> tuple[Choice, Claim]:
    if baseline not in block.row_of:
        raise AnalysisError(block.faults.get(baseline, f"{baseline} has no score here."))
    own = {block.row_of[name]: name for name in reversed(candidates) if name in block.row_of}
    own.pop(block.row_of[baseline], None)
    rows = sorted(own)
    if len(rows) < FEWEST_CANDIDATES:
        raise AnalysisError(
            f"only {len(rows)} of the conditions sends something else than {baseline}; choosing needs two."
        )
    resampled = resample_block(block, settings.n_resamples, settings.seed)
    picked = pick_best(resampled, rows, block.row_of[baseline], block, settings.seed)
    estimate = infer_choice(picked)
    n_units = ONE_CORPUS if is_one_corpus(block) else block.n_units
    claim = Claim(estimate, settings.margin_of(block.metric), n_units)
    naive = 100 * float(resampled.score[rows[picked.naive]] - resampled.score[block.row_of[baseline]])
    first, second = (own[rows[number]] for number in picked.halves)
    choice = Choice(
        place=block.place,
        candidates=tuple(own[row] for row in rows),
        n_units=block.n_units,
        naive=(own[rows[picked.naive]], naive),
        picked=(first, second),
        estimate=estimate,
        decision=decide_family([claim], Family.PRIMARY)[0],
    )
    return choice, claim


def _decide(own: list[tuple[Choice, Claim]]) -> list[Choice]:
    """Correct within the model over its places."""
    decisions = decide_family([claim for _, claim in own], Family.PRIMARY)
    return [replace(choice, decision=decision) for (choice, _), decision in zip(own, decisions, strict=True)]


def render_choices(choices: Sequence[Choice], sentences: Sequence[str], baseline: str) -> str:
    """Return the choices in lines of at most 80 columns, and why there are none elsewhere."""
    lines = []
    for choice in choices:
        place = choice.place
        low, high = choice.decision.interval
        first, second = choice.picked
        both = first if first == second else f"{first} on one half, {second} on the other: neither is the best on both"
        subset = "" if place.hf_subset == "default" else f":{place.hf_subset}"
        lines += [
            f"{place.model} · {place.task}{subset}: {choice.decision.verdict.words}",
            f"  picked:   {both}",
            f"  honest:   {choice.estimate.delta:+.1f} [{low:+.1f}, {high:+.1f}] points over {baseline}",
            f"  naive:    {choice.naive[1]:+.1f} for {choice.naive[0]}, best of {len(choice.candidates)}; "
            f"{choice.curse:+.1f} of it made by choosing",
        ]
    lines += [f"no choice: {sentence}" for sentence in sentences]
    if not choices:
        lines.append("nothing could be chosen")
    return "\n".join(lines).replace("+-", "−").replace(" -", " −").replace("[-", "[−") + "\n"


def choices_to_json(choices: Sequence[Choice], sentences: Sequence[str], settings: AnalysisSettings) -> str:
    """Return the same as one JSON document."""
    document = {
        "smallest_effect": settings.smallest_effect,
        "smallest_effects": dict(settings.smallest_effects),
        "seed": settings.seed,
        "choices": [choice.to_record() for choice in choices],
        "not_chosen": list(sentences),
    }
    return json.dumps(document, allow_nan=False, indent=1) + "\n"
