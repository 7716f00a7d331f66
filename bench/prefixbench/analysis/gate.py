"""What ``prefixbench gate`` decides: whether a change is shown to lose no more than is accepted."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pandas as pd

from prefixbench.analysis.analyse import analyse
from prefixbench.analysis.compare import Selection, choose_settings, list_contrasted
from prefixbench.analysis.lines import format_interval, format_points
from prefixbench.analysis.names import parse_contrast
from prefixbench.analysis.rules import Verdict
from prefixbench.analysis.settings import Asked
from prefixbench.analysis.tables import select_rows, to_records
from prefixbench.errors import SpecError
from prefixbench.results import load_run
from prefixbench.spec.margins import OTHERS

if TYPE_CHECKING:
    from pathlib import Path


class Shown(IntEnum):
    """What the gate found; the values are its exit codes."""

    SAFE = 0
    HARMFUL = 3
    NOTHING = 4


WORDS = {Shown.SAFE: "shown safe", Shown.HARMFUL: "shown harmful", Shown.NOTHING: "not shown"}


@dataclass(frozen=True)
class GateResult:
    """The gate's answer.

    Attributes:
        contrast: What was judged.
        max_loss: Points; ``None`` where rows have margins of their own.
        shown: The answer.
        harmful: Rows whose loss is shown to be larger.
        open: Rows whose loss may be larger.
        n_judged: Rows judged.
        unjudged: One sentence for each row of the contrast that could not be judged.
    """

    contrast: str
    max_loss: float | None
    shown: Shown
    harmful: pd.DataFrame
    open: pd.DataFrame
    n_judged: int
    unjudged: tuple[str, ...]

    def render(self) -> str:
        """The answer in lines, the worst first."""
        lines = [f"loss shown: {_describe(row)}" for row in to_records(self.harmful)]
        lines += [f"loss possible: {_describe(row)}" for row in to_records(self.open)]
        lines += [f"not judged: {sentence}" for sentence in self.unjudged]
        bound = "their metric's margin" if self.max_loss is None else f"{self.max_loss:g} points"
        lines.append(
            f"gate: {WORDS[self.shown]}: {self.contrast}, {self.n_judged} judged, {len(self.harmful)} lose more than "
            f"{bound}, {len(self.open)} may, {len(self.unjudged)} not judged"
        )
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """The same as one JSON document."""
        document = {
            "shown": WORDS[self.shown],
            "contrast": self.contrast,
            "max_loss": self.max_loss,
            "n_judged": self.n_judged,
            "harmful": to_records(self.harmful),
            "open": to_records(self.open),
            "unjudged": list(self.unjudged),
        }
        return json.dumps(document, allow_nan=False, indent=1) + "\n"


def _describe(row: dict[str, Any]) -> str:
    subset = "" if row["hf_subset"] == "default" else f":{row['hf_subset']}"
    interval = format_interval(row["ci_low_cautious"], row["ci_high_cautious"])
    return f"{row['model']} · {row['task']}{subset}: {format_points(row['delta_points'])} points {interval}"


def judge_run(
    path: Path, contrast: str, max_loss: float | None, selection: Selection | None = None, *, only_proven: bool = False
) -> GateResult:
    """Judge every row of one contrast by non-inferiority (ICH E9, section 3.3.2).

    *Shown safe*: every row's cautious 95% interval lies above ``−max_loss``, at least one was judged, and nothing
    planned is missing. Every row must pass, so no correction is needed (intersection–union; Berger 1982, Technometrics
    24, 295–300). *Shown harmful*: a row's adjusted interval lies below ``−max_loss``. Else *not shown*.

    Args:
        path: The results folder.
        contrast: ``CONDITION-BASELINE``.
        max_loss: Points still accepted; what the run declares as the smallest effect of each metric where absent.
        selection: One model or one task, in place of all.
        only_proven: Pass unless harm is shown, the rule of old; where something planned was not judged, nothing passes.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: The contrast or the bound makes no sense, or nothing in the run could be judged by it.
    """
    if max_loss is not None and (not math.isfinite(max_loss) or max_loss < 0):
        raise SpecError(f"--max-loss: {max_loss:g} is no loss; give points of 0 or more, as in --max-loss 0.5.")
    run = load_run(path)
    pair = parse_contrast(contrast, list_contrasted(run))
    asked = Asked({} if max_loss is None else {OTHERS: max_loss})
    analysis = analyse(run, choose_settings(run, asked, (pair,)))
    rows = analysis.contrasts[analysis.contrasts["contrast"] == contrast]
    refusals = analysis.refusals[analysis.refusals["contrast"].isin([contrast, "all"])]
    chosen = selection or Selection()
    everything = pd.concat([rows, refusals])
    rows, refusals = (
        select_rows(frame, everything, model=chosen.model, task=chosen.task) for frame in (rows, refusals)
    )
    judged = rows[~rows["same_strings"]]
    inert = rows[rows["verdict"] == Verdict.INERT.value]
    unjudged = [
        f"{row.model} · {row.task} ({row.hf_subset}): {row.reason}" for row in pd.concat([refusals, inert]).itertuples()
    ]
    # A cell that was planned and has no row that counts might be the one that loses.
    unjudged += [run.describe_missing()] if run.missing else []
    if not len(judged) and not unjudged:
        raise SpecError(f"{path}: every {contrast} here compares a cell with itself; there is nothing to judge.")
    is_harmful = (judged["ci_high_adjusted"] < -judged["margin"]) & (judged["verdict"] == Verdict.HURTS.value)
    is_open = (judged["ci_low_cautious"] <= -judged["margin"]) & ~is_harmful
    safe = len(judged) > 0 and not is_open.any() and not unjudged
    passes = safe or (only_proven and not unjudged)
    shown = Shown.HARMFUL if is_harmful.any() else Shown.SAFE if passes else Shown.NOTHING
    margins = set(judged["margin"])
    bound = max_loss if len(margins) != 1 else margins.pop()
    return GateResult(contrast, bound, shown, judged[is_harmful], judged[is_open], len(judged), tuple(unjudged))
