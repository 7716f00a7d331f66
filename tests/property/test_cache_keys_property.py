"""Equal keys mean equal vectors: any difference that can change a vector gives another key."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefixbench.spec.conditions import Pooling, Role, Side
from prefixbench.vectors.embedder import EmbedderIdentity
from prefixbench.vectors.keys import (
    KEY_BYTES,
    Namespace,
    compute_text_digests,
    keys_from_digests,
    list_keys,
    vector_keys,
)

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch", "cpu")

# Few letters and short strings, so that fields often run together to the same characters.
short = st.text(alphabet="ab: _", max_size=3)
optional = st.none() | short
identities = st.builds(
    EmbedderIdentity,
    model=short,
    revision=optional,
    weights_digest=short,
    max_seq_length=st.integers(1, 30),
    pooling=short,
    dtype=short,
    engine=short,
    device=short,
)
sides = st.builds(
    Side,
    prefix=short.map(lambda text: text + "{title}") | short,
    adapter=optional,
    api=st.lists(st.tuples(short, short), max_size=2, unique_by=lambda pair: pair[0]).map(tuple),
    title_slot=st.booleans(),
    pooling=st.none() | st.sampled_from(Pooling),
    route=st.none() | st.sampled_from(Role),
)
requests = st.tuples(identities, sides, short, optional)


def vector_key(identity: EmbedderIdentity, side: Side, text: str, title: str | None = None) -> bytes:
    return vector_keys(identity, side, [text], None if title is None else [title]).tobytes()


def what_matters(identity: EmbedderIdentity, side: Side, text: str, title: str | None) -> object:
    """All that can change the vector, as one comparable value."""
    state = (side.adapter, tuple(sorted(side.api)), side.pooling, side.route)
    return replace(identity, engine=""), state, side.prefix_for(title), text


@given(requests, requests)
def test_keys_are_equal_exactly_where_everything_that_matters_is(first: Any, second: Any) -> None:
    assert (vector_key(*first) == vector_key(*second)) == (what_matters(*first) == what_matters(*second))


@given(requests, st.data())
def test_one_field_changed_is_another_key(request: Any, data: st.DataObject) -> None:
    identity, side, text, title = request
    name = data.draw(st.sampled_from([field.name for field in fields(EmbedderIdentity) if field.name != "engine"]))
    other = data.draw(identities)
    changed = replace(identity, **{name: getattr(other, name)})
    same = getattr(identity, name) == getattr(other, name)
    assert (vector_key(identity, side, text, title) == vector_key(changed, side, text, title)) == same


@given(identities, sides, st.lists(st.tuples(short, short), max_size=5))
def test_keys_from_digests_are_the_keys_of_the_texts(
    identity: EmbedderIdentity, side: Side, pairs: list[tuple[str, str]]
) -> None:
    texts, titles = [text for text, _ in pairs], [title for _, title in pairs]
    keys = vector_keys(identity, side, texts, titles)
    assert keys.shape == (len(texts), KEY_BYTES)
    again = keys_from_digests(Namespace.of(identity, side), side, compute_text_digests(texts), titles)
    np.testing.assert_array_equal(keys, again)
    assert list_keys(keys) == [vector_key(identity, side, text, title) for text, title in pairs]


IDENTITY_CHANGES: dict[str, Any] = {
    "model": "org/model2",
    "revision": None,
    "weights_digest": "e" * 64,
    "max_seq_length": 255,
    "pooling": "cls",
    "dtype": "bfloat16",
    "engine": "openvino",
    "device": "cuda",
}
SIDE_CHANGES: dict[str, Any] = {
    "prefix": "query:",
    "adapter": "none",
    "api": (("task_type", "CLUSTERING"),),
    "title_slot": True,
    "pooling": Pooling.EXCLUDE,
    "route": Role.QUERY,
}


def test_every_field_there_is_has_a_change_below() -> None:
    assert set(IDENTITY_CHANGES) == {field.name for field in fields(EmbedderIdentity)}
    assert set(SIDE_CHANGES) == {field.name for field in fields(Side)}


@pytest.mark.parametrize("name", IDENTITY_CHANGES)
def test_each_field_of_the_identity_counts_except_the_engine(name: str) -> None:
    side, changed = Side("query: "), replace(IDENTITY, **{name: IDENTITY_CHANGES[name]})
    assert (vector_key(IDENTITY, side, "text") == vector_key(changed, side, "text")) == (name == "engine")


@pytest.mark.parametrize("name", SIDE_CHANGES)
def test_each_field_of_the_side_counts(name: str) -> None:
    side = Side("title: {title} | ")
    changed = replace(side, **{name: SIDE_CHANGES[name]})
    assert vector_key(IDENTITY, side, "text", "A title") != vector_key(IDENTITY, changed, "text", "A title")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("query: ", "x"), ("query_ ", "x")),
        (("a", "bc"), ("ab", "c")),
        (("", "ab"), ("ab", "")),
        (("query: ", "x"), ("query:", " x")),
        (("query: ", "x"), ("query: ", "x ")),
        (("", "\ud800"), ("", "\ufffd")),
        (("", "\ud800"), ("", "?")),
        (("", "\u00e9"), ("", "e\u0301")),
        (("", "a\x00"), ("", "a")),
    ],
)
def test_near_collisions_are_kept_apart(first: tuple[str, str], second: tuple[str, str]) -> None:
    keys = [vector_key(IDENTITY, Side(prefix), text) for prefix, text in (first, second)]
    assert keys[0] != keys[1]


def test_absent_is_not_empty_and_lists_do_not_run_together() -> None:
    def key(**changes: Any) -> bytes:
        return vector_key(IDENTITY, Side(**changes), "text")

    assert key(adapter=None) != key(adapter="")
    assert key(api=(("a", "b"), ("c", "d"))) != key(api=(("a", "bc"), ("", "d")))
    assert key(api=(("a", "b"),)) != key(adapter="a", pooling=None)
    assert key(api=(("a", "b"), ("c", "d"))) == key(api=(("c", "d"), ("a", "b")))


def test_a_rendered_title_is_the_same_as_the_string_written_out() -> None:
    slot = Side("title: {title} | text: ", title_slot=True)
    assert vector_key(IDENTITY, slot, "body", "") == vector_key(IDENTITY, Side("title: none | text: "), "body")
    assert vector_key(IDENTITY, slot, "body", "One") == vector_key(IDENTITY, Side("title: One | text: "), "body")


def test_keys_stay_what_they_are() -> None:
    """A change of the scheme orphans every stored vector; it must be meant."""
    key = vector_key(IDENTITY, Side("query: "), "text")
    assert key.hex() == "56afb03f7015f15281052236c1a21975929b02d0eb3fbc953103783bc0611bac0f12e5dc1138edf0"
