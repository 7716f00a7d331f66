"""The best of several worthless strings is judged by items that had no part in picking it."""

from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis.held_out import judge_held_out, split_block
from prefixbench.analysis.pairing import group_by_place, pair_cells
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.errors import AnalysisError

from tests.fake_runs import FakeRun, make_table

SETTINGS = AnalysisSettings(n_resamples=99)


def test_what_the_choice_made_of_it_is_gone_on_the_other_half() -> None:
    rng = np.random.default_rng(0)
    claimed, honest, covered = [], [], 0
    for _ in range(200):
        run = FakeRun()
        shared = rng.random(240)
        scores = {f"custom:p{number}": shared + rng.normal(0, 0.1, 240) for number in range(8)}
        cells = [run.add("none", make_table(shared)), *(run.add(name, make_table(own)) for name, own in scores.items())]
        half = run.items(cells[0].cell_id).item_id[:120]
        best = max(scores, key=lambda name: scores[name][:120].mean())
        ((place, own_cells),) = group_by_place(run).items()
        (judged,) = judge_held_out(pair_cells(run, place, own_cells), set(half), [(best, "none")], SETTINGS)
        claimed.append(judged.picked_on)
        honest.append(judged.estimate.delta)
        low, high = judged.estimate.interval(0.05)
        covered += low <= 0 <= high
        assert judged.n_units == 120
    assert np.mean(claimed) > 1.0
    assert abs(np.mean(honest)) < 0.2
    assert covered / 200 >= 0.93


def test_items_that_share_a_unit_with_a_chosen_one_judge_nothing() -> None:
    run = FakeRun()
    run.add("none", make_table(np.linspace(0, 1, 40), group=np.arange(40) // 2))  # q0 and q1, q2 and q3, …
    ((place, cells),) = group_by_place(run).items()
    block = pair_cells(run, place, cells)
    inside, outside = split_block(block, {"q0", "q1", "q2"})
    assert set(inside.item_id) == {"q0", "q1", "q2"}
    assert set(outside.item_id) == {f"q{number}" for number in range(4, 40)}
    assert outside.n_units == 18
    with pytest.raises(AnalysisError, match="no item is left that had no part in the choice"):
        split_block(block, {f"q{number}" for number in range(0, 40, 2)})
