"""Overlap of what two conditions found: planted, and silent where nothing was kept."""

from __future__ import annotations

import numpy as np
import pytest
from prefixbench.analysis import analyse
from prefixbench.analysis.explored import explore
from prefixbench.analysis.rank_overlap import overlap_rankings
from prefixbench.analysis.settings import AnalysisSettings
from prefixbench.analysis.tables_explored import render_further
from prefixbench.errors import ResultsError
from prefixbench.items.hits import Hits, collect_hits

from tests.fake_runs import FakeRun, make_table

QUICK = AnalysisSettings(n_resamples=199)


def make_run(n: int = 200, share_moved: float = 0.25) -> FakeRun:
    """Under ``correct`` a share of the queries finds other documents; under ``wrong`` none finds another."""
    rng, run = np.random.default_rng(0), FakeRun()
    base = rng.random(n)
    found = {f"q{number}": [f"d{n}" for n in rng.permutation(50)[:20]] for number in range(n)}
    moved = {
        name: [f"other-{one}" for one in own] if number < share_moved * n else own
        for number, (name, own) in enumerate(found.items())
    }
    for condition, hits in (("none", found), ("correct", moved), ("wrong", dict(reversed(found.items())))):
        cell = run.add(condition, make_table(base + 0.01 * (condition == "correct")), hits_sha256="0" * 64)
        run.found[cell.cell_id] = collect_hits(hits)
    return run


def test_the_share_of_queries_that_find_other_documents_is_what_is_missing() -> None:
    (row,) = analyse(make_run(), QUICK).rankings.to_dict("records")
    assert (row["contrast"], row["n_items"], row["depth"]) == ("correct-none", 200, 20)
    assert row["overlap"] == pytest.approx(0.75)
    assert row["same_first"] == pytest.approx(0.75)
    error = np.sqrt(0.75 * 0.25 / 199)
    assert row["overlap_low"] == pytest.approx(0.75 - 1.97 * error, abs=0.01)
    assert row["overlap_high"] == pytest.approx(0.75 + 1.97 * error, abs=0.01)


def test_further_lays_every_condition_beside_none() -> None:
    further = explore(make_run(), QUICK)  # type: ignore[arg-type]
    rows = {row["contrast"]: row for row in further.rankings.to_dict("records")}
    assert set(rows) == {"correct-none", "wrong-none"}
    same = rows["wrong-none"]
    numbers = [same[name] for name in ("overlap", "overlap_low", "overlap_high", "same_first")]
    assert numbers == pytest.approx([1.0] * 4)
    shown = render_further(further)
    assert "correct-none  0.75" in shown
    assert "kept no hits" not in shown


def test_items_that_follow_in_another_order_and_names_in_another_code_are_told_apart() -> None:
    run = make_run(share_moved=0.0)
    assert overlap_rankings(np.array([[0, 1]]), np.array([[1, 0]]))[0] < 1
    assert analyse(run, QUICK).rankings["overlap"].tolist() == pytest.approx([1.0])


def test_a_run_without_hits_says_so_in_one_line_and_draws_nothing() -> None:
    run = make_run()
    run.found.clear()
    run.cells = [cell.model_copy(update={"hits_sha256": None}) for cell in run.cells]
    assert analyse(run, QUICK).rankings.empty
    shown = render_further(explore(run, QUICK))  # type: ignore[arg-type]
    assert shown.splitlines()[-1] == "ranking overlap: this run kept no hits; a sweep with --overwrite always does"


def test_hits_that_cannot_be_read_are_named_and_the_rest_stands() -> None:
    class TornRun(FakeRun):
        def hits(self, cell_id: str) -> Hits | None:
            if cell_id == "cell2":
                raise ResultsError("hits/cell2.parquet: the hits differ from the checksum in the ledger.")
            return super().hits(cell_id)

    run = TornRun(**vars(make_run()))
    further = explore(run, QUICK)  # type: ignore[arg-type]
    assert further.rankings["contrast"].tolist() == ["correct-none"]
    assert further.notes == ("hits/cell2.parquet: the hits differ from the checksum in the ledger.",)
    assert "hits/cell2.parquet" in render_further(further)
