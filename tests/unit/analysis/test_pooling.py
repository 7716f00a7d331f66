from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from prefixbench.analysis import AnalysisSettings
from prefixbench.analysis.advice import grade_prefix
from prefixbench.analysis.pooling import fit_mixed_model, pool_rows
from prefixbench.analysis.subjects import find_families
from prefixbench.spec.conditions import Mechanism
from scipy import stats
from statsmodels.regression.mixed_linear_model import MixedLM
from statsmodels.stats.meta_analysis import combine_effects

from tests.fakes import make_result


def make_row(
    task: str, delta: float, error: float, *, subset: str = "default", identical: bool = False
) -> dict[str, Any]:
    reach, narrow = 1.96 * error, 1.645 * error
    verdict = "helps" if delta - reach > 0.5 else "hurts" if delta + reach < -0.5 else "inconclusive"
    return {
        "task": task, "task_type": "Retrieval", "hf_subset": subset, "delta_points": delta, "standard_error": error,
        "ci_low": delta - reach, "ci_high": delta + reach, "equivalence_low": delta - narrow,
        "equivalence_high": delta + narrow, "p_value": float(2 * stats.norm.sf(abs(delta) / max(error, 1e-9))),
        "identical": identical, "verdict": verdict,
    }  # fmt: skip


def test_the_pooled_delta_is_statsmodels_random_effects_with_students_interval() -> None:
    deltas, errors = np.array([1.0, 2.5, 0.2, 3.0, 1.1]), np.array([0.5, 0.4, 0.6, 0.7, 0.3])
    pooled = pool_rows([make_row(f"T{i}", d, e) for i, (d, e) in enumerate(zip(deltas, errors, strict=True))], 0.5)
    library = combine_effects(deltas, errors**2, method_re="iterated", use_t=True)
    assert pooled.delta == pytest.approx(library.mean_effect_re)
    error = max(library.sd_eff_w_re_hksj, library.sd_eff_w_re)
    assert pooled.interval[1] - pooled.delta == pytest.approx(stats.t.ppf(0.975, 4) * error)
    assert pooled.prediction[1] - pooled.delta == pytest.approx(
        stats.t.ppf(0.975, 3) * np.sqrt(library.tau2 + error**2)
    )
    assert pooled.prediction[0] < pooled.interval[0]


def test_a_task_with_many_subsets_counts_once() -> None:
    few = pool_rows([make_row("A", 4.0, 0.5), make_row("B", 0.0, 0.5), make_row("C", 0.0, 0.5)], 0.5)
    subsets = [make_row("A", 4.0, 0.5, subset=f"s{i}") for i in range(12)]
    many = pool_rows([*subsets, make_row("B", 0.0, 0.5), make_row("C", 0.0, 0.5)], 0.5)
    assert many.n_tasks == 3
    assert many.delta == pytest.approx(few.delta)
    assert many.interval == pytest.approx(few.interval)


def test_cells_compared_with_themselves_are_left_out_and_counted() -> None:
    same = make_row("S", 0.0, 0.0, identical=True)
    pooled = pool_rows([make_row("A", 4.0, 0.5), make_row("B", 3.0, 0.5), same], 0.5)
    assert pooled.n_tasks == 2
    assert pooled.delta == pytest.approx(3.5)
    assert pooled.note == "left out, both conditions sending the same strings: 1 of 3 tasks"
    assert pool_rows([same], 0.5).verdict == "equivalent"


def test_one_task_keeps_its_own_interval() -> None:
    row = make_row("A", 4.0, 0.5)
    pooled = pool_rows([row], 0.5)
    assert pooled.interval == (row["ci_low"], row["ci_high"])
    assert pooled.note == "one task: its own interval, which says nothing of others"


def test_the_mixed_model_agrees_where_tasks_have_equal_spread() -> None:
    rng = np.random.default_rng(0)
    contributions = {f"T{i}": [rng.normal(2 + rng.normal(), 10, 400)] for i in range(12)}
    rows = [make_row(task, float(own[0].mean()), float(own[0].std(ddof=1) / 20)) for task, own in contributions.items()]
    delta, low, high = fit_mixed_model(contributions)
    pooled = pool_rows(rows, 0.5)
    assert delta == pytest.approx(pooled.delta, abs=0.05)
    assert high - low == pytest.approx((pooled.interval[1] - pooled.interval[0]) * 1.96 / 2.2, rel=0.1)


@pytest.mark.parametrize(("tau", "n_tasks"), [(0.0, 3), (0.5, 5), (3.0, 8)])
def test_the_mixed_model_is_that_of_statsmodels(tau: float, n_tasks: int) -> None:
    rng = np.random.default_rng(4)
    contributions = {f"T{i}": [rng.normal(1 + rng.normal(0, tau), 2, 11 + i)] for i in range(n_tasks)}
    values = np.concatenate([own[0] for own in contributions.values()])
    groups = np.repeat(np.arange(n_tasks), [len(own[0]) for own in contributions.values()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = MixedLM(values, np.ones((len(values), 1)), groups=groups).fit(reml=True, method="powell")
    delta, low, high = fit_mixed_model(contributions)
    assert delta == pytest.approx(fit.params[0], rel=1e-4)
    # Its error is of a numeric Hessian.
    assert (high - low) / 2 / 1.959964 == pytest.approx(fit.bse[0], rel=1e-2)


@pytest.mark.parametrize(
    ("deltas", "grade"),
    [
        ([6.0, 6.2, 5.9, 6.1], "required"),
        ([1.5, 1.4, 1.6, 1.5], "helpful"),
        ([0.0, 0.05, -0.05, 0.0], "harmless"),
        ([-3.0, -3.1, -2.9, -3.0], "harmful"),
        ([9.0, 0.0, 0.0], "helpful"),
        ([9.0, -9.0, 0.0], "unclear"),
    ],
)
def test_grades_follow_the_pooled_answer_then_the_tasks(deltas: list[float], grade: str) -> None:
    rows = [make_row(f"T{i}", delta, 0.1) for i, delta in enumerate(deltas)]
    assert grade_prefix(rows, AnalysisSettings()) == grade


def test_a_model_without_contrasts_is_unclear() -> None:
    assert grade_prefix([], AnalysisSettings()) == "unclear"


def test_families_follow_the_mechanism_of_correct() -> None:
    results = [
        make_result("a", "none", model="A", mechanism=Mechanism.NONE),
        make_result("b", "correct", model="A", mechanism=Mechanism.TEMPLATE),
        make_result("c", "correct", model="B", mechanism=Mechanism.ADAPTER),
        make_result("d", "none", model="C", mechanism=Mechanism.NONE),
    ]
    assert find_families(results) == {"A": "instruction", "B": "prefix", "C": "none"}


def test_equal_deltas_pool_without_a_warning_and_without_heterogeneity() -> None:
    pooled = pool_rows([make_row(f"T{index}", 0.0, 0.5) for index in range(3)], 0.5)
    assert (pooled.delta, pooled.tau2, pooled.i2) == (0.0, 0.0, 0.0)
