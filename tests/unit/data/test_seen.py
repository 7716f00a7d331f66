from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.data import seen as seen_module
from prefixbench.data.seen import Seen


@given(st.lists(st.text(max_size=3)), st.text(max_size=3))
def test_it_tells_what_a_set_would(names: list[str], other: str) -> None:
    seen, plain = Seen(), set[str]()
    for name in names:
        assert seen.add(name) is (name not in plain)
        plain.add(name)
        assert name in seen
    assert len(seen) == len(plain)
    assert (other in seen) is (other in plain)


def test_it_grows_and_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "SMALLEST", 4)
    seen = Seen()
    names = [str(number) for number in range(5_000)]
    assert all(seen.add(name) for name in names)
    assert not any(seen.add(name) for name in names)
    assert len(seen) == 5_000
    assert "5000" not in seen


def test_names_that_want_one_place_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_module, "digest_name", lambda name: 4096 * int(name) + 7)
    seen = Seen()
    assert all(seen.add(str(number)) for number in range(50))
    assert "49" in seen
    assert "50" not in seen
