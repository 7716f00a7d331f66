"""Hits come back as they were kept, and a file that was touched is noticed, and computed again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.errors import ResultsError
from prefixbench.items.hits import MOST_HITS, Hits, collect_hits
from prefixbench.results import hits as module
from prefixbench.results.hits import load_hits, name_hits, write_hits

from tests.fakes import make_result

RANKED = {"q0": ["a", "b", "c"], "q1": ["c"], "q2": ["b", "a"]}


def name_all(hits: Hits) -> dict[str, list[str]]:
    return {
        str(item): [str(hits.names[code]) for code in row if code >= 0]
        for item, row in zip(hits.item_id, hits.document, strict=True)
    }


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(str.strip),
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), unique=True, min_size=1, max_size=120),
        min_size=1,
        max_size=5,
    )
)
def test_hits_come_back_in_order(tmp_path_factory: pytest.TempPathFactory, ranked: dict[str, list[str]]) -> None:
    folder = tmp_path_factory.mktemp("run")
    digest = write_hits(folder, "cell", collect_hits(ranked))
    back = load_hits(folder, make_result(hits_sha256=digest))
    assert back is not None
    assert name_all(back) == {name: own[:MOST_HITS] for name, own in ranked.items()}
    assert back.name_first() == {name: own[0] for name, own in ranked.items()}


def test_a_run_that_kept_none_says_so(tmp_path: Path) -> None:
    assert write_hits(tmp_path, "cell", None) is None
    assert write_hits(tmp_path, "cell", collect_hits({})) is None
    assert load_hits(tmp_path, make_result()) is None
    assert not (tmp_path / "hits").exists()


def test_more_than_can_be_read_back_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 8)
    assert write_hits(tmp_path, "cell", collect_hits(RANKED)) is None


def test_damage_is_named(tmp_path: Path) -> None:
    row = make_result(hits_sha256=write_hits(tmp_path, "cell", collect_hits(RANKED)))
    path = tmp_path / name_hits("cell")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ResultsError, match="the hits differ from the checksum in the ledger; run the cell again"):
        load_hits(tmp_path, row)
    path.unlink()
    with pytest.raises(ResultsError, match="cannot read the hits"):
        load_hits(tmp_path, row)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResultsError, match="is a link"):
        load_hits(tmp_path, row)


def test_names_that_expand_without_end_are_not_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = make_result(hits_sha256=write_hits(tmp_path, "cell", collect_hits({"q" * 50: ["a"], "q1": ["b"]})))
    monkeypatch.setattr(module, "MOST_EXPANDED", 4 * 2 * 50 - 1)
    with pytest.raises(ResultsError, match="column item_id would take too many bytes in memory"):
        load_hits(tmp_path, row)


@pytest.mark.parametrize(
    ("items", "documents", "told"),
    [
        (["q0", "q0"], ["a", "a"], "holds a document twice among one query's hits"),
        (["q0", "q1", "q0"], ["a", "a", "b"], "or a query's in two places"),
        (["q0"] * 101, [str(number) for number in range(101)], "holds more than 100 hits of a query"),
        ([1], ["a"], "column item_id is int64"),
        (["q0", "q1"], ["a", None], "column document has empty values"),
    ],
)
def test_what_no_sweep_writes_is_refused(
    items: list[object], documents: list[object], told: str, tmp_path: Path
) -> None:
    path = tmp_path / name_hits("cell")
    path.parent.mkdir()
    pq.write_table(pa.table({"item_id": items, "document": documents}), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ResultsError, match=told):
        load_hits(tmp_path, make_result(hits_sha256=digest))


def test_many_queries_stay_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ranked = {f"q{number}": [f"doc-{n}" for n in rng.permutation(5_000)[:100]] for number in range(300)}
    write_hits(tmp_path, "cell", collect_hits(ranked))
    assert (tmp_path / name_hits("cell")).stat().st_size < 2.2 * 300 * 100
