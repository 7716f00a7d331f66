"""Text for a terminal: nothing wider than eighty columns, no word broken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prefixbench.screen import WIDTH, flatten, limit, measure, set_columns, wrap

WORDS = st.lists(st.text("abcdefghij:_-/", min_size=1, max_size=60), max_size=30)
CELLS = st.text("abc de·f\n漢字", max_size=70)


@given(WORDS, st.sampled_from([" ", "·"]))
def test_words_stay_whole_and_none_is_lost(words: list[str], blank: str) -> None:
    lines = wrap(blank.join(words), "  ")
    assert all(measure(line) <= WIDTH for line in lines)
    assert [word for line in lines for word in line.replace("·", " ").split()] == words


def test_only_what_is_longer_than_a_line_is_cut() -> None:
    lines = wrap("x" * 200)
    assert "".join(line.strip() for line in lines) == "x" * 200
    assert max(map(len, lines)) == WIDTH


@given(st.integers(1, 6).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), max_size=8)))
def test_columns_fit_and_hold_every_letter(rows: list[list[str]]) -> None:
    blocks = set_columns(rows)
    assert len(blocks) == len(rows)
    for row, block in zip(rows, blocks, strict=True):
        assert "".join("".join(row).split()) == "".join("".join(block).split())
    assert all(measure(line) <= WIDTH for line in flatten(blocks)), blocks


def test_more_columns_than_a_line_holds_fit_too() -> None:
    block = set_columns([["x" * 30, "y" * 40, "z" * 35, "end"]])[0]
    assert all(measure(line) <= WIDTH for line in block)
    assert "".join("".join(block).split()) == "x" * 30 + "y" * 40 + "z" * 35 + "end"


def test_numbers_stand_flush_right() -> None:
    assert flatten(set_columns([("a", "5"), ("bb", "1,234")], right=frozenset({1}), indent="")) == [
        "a       5",
        "bb  1,234",
    ]


def test_what_does_not_fit_is_counted() -> None:
    blocks = [["a", "a2"], ["b"], ["c"], ["d"]]
    assert limit(blocks, 5, "and {} more") == ["a", "a2", "b", "c", "d"]
    assert limit(blocks, 4, "and {} more") == ["a", "a2", "b", "and 2 more"]
