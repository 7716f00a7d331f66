from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from prefixbench.vectors.mapped_texts import MappedTexts, count_characters, select_texts, take_texts, write_texts

WORDS = [f"text {number} – ä\n" for number in range(20_000)]


@pytest.fixture
def texts(tmp_path: Path) -> MappedTexts:
    blocks = ((WORDS[start : start + 7_000], WORDS[start : start + 7_000][::-1]) for start in range(0, 20_000, 7_000))
    write_texts(tmp_path / "a.arrow", ("text", "other"), blocks)
    return MappedTexts(tmp_path / "a.arrow", "text")


def test_texts_of_a_file_are_a_sequence_like_any(texts: MappedTexts) -> None:
    assert len(texts) == len(WORDS)
    assert list(texts) == WORDS
    assert (texts[0], texts[-1], texts[19_999], texts[5:9_000:3]) == (WORDS[0], WORDS[-1], WORDS[-1], WORDS[5:9_000:3])
    with pytest.raises(IndexError):
        texts[20_000]


def test_rows_come_in_the_order_asked_for_from_any_number_of_chunks(texts: MappedTexts) -> None:
    places = np.random.default_rng(0).integers(0, 20_000, 9_000)
    expected = [WORDS[place] for place in places]
    assert take_texts(texts, places) == take_texts(WORDS, places) == expected
    some = select_texts(texts, places)
    assert list(some) == list(select_texts(WORDS, places)) == expected
    assert take_texts(some, np.array([8_999, 0])) == [expected[-1], expected[0]]
    assert take_texts(texts, np.array([], dtype=np.int64)) == []
    for one in (texts, WORDS, texts.select(np.arange(20_000))):
        assert count_characters(one, places).tolist() == list(map(len, expected))


def test_they_travel_as_a_path_and_outlive_the_file(texts: MappedTexts) -> None:
    content = pickle.dumps(texts)
    assert len(content) < 1_000
    again = pickle.loads(content)
    texts.path.unlink()
    assert list(again) == WORDS


def test_half_a_surrogate_pair_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_texts(tmp_path / "b.arrow", ("text",), [(["fine", "\ud83d"],)])
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="maps are listed on Linux alone")
def test_a_selection_maps_the_file_no_second_time(texts: MappedTexts) -> None:
    some = [texts.select(np.array([place])) for place in range(50)]
    assert [list(one) for one in some] == [[WORDS[place]] for place in range(50)]
    assert sum(texts.path.name in line for line in Path("/proc/self/maps").read_text().splitlines()) == 1
