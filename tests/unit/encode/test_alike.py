from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.encode.alike import FirstAlike
from prefixbench.vectors import keys
from prefixbench.vectors.keys import TEXT_BYTES, compute_text_digests, find_distinct, find_repeats

WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60)


@given(WORDS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_the_first_alike_is_the_first_seen_in_any_order(words: list[str], width: int, shuffle: Random) -> None:
    digests = compute_text_digests(words)
    order = np.arange(len(words))
    listed = order.tolist()
    shuffle.shuffle(listed)
    order = np.array(listed)
    alike = FirstAlike(len(words))
    seen: dict[str, int] = {}
    for start in range(0, len(order), width):
        window = order[start : start + width]
        found = alike.find(window, digests[window])
        assert found.tolist() == [seen.setdefault(words[place], place) for place in window.tolist()]
    assert (alike.digests == digests).all()


def test_slots_that_are_taken_are_passed_over() -> None:
    digests = np.zeros((12, TEXT_BYTES), dtype=np.uint8)
    digests[:, -1] = np.arange(12)  # all want the first slot
    alike = FirstAlike(12)
    for part in (np.arange(5), np.arange(5, 12)):
        assert (alike.find(part, digests[part]) == part).all()


@given(WORDS)
def test_distinct_rows_are_numbered_by_first_appearance(words: list[str]) -> None:
    rows = compute_text_digests(words)
    first, inverse = find_distinct(rows)
    distinct = list(dict.fromkeys(words))
    assert [words[place] for place in first] == distinct
    assert [distinct[number] for number in inverse] == words
    repeats = find_repeats(rows)
    assert (repeats is None) == (len(distinct) == len(words))
    if repeats is not None:
        assert (repeats[0].tolist(), repeats[1].tolist()) == (first.tolist(), inverse.tolist())


def test_rows_that_end_alike_are_still_told_apart() -> None:
    rows = np.zeros((keys.BLOCK + 3, TEXT_BYTES), dtype=np.uint8)
    rows[: keys.BLOCK, 0:2] = np.arange(keys.BLOCK, dtype="<u2").view(np.uint8).reshape(-1, 2)
    first, inverse = find_distinct(rows)
    assert (first == np.arange(keys.BLOCK)).all()
    assert inverse[-3:].tolist() == [0, 0, 0]
