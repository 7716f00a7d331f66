"""The latest plan decides which rows count; older ones are history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefixbench.results.live import PlannedCell, merge_plans, sort_rows
from prefixbench.results.records import CellFailure, CellResult

from tests.fakes import PROVENANCE, make_result


def plan_cell(cell_id: str, *conditions: str, task: str = "Task") -> PlannedCell:
    return PlannedCell(
        cell_id=cell_id, model="org/model", task=task, hf_subset="default", hf_split="test", conditions=conditions
    )


def fail(cell_id: str, condition: str) -> CellFailure:
    return CellFailure(
        cell_id=cell_id,
        status="failed",
        conditions=(condition,),
        model="org/model",
        model_revision=None,
        task="Task",
        task_type="Retrieval",
        hf_subset="default",
        hf_split="test",
        reason="its prefixes are not known before it is downloaded.",
        error="PrefixNotFoundError",
        provenance=PROVENANCE,
    )


def under(row: CellResult, **changes: Any) -> CellResult:
    """The same row from other weights, or another mteb."""
    if "mteb" in changes:
        return row.model_copy(update={"provenance": PROVENANCE.model_copy(update={"packages": changes})})
    return row.model_copy(update={"encoder": replace(row.encoder, **changes)})


BEFORE = [make_result("none"), make_result("old", "correct", 0.6)]


def test_a_changed_card_leaves_one_row_for_correct_and_keeps_the_other_as_history() -> None:
    first = (plan_cell("none", "none"), plan_cell("old", "correct"))
    plan = merge_plans(first, (plan_cell("none", "none"), plan_cell("new", "correct")))
    asked = sort_rows(plan, BEFORE)
    assert [row.cell_id for row in asked.live] == ["none"]
    assert [cell.describe() for cell in asked.missing] == ["org/model · Task · correct"]
    assert asked.history == (BEFORE[1],)
    after = sort_rows(plan, [*BEFORE, make_result("new", "correct", 0.7)])
    assert [(row.cell_id, row.conditions) for row in after.live] == [("none", ("none",)), ("new", ("correct",))]
    assert after.history == (BEFORE[1],)
    assert after.missing == ()
    back = sort_rows(merge_plans(plan, first), [*BEFORE, make_result("new", "correct", 0.7)])
    assert [row.cell_id for row in back.live] == ["none", "old"], "a card changed back needs nothing computed"


def test_names_move_between_cells_with_the_plan() -> None:
    shared = make_result("shared", "correct").model_copy(update={"conditions": ("correct", "mteb")})
    plan = merge_plans((plan_cell("shared", "correct", "mteb"),), (plan_cell("other", "mteb"),))
    sorted_ = sort_rows(plan, [shared, make_result("other", "mteb")])
    assert [(row.cell_id, row.conditions) for row in sorted_.live] == [("shared", ("correct",)), ("other", ("mteb",))]
    joined = sort_rows((plan_cell("shared", "correct", "mteb", "cross:a"),), [shared])
    assert joined.live[0].conditions == ("correct", "mteb", "cross:a")


def test_a_cell_that_is_asked_for_again_by_another_name_keeps_its_own() -> None:
    shared = make_result("shared", "correct").model_copy(update={"conditions": ("correct", "mteb")})
    later = merge_plans((plan_cell("shared", "correct", "mteb"),), (plan_cell("shared", "cross:query"),))
    assert sort_rows(later, [shared]).live[0].conditions == ("correct", "mteb", "cross:query")
    assert merge_plans(later, (plan_cell("shared", "mteb"),)) == later
    first = merge_plans((plan_cell("shared", "cross:query"),), (plan_cell("shared", "correct"),))
    assert first[0].conditions == ("correct", "cross:query")


def test_a_failure_before_the_download_is_history_once_its_successor_has_a_row() -> None:
    plan = merge_plans((plan_cell("asked", "correct"),), (plan_cell("done", "correct"),))
    sorted_ = sort_rows(plan, [fail("asked", "correct"), make_result("done", "correct")])
    assert [row.cell_id for row in sorted_.live] == ["done"]
    assert [row.cell_id for row in sorted_.history] == ["asked"]


def test_a_plan_of_other_tasks_leaves_the_rest_alone() -> None:
    plan = merge_plans((plan_cell("a", "none"),), (plan_cell("b", "none", task="Other"),))
    assert [cell.cell_id for cell in plan] == ["a", "b"]
    assert merge_plans(plan, plan) == plan


def test_scores_of_other_weights_than_the_models_latest_do_not_count() -> None:
    plan = (plan_cell("a", "none"), plan_cell("b", "none", task="Other"), plan_cell("c", "correct", task="Other"))
    rows = [
        make_result("a"),
        make_result("b", task="Other"),
        under(make_result("c", "correct", task="Other"), weights_digest="v"),
    ]
    sorted_ = sort_rows(plan, rows)
    assert [row.cell_id for row in sorted_.live] == ["c"]
    assert [row.cell_id for row in sorted_.outdated] == ["a", "b"]
    assert [cell.cell_id for cell in sorted_.missing] == ["a", "b"]
    again = sort_rows(plan, [*rows, make_result("c", "correct", task="Other")])
    assert [row.cell_id for row in again.live] == ["a", "b", "c"]
    assert again.history == (rows[2],)


def test_scores_of_another_mteb_or_other_data_do_not_count_beside_newer_ones_of_their_place() -> None:
    plan = (plan_cell("a", "none"), plan_cell("b", "correct"), plan_cell("c", "none", task="Other"))
    elsewhere = make_result("c", task="Other")
    for newer in (
        under(make_result("b", "correct"), mteb="3.0.0"),
        make_result("b", "correct", dataset_sha256="1" * 64),
        make_result("b", "correct", scoring_version=2),
    ):
        sorted_ = sort_rows(plan, [make_result("a"), elsewhere, newer])
        assert [row.cell_id for row in sorted_.outdated] == ["a"]
        assert [row.cell_id for row in sorted_.live] == ["c", "b"]


def test_without_a_named_plan_the_last_row_of_a_condition_counts() -> None:
    rows = [*BEFORE, make_result("new", "correct", 0.7)]
    sorted_ = sort_rows((PlannedCell(cell_id="none"), PlannedCell(cell_id="lost")), rows)
    assert [row.cell_id for row in sorted_.live] == ["none", "new"]
    assert [cell.describe() for cell in sorted_.missing] == ["lost"]


def test_a_row_that_calls_itself_a_planned_cell_of_another_place_does_not_count() -> None:
    sorted_ = sort_rows((plan_cell("a", "none"),), [make_result("a", task="Other")])
    assert sorted_.live == ()
    assert [cell.cell_id for cell in sorted_.missing] == ["a"]
