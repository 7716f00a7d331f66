"""Analysis frames of the contract's shape over the made-up sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.fakes_sweep import FakeSweep, effect_of


@dataclass(frozen=True)
class FakeSettings:
    """What the made-up analysis was told."""

    smallest_effect: float = 0.5


@dataclass(frozen=True)
class FakeAnalysis:
    """Frames of the contract's shape."""

    settings: FakeSettings
    contrasts: pd.DataFrame
    pooled: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame


def make_analysis(sweep: FakeSweep) -> FakeAnalysis:
    """Frames of the contract's shape over the same made-up effects."""
    return FakeAnalysis(
        settings=FakeSettings(),
        contrasts=_make_contrasts(sweep),
        pooled=_make_pooled(sweep),
        models=_make_models(sweep),
        movers=_make_movers(sweep),
        refusals=pd.DataFrame(
            [["intfloat/e5-small-v2", "SciFact", "default", "test", "foreign-none", "the cell foreign has failed."]],
            columns=["model", "task", "hf_subset", "hf_split", "contrast", "reason"],
        ),
    )


def _decide(delta: float, half: float) -> str:
    if delta - half > 0:
        return "helps"
    if delta + half < 0:
        return "hurts"
    return "equivalent" if max(abs(delta - half), abs(delta + half)) < 1.0 else "inconclusive"


def _make_contrasts(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        for index, (label, task_type, metric) in enumerate(sweep.tasks):
            task, _, subset = label.partition(":")
            for condition in sweep.conditions:
                if condition == "none":
                    continue
                delta = effect_of(sweep, model, index, condition)
                half = 0.35 + 0.3 * (index % 4)
                verdict = _decide(delta, half)
                rows.append(
                    {
                        "model": model,
                        "task": task,
                        "task_type": task_type,
                        "hf_subset": subset or "default",
                        "hf_split": "test",
                        "metric": metric,
                        "contrast": f"{condition}-none",
                        "condition": condition,
                        "baseline": "none",
                        "n_items": sweep.n_items,
                        "n_groups": sweep.n_items,
                        "score": 0.6 + delta / 100,
                        "baseline_score": 0.6,
                        "delta_points": delta,
                        "ci_low": delta - half,
                        "ci_high": delta + half,
                        "p_value": math.exp(-abs(delta) / half),
                        "p_holm": min(1.0, 3 * math.exp(-abs(delta) / half)),
                        "planned": condition in {"correct", "wrong"},
                        "mde": 1.4 * half,
                        "share_better": 0.3 + 0.02 * delta,
                        "share_worse": 0.3 - 0.02 * delta,
                        "share_same": 0.4,
                        "verdict": verdict,
                        "n_items_to_settle": 900.0 if verdict == "inconclusive" else math.nan,
                        "n_resamples": 10_000,
                        "seed": 42,
                        "method": "paired bootstrap over items",
                        "identical": False,
                        "note": "",
                    }
                )
    return pd.DataFrame(rows)


def _make_pooled(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        scopes = ["all", *dict.fromkeys(task_type for _, task_type, _ in sweep.tasks)]
        for scope in scopes:
            for condition in sweep.conditions[1:]:
                effects = [
                    effect_of(sweep, model, index, condition)
                    for index, task in enumerate(sweep.tasks)
                    if scope in {"all", task[1]}
                ]
                delta = float(np.mean(effects))
                half = 0.4 if scope == "all" else 0.8
                rows.append(
                    {
                        "subject": model,
                        "subject_kind": "model",
                        "scope": scope,
                        "contrast": f"{condition}-none",
                        "n_tasks": len(effects),
                        "delta_points": delta,
                        "ci_low": delta - half,
                        "ci_high": delta + half,
                        "pi_low": delta - 3 * half,
                        "pi_high": delta + 3 * half,
                        "tau2": 0.5,
                        "i2": 0.6,
                        "p_value": 0.01,
                        "verdict": _decide(delta, half),
                        "mixed_delta_points": delta,
                        "mixed_ci_low": delta - half,
                        "mixed_ci_high": delta + half,
                        "note": "",
                    }
                )
    return pd.DataFrame(rows)


def _make_models(sweep: FakeSweep) -> pd.DataFrame:
    pooled = _make_pooled(sweep)
    rows = []
    for model, (query, _, gain) in sweep.models.items():
        row = pooled[
            (pooled["subject"] == model) & (pooled["scope"] == "all") & (pooled["contrast"] == "correct-none")
        ].iloc[0]
        overall = "required" if gain > 3 else "helpful" if gain > 1 else "harmless" if not query else "unclear"
        rows.append(
            {
                "model": model,
                "family": model.partition("/")[2].partition("-")[0],
                "overall": overall,
                "query_side": "helps" if gain > 1 else "equivalent",
                "document_side": "equivalent",
                "keep_index": "yes" if gain < 5 else "no",
                "action": {
                    "required": "Keep your index, prefix the queries.",
                    "harmless": "Send nothing: no prefix is documented, and none is needed.",
                }.get(overall, "Use the documented prefix; measure on your own data."),
                "delta_points": row["delta_points"],
                "ci_low": row["ci_low"],
                "ci_high": row["ci_high"],
                "n_tasks": len(sweep.tasks),
            }
        )
    return pd.DataFrame(rows)


def _make_movers(sweep: FakeSweep) -> pd.DataFrame:
    task, _, subset = sweep.tasks[0][0].partition(":")
    rows = [
        {
            "model": model,
            "task": task,
            "hf_subset": subset or "default",
            "hf_split": "test",
            "contrast": "correct-none",
            "item_id": f"i{number}",
            "delta_points": sign * (40.0 - number),
            "before": 0.3,
            "after": 0.3 + sign * (40.0 - number) / 100,
            "rank_before": 7.0 if sign > 0 else 2.0,
            "rank_after": 1.0 if sign > 0 else math.inf,
        }
        for model in sweep.models
        for number in range(5)
        for sign in (1, -1)
    ]
    return pd.DataFrame(rows)
