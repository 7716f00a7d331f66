from __future__ import annotations

import pytest
from prefixbench.errors import SpecError
from prefixbench.spec.conditions import Condition, ConditionKind, Mixture, Pooling, PrefixPair, Role, Side


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
        "both-query",
        "mixed:0.5",
        "placebo:8",
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
        ("both-query:x", "place: condition 'both-query:x' takes no argument; write 'both-query'."),
        ("mixed", "place: condition 'mixed' needs an argument, as in mixed:0.5."),
        *(
            (
                f"mixed:{share}",
                f"place: condition 'mixed:{share}' needs a share of the documents between 0 and 1 after the colon, "
                "as in mixed:0.5.",
            )
            for share in ("0", "1", "0.0", "1.5", "half", "-0.5", "5e-1", "nan")
        ),
        *(
            (
                f"placebo:{tokens}",
                f"place: condition 'placebo:{tokens}' needs a number of tokens from 1 to 256 after the colon, "
                "as in placebo:8.",
            )
            for tokens in ("0", "257", "x", "-1", "²", "9" * 50)
        ),
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


def test_a_number_is_spelled_in_one_way() -> None:
    assert {str(Condition.parse(text)) for text in ("mixed:0.5", "mixed:.5", "mixed:0.50")} == {"mixed:0.5"}
    assert str(Condition.parse("placebo:08")) == "placebo:8"
    assert str(Condition.parse("paraphrase:01")) == "paraphrase:1"


def test_symmetric_texts_take_the_named_member() -> None:
    pair = PrefixPair(Side("q: "), Side("d: "))
    assert [pair.side_for(role).prefix for role in (Role.QUERY, Role.DOCUMENT, None)] == ["q: ", "d: ", "q: "]
    assert PrefixPair(Side("q: "), Side("d: "), symmetric=Role.DOCUMENT).side_for(None).prefix == "d: "


def test_a_title_slot_takes_the_title_or_none() -> None:
    side = Side("title: {title} | text: ", title_slot=True)
    assert side.prefix_for("Physics") == "title: Physics | text: "
    assert side.prefix_for("") == "title: none | text: "
    assert Side("{title} ").prefix_for("Physics") == "{title} "


def test_a_mixture_sends_its_share_of_the_documents_otherwise_the_same_ones_each_time() -> None:
    pair = PrefixPair(Side("q: "), Side("d: "), mixture=Mixture(0.25, Side(), seed=7))
    texts = [f"document {number}" for number in range(4000)]
    bare = [text for text in texts if pair.document_side_of(text) == Side()]
    assert len(bare) == pytest.approx(1000, abs=90)  # three standard deviations of a binomial draw
    assert [text for text in texts if pair.document_side_of(text) == Side()] == bare
    half = PrefixPair(Side("q: "), Side("d: "), mixture=Mixture(0.5, Side(), seed=7))
    assert all(half.document_side_of(text) == Side() for text in bare), "a larger share holds the smaller"
    assert {PrefixPair(document=Side("d: ")).document_side_of(text) for text in texts} == {Side("d: ")}


def test_a_mixture_of_none_or_all_of_the_documents_is_either_side() -> None:
    for share, prefix in ((0.0, "d: "), (1.0, "")):
        pair = PrefixPair(document=Side("d: "), mixture=Mixture(share, Side(), seed=0))
        assert {pair.document_side_of(f"{number}").prefix for number in range(100)} == {prefix}
