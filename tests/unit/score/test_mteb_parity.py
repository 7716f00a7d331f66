from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mteb.abstasks import AbsTask
from mteb.mocks import MOCK_TASK_TEST_GRID
from prefixbench.items.statistics import compute_statistic
from prefixbench.score import CellScore, score_cell

from tests.score_fakes import evaluate_plainly, make_encoder
from tests.score_tasks import MADE_TASKS, score_made

MOCKS = sorted({type(task) for task in MOCK_TASK_TEST_GRID}, key=lambda kind: kind.__name__)


def build(kind: type[AbsTask]) -> AbsTask:
    task = kind()
    task.load_data()
    return task


def assert_same_scores(cell: CellScore, reference: dict[str, Any]) -> None:
    scalars = {name: value for name, value in reference.items() if isinstance(value, float) and np.isfinite(value)}
    assert scalars
    for name, value in scalars.items():
        assert cell.scores[name] == pytest.approx(value, abs=1e-9), name
    assert cell.score == pytest.approx(reference["main_score"], abs=1e-9)


@pytest.mark.parametrize("kind", MOCKS, ids=lambda kind: kind.__name__)
def test_every_mock_task_scores_as_in_mteb_and_is_rebuilt_from_its_items(kind: type[AbsTask]) -> None:
    encoder = make_encoder()
    task = build(kind)
    hf_split, hf_subset = task.eval_splits[-1], task.hf_subsets[-1]
    cell = score_cell(task, encoder, hf_split, hf_subset)
    reference, _ = evaluate_plainly(build(kind), encoder, hf_split, hf_subset)
    assert_same_scores(cell, reference)
    assert compute_statistic(cell.items) == pytest.approx(cell.score, abs=5.1e-6)
    assert cell.items.n_items > 0
    assert cell.result.get_score() == pytest.approx(cell.score)


@pytest.mark.parametrize("name", MADE_TASKS)
def test_every_kind_of_main_score_is_mtebs_and_is_rebuilt_from_its_items(name: str) -> None:
    cell, _ = score_made(name)
    reference, _ = evaluate_plainly(MADE_TASKS[name](), make_encoder(), "test", "default")
    assert_same_scores(cell, reference)
    # mteb rounds what pytrec_eval gives it to five digits, and computes errors of float32 predictions in float32.
    digits = 5.1e-6 if hasattr(MADE_TASKS[name](), "k_values") else 1e-6
    assert compute_statistic(cell.items) == pytest.approx(cell.score, abs=digits)
    assert -1 <= cell.items.value.min() <= cell.items.value.max() <= 1


@pytest.mark.parametrize("name", MADE_TASKS)
def test_items_are_the_same_in_every_condition(name: str) -> None:
    (plain, _), (prefixed, _) = score_made(name), score_made(name, "query: ")
    assert np.array_equal(plain.items.item_id, prefixed.items.item_id)
    assert np.array_equal(plain.items.group_id, prefixed.items.group_id)
    assert np.array_equal(plain.items.replicate, prefixed.items.replicate)


@pytest.mark.parametrize("name", ["clustering", "label sets f1", "classification", "sets"])
def test_a_task_object_scores_the_same_a_second_time(name: str) -> None:
    task = MADE_TASKS[name]()
    first = score_cell(task, make_encoder(), "test", "default")
    second = score_cell(task, make_encoder(), "test", "default")
    assert first.scores == second.scores
    assert np.array_equal(first.items.value, second.items.value)


def test_a_second_evaluation_by_mteb_of_the_same_object_scores_otherwise() -> None:
    task = MADE_TASKS["clustering"]()
    first, _ = evaluate_plainly(task, make_encoder(), "test", "default")
    second, _ = evaluate_plainly(task, make_encoder(), "test", "default")
    assert first["v_measure"] != second["v_measure"]
