from __future__ import annotations

import pytest
from prefixbench.errors import SpecError
from prefixbench.spec.conditions import Condition, ConditionKind, Pooling, PrefixPair, Role, Side


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "wrong",
        "wrong:clustering",
        "cross",
        "foreign:e5",
        "paraphrase:3",
        "custom:mine",
        "adapter:none",
        "correct+adapter:retrieval.query",
        "correct+pooling:exclude",
        "placebo+adapter:a+pooling:include",
    ],
)
def test_a_condition_is_written_as_it_was_read(text: str) -> None:
    assert str(Condition.parse(text)) == text


def test_an_adapter_alone_is_none_crossed_with_it() -> None:
    assert Condition.parse("adapter:X") == Condition(ConditionKind.NONE, adapter="X")
    assert Condition.parse("correct+pooling:exclude").pooling is Pooling.EXCLUDE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("corect", "place: unknown condition 'corect'; did you mean correct?"),
        ("none:x", "place: condition 'none:x' takes no argument; write 'none'."),
        ("paraphrase", "place: condition 'paraphrase' needs an argument, as in paraphrase:1."),
        ("paraphrase:two", "place: condition 'paraphrase:two' needs a number after the colon, as in paraphrase:1."),
        ("custom", "place: condition 'custom' needs an argument, as in custom:NAME."),
        (
            "correct+pooling:maybe",
            "place: condition 'correct+pooling:maybe' has the modifier 'pooling:maybe'; "
            "valid are adapter:NAME, pooling:include and pooling:exclude.",
        ),
    ],
)
def test_faults_name_the_place_and_the_remedy(text: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        Condition.parse(text, "place")
    assert str(raised.value) == message


def test_symmetric_texts_take_the_named_member() -> None:
    pair = PrefixPair(Side("q: "), Side("d: "))
    assert [pair.side_for(role).prefix for role in (Role.QUERY, Role.DOCUMENT, None)] == ["q: ", "d: ", "q: "]
    assert PrefixPair(Side("q: "), Side("d: "), symmetric=Role.DOCUMENT).side_for(None).prefix == "d: "


def test_a_title_slot_takes_the_title_or_none() -> None:
    side = Side("title: {title} | text: ", title_slot=True)
    assert side.prefix_for("Physics") == "title: Physics | text: "
    assert side.prefix_for("") == "title: none | text: "
    assert Side("{title} ").prefix_for("Physics") == "{title} "
