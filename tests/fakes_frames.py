"""Analysis frames of the contract's shape over the made-up sweep."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from prefixbench.analysis.columns import build_frame
from prefixbench.analysis.columns_explored import DRIFT, GAINS, RANKINGS
from prefixbench.analysis.rules import read_interval

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
    tasks: pd.DataFrame
    types: pd.DataFrame
    models: pd.DataFrame
    movers: pd.DataFrame
    refusals: pd.DataFrame
    drift: pd.DataFrame
    gains: pd.DataFrame
    rankings: pd.DataFrame


def make_analysis(sweep: FakeSweep) -> FakeAnalysis:
    """Frames of the contract's shape over the same made-up effects."""
    return FakeAnalysis(
        settings=FakeSettings(),
        contrasts=_make_contrasts(sweep),
        tasks=_make_tasks(sweep),
        types=_make_types(sweep),
        models=_make_models(sweep),
        movers=_make_movers(sweep),
        refusals=pd.DataFrame(
            [["intfloat/e5-small-v2", "SciFact", "default", "test", "foreign-none", "the cell foreign has failed."]],
            columns=["model", "task", "hf_subset", "hf_split", "contrast", "reason"],
        ),
        drift=build_frame([], DRIFT),
        gains=build_frame(_make_gains(sweep), GAINS),
        rankings=build_frame(_make_rankings(sweep), RANKINGS),
    )


def _decide(low: float, high: float) -> str:
    return str(read_interval((low, high), 0.5))


def _infer(delta: float, half: float) -> dict[str, object]:
    """Every field that contrasts, tasks and types share."""
    verdict = _decide(delta - 1.2 * half, delta + 1.2 * half)
    return {
        "delta_points": delta,
        "standard_error": half / 2,
        "ci_low": delta - half,
        "ci_high": delta + half,
        "ci_low_adjusted": delta - 1.2 * half,
        "ci_high_adjusted": delta + 1.2 * half,
        "p_value": math.exp(-abs(delta) / half),
        "p_adjusted": min(1.0, 3 * math.exp(-abs(delta) / half)),
        "family": "exploratory",
        "margin": 0.5,
        "verdict": verdict,
        "reason": "",
        "mde": 1.4 * half,
        "n_items_for_margin": 900,
    }


def _make_contrasts(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        for index, (label, task_type, metric) in enumerate(sweep.tasks):
            task, _, subset = label.partition(":")
            for condition in sweep.conditions:
                if condition == "none":
                    continue
                delta = effect_of(sweep, model, index, condition)
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
                        "n_units": sweep.n_items,
                        "score": 0.6 + delta / 100,
                        "baseline_score": 0.6,
                        **_infer(delta, 0.35 + 0.3 * (index % 4)),
                        "share_better": 0.3 + 0.02 * delta,
                        "share_worse": 0.3 - 0.02 * delta,
                        "share_same": 0.4,
                        "same_strings": False,
                        "seed": 42,
                        "method": "Hall's interval of the items",
                    }
                )
    return pd.DataFrame(rows)


def _make_tasks(sweep: FakeSweep) -> pd.DataFrame:
    """One row a task and contrast: the first subset stands for the task."""
    contrasts = _make_contrasts(sweep).drop_duplicates(["model", "task", "contrast"])
    dropped = ["hf_subset", "hf_split", "share_better", "share_worse", "share_same", "seed", "method"]
    return contrasts.drop(columns=dropped).assign(
        n_subsets=1, shrunk_points=0.0, shrunk_low=-1.0, shrunk_high=1.0, pr_positive=0.5
    )


def _make_types(sweep: FakeSweep) -> pd.DataFrame:
    rows = []
    for model in sweep.models:
        for task_type in dict.fromkeys(kind for _, kind, _ in sweep.tasks):
            for condition in sweep.conditions[1:]:
                own = [index for index, task in enumerate(sweep.tasks) if task[1] == task_type]
                delta = float(np.mean([effect_of(sweep, model, index, condition) for index in own]))
                rows.append(
                    {
                        "model": model,
                        "task_type": task_type,
                        "contrast": f"{condition}-none",
                        "condition": condition,
                        "baseline": "none",
                        "n_tasks": len(own),
                        "tasks": ",".join(sweep.tasks[index][0].partition(":")[0] for index in own),
                        "n_items": sweep.n_items * len(own),
                        "n_units": sweep.n_items,
                        **_infer(delta, 0.8),
                        "pr_positive": 0.9,
                        "re_points": delta,
                        "re_low": delta - 1,
                        "re_high": delta + 1,
                        "tau2": 0.5,
                        "pi_low": delta - 2,
                        "pi_high": delta + 2,
                        "line": "helpful" if condition == "correct" else "",
                    }
                )
    return pd.DataFrame(rows)


def _make_models(sweep: FakeSweep) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": model,
                "training": "prefix",
                "line": "helpful" if gain > 1 else "not shown",
                "line_types": "Retrieval" if gain > 1 else "",
                "other_types": "STS",
                "sentence": "Send the documented prefix for Retrieval (+3.0 [+1.0, +5.0]).",
                "keep_index": "yes" if gain < 5 else "no",
                "n_tasks": len(sweep.tasks),
                "n_helps": 1,
                "n_hurts": 0,
                "n_equivalent": 0,
                "n_open": len(sweep.tasks) - 1,
                "n_described": 0,
                "n_same": 0,
                "new_task_points": 1.0,
                "new_task_low": -3.0,
                "new_task_high": 5.0,
                "pr_new_positive": 0.7,
            }
            for model, (_, _, gain) in sweep.models.items()
        ]
    )


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


def _name_places(sweep: FakeSweep) -> list[dict[str, str]]:
    return [
        {
            "model": model,
            "task": label.partition(":")[0],
            "task_type": kind,
            "hf_subset": label.partition(":")[2] or "default",
            "hf_split": "test",
            "contrast": "correct-none",
        }
        for model in sweep.models
        for label, kind, _ in sweep.tasks
        if kind == "Retrieval"
    ]


def _make_rankings(sweep: FakeSweep) -> list[dict[str, object]]:
    return [
        {
            **place,
            "condition": "correct",
            "baseline": "none",
            "n_items": sweep.n_items,
            "n_units": sweep.n_items,
            "depth": 10,
            "persistence": 0.9,
            "overlap": 0.61 + 0.01 * number,
            "overlap_low": 0.59,
            "overlap_high": 0.9,
            "same_first": 0.5,
        }
        for number, place in enumerate(_name_places(sweep))
    ]


def _make_gains(sweep: FakeSweep) -> list[dict[str, object]]:
    shares = {"upper_prefix_share": 0.3, "lower_prefix_share": 0.2}
    counts = {"n_items": sweep.n_items, "n_units": sweep.n_items, "metric": "ndcg_at_10", "median": 9.0}
    own = [
        {**place, **counts, **shares, **_infer(1.0, 2.0), "moderator": moderator, "n_tasks": 1}
        | {"upper_points": 2.0, "lower_points": 1.0}
        for place in _name_places(sweep)
        for moderator in ("length", "overlap", "prefix share")
    ]
    means = [{**row, "task": "", "hf_subset": "", "hf_split": "", "metric": "", "n_tasks": 3} for row in own[:3]]
    return [*own, *means]
