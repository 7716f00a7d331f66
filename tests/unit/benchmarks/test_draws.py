"""Other draws of an evaluation: what is drawn anew, and that nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from datasets import Dataset

from benchmarks.answer.draws import draw_first_samples, shuffle_rows
from benchmarks.answer.machine import compare_published
from tests.fakes import make_result


class Drawing:
    """A task that remembers the order it was asked to draw from, as mteb's do."""

    def __init__(self, n_rows: int) -> None:
        rows = Dataset.from_dict({"text": [f"text {row}" for row in range(n_rows)], "label": list(range(n_rows))})
        self.dataset = {"default": {"test": rows}}

    def _undersample_data(self, dataset: Any, number: int, order: list[int] | None = None) -> list[int]:
        return list(range(len(dataset))) if order is None else order


def test_the_first_order_alone_is_drawn_anew_and_the_same_each_time() -> None:
    rows = Drawing(30).dataset["default"]["test"]
    orders = []
    for seed in (1, 1, 2):
        task = Drawing(30)
        draw_first_samples(task, seed)
        first = task._undersample_data(rows, 0)
        assert sorted(first) == list(range(30))
        assert task._undersample_data(rows, 1, first) == first  # the next goes on from it
        orders.append(first)
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert orders[0] != list(range(30))


def test_rows_keep_what_belongs_together() -> None:
    task = Drawing(30)
    shuffle_rows(task, 1)
    rows = task.dataset["default"]["test"]
    assert rows["label"] != list(range(30))
    assert rows["text"] == [f"text {label}" for label in rows["label"]]


def test_a_published_score_is_explained_by_a_condition_a_draw_or_nothing() -> None:
    told = {}
    for score, drawn in ((50.02, None), (52.0, (49.0, 52.0)), (52.0, (49.0, 51.9)), (52.0, None)):
        run: Any = SimpleNamespace(results=[make_result(condition="correct", score=0.5)])
        cell = run.results[0]
        place = (cell.model, cell.task, cell.hf_subset, cell.hf_split)
        draws: Any = {} if drawn is None else {place: drawn}
        told[score, drawn] = compare_published(run, {place: score}, draws)
    assert "**50.00**" in told[50.02, None]
    assert "not explained" not in told[50.02, None]
    assert "| 2 | 49.00 | 52.00 | 52.00 | yes |" in told[52.0, (49.0, 52.0)]
    assert "not explained" not in told[52.0, (49.0, 52.0)]
    assert "| 2 | 49.00 | 51.90 | 52.00 | no |" in told[52.0, (49.0, 51.9)]
    assert "not explained" in told[52.0, (49.0, 51.9)]
    assert "not explained" in told[52.0, None]
