from __future__ import annotations

import gc

import pytest
from prefixbench.results.bulk import pause_collection


@pause_collection()
def is_collecting() -> bool:
    return gc.isenabled()


def test_cycles_are_looked_for_again_afterwards() -> None:
    assert not is_collecting()
    assert gc.isenabled()


def test_a_failure_ends_the_pause() -> None:
    @pause_collection()
    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert gc.isenabled()


def test_a_collection_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        assert not is_collecting()
        assert not gc.isenabled()
    finally:
        gc.enable()
