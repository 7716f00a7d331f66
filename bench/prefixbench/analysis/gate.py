"""What ``prefixbench gate`` decides: whether a loss is shown that someone's CI should stop at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.analysis.analyse import analyse
from prefixbench.analysis.compare import list_conditions
from prefixbench.analysis.names import parse_contrast
from prefixbench.analysis.settings import CONFIDENCE, AnalysisSettings
from prefixbench.analysis.tables import to_records
from prefixbench.analysis.verdicts import correct_for_multiplicity
from prefixbench.results import load_run

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@dataclass(frozen=True)
class GateResult:
    """The gate's answer.

    Attributes:
        contrast: What was judged.
        max_loss: Points.
        losses: Rows whose loss is shown to be larger.
        n_judged: Rows judged.
        refusals: Rows that could not be judged.
    """

    contrast: str
    max_loss: float
    losses: pd.DataFrame
    n_judged: int
    refusals: pd.DataFrame

    @property
    def passed(self) -> bool:
        """Whether no loss beyond the bound is shown."""
        return len(self.losses) == 0

    def render(self) -> str:
        """The answer in lines, the losses first."""
        lines = [
            f"loss shown: {row['model']} · {row['task']} ({row['hf_subset']}): {row['delta_points']:+.2f} points "
            f"[{row['ci_low']:+.2f}, {row['ci_high']:+.2f}]"
            for row in self.losses.to_dict("records")
        ]
        lines += [
            f"not judged: {row['model']} · {row['task']} ({row['hf_subset']}): {row['reason']}"
            for row in self.refusals.to_dict("records")
        ]
        verdict = "passed" if self.passed else "failed"
        lines.append(
            f"gate {verdict}: {self.contrast}, {self.n_judged} judged, {len(self.losses)} with a loss surely beyond "
            f"{self.max_loss:g} points"
        )
        return "\n".join(lines) + "\n"

    def to_json(self) -> str:
        """The same as one JSON document."""
        document = {
            "passed": self.passed,
            "contrast": self.contrast,
            "max_loss": self.max_loss,
            "n_judged": self.n_judged,
            "losses": to_records(self.losses),
            "refusals": to_records(self.refusals),
        }
        return json.dumps(document, allow_nan=False, indent=1) + "\n"


def judge_run(path: Path, contrast: str, max_loss: float, seed: int) -> GateResult:
    """Judge every row of one contrast.

    A loss beyond ``max_loss`` is shown where the whole 95% interval lies below ``−max_loss`` and the paired test,
    corrected by Holm for the rows judged, rejects at 5%: the rule of ``hurts`` with that smallest effect. A gate that
    nothing could be judged for passes, and says so.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: The contrast names conditions the run does not hold.
    """
    run = load_run(path)
    pair = parse_contrast(contrast, list_conditions(run))
    settings = AnalysisSettings(smallest_effect=max_loss, seed=seed, contrasts=(pair,), mixed_models=False)
    analysis = analyse(run, settings)
    rows = analysis.contrasts[analysis.contrasts["contrast"] == contrast]
    corrected = correct_for_multiplicity(list(rows["p_value"]))
    shown = (rows["ci_high"].to_numpy() < -max_loss) & (np.array(corrected) <= 1 - CONFIDENCE)
    refusals = analysis.refusals[analysis.refusals["contrast"].isin([contrast, "all"])]
    return GateResult(contrast, max_loss, rows[shown], len(rows), refusals)
