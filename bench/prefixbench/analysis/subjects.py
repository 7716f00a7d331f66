"""Pooled answers for each model and each family of models."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.names import PLANNED, format_contrast
from prefixbench.analysis.pooling import NAN, fit_mixed_model, pool_rows
from prefixbench.spec.conditions import Mechanism

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from prefixbench.analysis.contrasts import Findings
    from prefixbench.analysis.settings import AnalysisSettings
    from prefixbench.results.records import CellResult

Row = dict[str, Any]
EVERY_TASK = "all"
CHECKED = frozenset(format_contrast(pair) for pair in PLANNED if pair[1] == "none")
"""These have a mixed-effects model beside them, over all tasks and over those of a type."""

FAMILY_OF = {
    Mechanism.PREFIX: "prefix",
    Mechanism.ADAPTER: "prefix",
    Mechanism.API: "prefix",
    Mechanism.TEMPLATE: "instruction",
    Mechanism.NONE: "none",
}
"""A model's training, as its mechanism shows it."""


def find_families(results: Iterable[CellResult]) -> dict[str, str]:
    """``prefix``, ``instruction`` or ``none`` by model: how it takes its task under ``correct``, else at all."""
    families: dict[str, str] = {}
    for result in sorted(results, key=lambda cell: "correct" not in cell.conditions):
        own = FAMILY_OF[result.mechanism]
        if families.get(result.model, "none") == "none":
            families[result.model] = own
    return families


def pool_findings(findings: Findings, families: dict[str, str], settings: AnalysisSettings) -> list[Row]:
    """Every pooled row: models, then families of two models or more, by scope and contrast."""
    groups: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    sizes = {family: list(families.values()).count(family) for family in families.values()}
    for number, row in enumerate(findings.contrasts):
        subjects = [("model", row["model"])]
        if sizes[families[row["model"]]] > 1:
            subjects.append(("family", families[row["model"]]))
        for kind, subject in subjects:
            for scope in (EVERY_TASK, row["task_type"]):
                groups[kind, subject, scope, row["contrast"]].append(number)
    ordered = sorted(groups, key=lambda key: key[0] == "family")
    return [_pool_group(key, groups[key], findings, settings) for key in ordered]


def _pool_group(
    key: tuple[str, str, str, str], numbers: list[int], findings: Findings, settings: AnalysisSettings
) -> Row:
    kind, subject, scope, contrast = key
    rows = [findings.contrasts[number] for number in numbers]
    pooled = pool_rows(rows, settings.smallest_effect)
    mixed = (NAN, NAN, NAN)
    if settings.mixed_models and contrast in CHECKED:
        mixed = fit_mixed_model(_gather_contributions(numbers, findings))
    return {
        "subject": subject,
        "subject_kind": kind,
        "scope": scope,
        "contrast": contrast,
        "n_tasks": pooled.n_tasks,
        "delta_points": pooled.delta,
        "ci_low": pooled.interval[0],
        "ci_high": pooled.interval[1],
        "pi_low": pooled.prediction[0],
        "pi_high": pooled.prediction[1],
        "tau2": pooled.tau2,
        "i2": pooled.i2,
        "p_value": pooled.p_value,
        "verdict": str(pooled.verdict),
        "mixed_delta_points": mixed[0],
        "mixed_ci_low": mixed[1],
        "mixed_ci_high": mixed[2],
        "note": pooled.note,
    }


def _gather_contributions(numbers: list[int], findings: Findings) -> dict[str, list[NDArray[np.float64]]]:
    """Contributions by task: one array a subset and split, averaged over models item by item."""
    by_place: dict[tuple[str, str, str], list[NDArray[np.float64]]] = defaultdict(list)
    for number in numbers:
        row = findings.contrasts[number]
        if not row["identical"]:
            by_place[row["task"], row["hf_subset"], row["hf_split"]].append(findings.contributions[number])
    by_task: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for (task, _, _), arrays in by_place.items():
        alike = [array for array in arrays if len(array) == len(arrays[0])]
        by_task[task].append(np.mean(alike, axis=0))
    return dict(by_task)
