from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.plan.expand import Plan, expand_plan
from prefixbench.plan.resolver import Resolver
from prefixbench.prefixes import PrefixBook, Resolution, SideSource
from prefixbench.spec.conditions import Condition, Mechanism, Mixture, PrefixPair, Side
from prefixbench.spec.sweep import CustomPrefix, ModelSpec, SweepSpec, TaskSpec
from prefixbench.spec.tasks import TaskFacts

RETRIEVAL = TaskFacts("R", "Retrieval", "ndcg_at_10", hf_subsets=("en", "de"))
STS = TaskFacts("S", "STS", "cosine_spearman")
PAIRS = {
    "none": PrefixPair(),
    "correct": PrefixPair(Side("q: "), Side("d: ")),
    "query-only": PrefixPair(Side("q: "), Side()),
    "custom:same": PrefixPair(Side("q: "), Side("d: ")),
}


@dataclass(frozen=True)
class Table:
    """A book of one table of pairs, whatever the model and the task."""

    def expand(self, _model: str, _task: TaskFacts, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return conditions

    def resolve(self, model: str, _task: TaskFacts, condition: Condition, **_: object) -> Resolution:
        if str(condition) == "swapped":
            raise InexpressibleError(f"{model} cannot")
        if str(condition) == "mteb":
            raise PrefixNotFoundError("not known")
        source = SideSource("card", "x")
        return Resolution(PAIRS[str(condition)], Mechanism.PREFIX, (source, source), "the table decides")


def make_plan(*conditions: str, tasks: tuple[TaskFacts, ...] = (RETRIEVAL, STS), limit: int | None = None) -> Plan:
    spec = SweepSpec(
        name="t",
        models=(ModelSpec(name="a/b"),),
        tasks=(TaskSpec(name="R"),),
        conditions=tuple(Condition.parse(text) for text in conditions),
        custom={"same": CustomPrefix(query="q: ", document="d: ")},
        limit=limit,
    )
    return expand_plan(spec, tasks, Resolver(cast(PrefixBook, Table()), lambda _: None, lambda _model, _pair: None))


def test_conditions_with_the_same_strings_are_one_cell_with_two_names() -> None:
    plan = make_plan("none", "correct", "custom:same", tasks=(STS,))
    assert [[str(name) for name in cell.conditions] for cell in plan.cells] == [["none"], ["correct", "custom:same"]]


def test_a_symmetric_task_cannot_tell_sides_apart() -> None:
    plan = make_plan("none", "correct", "query-only")
    names = {(cell.task.name, cell.hf_subset): [] for cell in plan.cells}  # type: dict[tuple[str, str], list[tuple[str, ...]]]
    for cell in plan.cells:
        names[cell.task.name, cell.hf_subset].append(tuple(str(name) for name in cell.conditions))
    assert names["S", "default"] == [("none",), ("correct", "query-only")]
    assert names["R", "en"] == names["R", "de"] == [("none",), ("correct",), ("query-only",)]


def test_what_cannot_be_run_keeps_its_reason() -> None:
    plan = make_plan("none", "swapped", "mteb", tasks=(STS,))
    assert [(str(cell.condition), cell.status, cell.reason) for cell in plan.unplanned] == [
        ("swapped", "skipped", "a/b cannot"),
        ("mteb", "failed", "not known"),
    ]
    assert len(set(plan.cell_ids)) == 3


def test_a_cell_is_the_same_whatever_its_condition_is_called() -> None:
    one = make_plan("none", "correct", tasks=(STS,)).cells[1]
    other = make_plan("none", "custom:same", tasks=(STS,)).cells[1]
    assert one.cell_id == other.cell_id


def test_everything_that_can_change_a_score_changes_the_cell() -> None:
    whole = {cell.cell_id for cell in make_plan("none", "correct").cells}
    limited = {cell.cell_id for cell in make_plan("none", "correct", limit=50).cells}
    assert len(whole) == 6
    assert not whole & limited


def test_a_mixture_is_part_of_a_cells_identity_and_changes_that_of_no_other_cell() -> None:
    cell = make_plan("none", "correct", tasks=(STS,)).cells[1]
    assert cell.cell_id == "5073e746de99dea2", "the identity that committed results have"
    mixtures = [Mixture(share, Side(), seed) for share, seed in ((0.25, 0), (0.5, 0), (0.5, 1))]
    mixed = {replace(cell, pair=replace(cell.pair, mixture=mixture)).cell_id for mixture in mixtures}
    assert len(mixed | {cell.cell_id}) == 4
