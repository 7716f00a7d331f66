"""No word of a sentence without an effect that supports it."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from prefixbench.report.effects import Effect
from prefixbench.report.sentences import (
    Reply,
    name_type,
    quote,
    reply_add,
    reply_index,
    reply_mix,
    reply_words,
    state_answer,
    state_models,
    state_pair,
    state_surprise,
    state_undocumented,
    tally_replies,
)
from prefixbench.report.words import VERDICT_GLYPHS

TYPES = ("Retrieval", "Reranking", "STS", "Clustering", "Classification", "PairClassification", "BitextMining")
POINTS = st.floats(-60, 60, allow_nan=False)
CLAIMS = {
    "send the documented prefix": "helps",
    "send it": "helps",
    "leave the documented prefix out": "hurts",
    "leave it out": "hurts",
    "makes no difference": "equivalent",
    "by how much is open": "positive negative",
    "the data cannot tell": "inconclusive",
    "none is documented": "same strings",
    "described, not tested": "described",
    "moves no vector": "inert",
}
NOTHING = {"same strings", "inert"}


@st.composite
def effects(draw: st.DrawFn, task_type: str | None = None) -> Effect:
    low, delta, high = sorted(draw(st.tuples(POINTS, POINTS, POINTS)))
    kind = task_type or draw(st.sampled_from(TYPES))
    verdict = draw(st.sampled_from(sorted(VERDICT_GLYPHS)))
    return Effect(kind, kind, ("correct", "none"), delta, low, high, verdict, tasks=("T",), n_items=100)


@st.composite
def by_type(draw: st.DrawFn) -> dict[str, Effect]:
    kinds = draw(st.lists(st.sampled_from(TYPES), unique=True, max_size=len(TYPES)))
    return {kind: draw(effects(kind)) for kind in kinds}


def check_words(sentence: str, found: dict[str, Effect]) -> None:
    verdicts = {effect.verdict for effect in found.values()}
    for phrase, supported in CLAIMS.items():
        if phrase in sentence.lower():
            assert verdicts & set(re.split(r"(?<!same) ", supported)), (phrase, sentence)


@settings(max_examples=200)
@given(by_type())
def test_the_headline_claims_what_the_verdicts_are_and_names_every_type_once(types: dict[str, Effect]) -> None:
    sentence = state_answer(types, 0.5)
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    check_words(sentence, types)
    verdicts = {effect.verdict for effect in types.values()}
    for phrase, supported in CLAIMS.items():
        if "the documented prefix" not in phrase and phrase not in {"send it", "leave it out"}:
            words = set(re.split(r"(?<!same) ", supported))
            assert (phrase in sentence) == bool(verdicts & words), (phrase, sentence)
    for effect in types.values():
        decided = effect.verdict in {"helps", "hurts", "positive", "negative"}
        quoted = re.escape(f"{name_type(effect.task_type)} ({quote(effect)})")
        assert bool(re.search(rf"(?<!pair ){quoted}", sentence)) == decided
    if not types:
        assert sentence == "This run did not measure the documented prefix against sending nothing."


@given(by_type())
def test_the_first_reply_is_the_headlines(types: dict[str, Effect]) -> None:
    reply = reply_add(types)
    verdicts = {effect.verdict for effect in types.values()}
    assert reply.word.startswith("yes") == (reply.verdict == "helps")
    assert not reply.word.startswith("yes") or ("helps" in verdicts and "hurts" not in verdicts)
    assert not reply.word.startswith("no, not for") or ("hurts" in verdicts and "helps" not in verdicts)
    assert (reply.word == "not measured") == (not types)
    assert (reply.word == "there is none") == (verdicts == {"same strings"})
    assert (reply.word == "it does nothing") == (bool(types) and "inert" in verdicts and not verdicts - NOTHING)
    assert (reply.word == "makes no difference") == (bool(types) and verdicts - NOTHING == {"equivalent"})


@given(st.none() | effects("Retrieval"), st.none() | effects("Retrieval"), st.booleans())
def test_what_was_not_measured_is_told_apart_from_what_is_not_settled(
    step: Effect | None, part: Effect | None, has_roles: bool
) -> None:
    index = reply_index(step, {"query-only": part}, has_roles=has_roles)
    words = reply_words(step, part)
    measured = step is not None and step.is_measured
    assert (index.word in {"not measured", "does not arise"}) == (step is None or step.verdict == "inert")
    assert (words.word == "not measured") == (not measured)
    for reply in (index, words):
        if measured and step is not None:
            assert quote(step) in reply.detail
            assert reply.verdict == step.verdict
            assert (reply.word == "can’t tell") == (step.verdict == "inconclusive")
    assert index.word != "yes, re-index" or (step is not None and step.verdict == "helps")


@given(st.dictionaries(st.sampled_from(("another task’s prefix", "both sides swapped", "x")), effects("Retrieval")))
def test_harm_is_told_only_where_it_is_shown(mistakes: dict[str, Effect]) -> None:
    reply = reply_mix(mistakes)
    verdicts = {effect.verdict for effect in mistakes.values()}
    assert ("worse than none" in reply.word) == ("hurts" in verdicts)
    assert (reply.word == "not measured") == (not verdicts - NOTHING)
    if reply.word == "far worse than none":
        assert any(effect.verdict == "hurts" and effect.high < -5 for effect in mistakes.values())


@given(st.lists(st.tuples(st.sampled_from(("yes", "no", "can’t tell")), st.booleans()), min_size=1, max_size=9))
def test_tallies_add_up(replies: list[tuple[str, bool]]) -> None:
    made = [Reply("?", "helps" if measured else "", word, "", "a") for word, measured in replies]
    tally = tally_replies(made)
    if any(measured for _, measured in replies):
        assert sum(int(number) for number in re.findall(r": (\d+) model", tally.detail)) == len(replies)


@given(st.lists(by_type(), min_size=2, max_size=5))
def test_counts_over_models_are_those_of_the_frame(models: list[dict[str, Effect]]) -> None:
    columns = {kind: [one[kind] for one in models if kind in one] for kind in TYPES}
    columns = {kind: own for kind, own in columns.items() if any(effect.is_measured for effect in own)}
    sentence = state_models(columns, len(models))
    for kind, own in columns.items():
        measured = sum(effect.is_measured for effect in own)
        for verdict in ("helps", "hurts"):
            n = sum(effect.verdict == verdict for effect in own)
            if n:
                assert f"{name_type(kind)} in {n} of {measured} models" in sentence
    said_none = sentence.startswith("For none of")
    assert said_none == (not any(e.verdict in {"helps", "hurts"} for own in columns.values() for e in own))


@given(effects())
def test_a_surprise_quotes_its_effect(effect: Effect) -> None:
    assert quote(effect) in state_surprise(effect, "wrong")


@given(st.lists(st.sampled_from(("helps", "hurts", "inconclusive")), max_size=8))
def test_what_an_instruction_does_is_counted(verdicts: list[str]) -> None:
    sentence = state_undocumented(["a", "b"], Counter(verdicts))
    for word in ("helps", "hurts"):
        assert (f"{word} {verdicts.count(word)}" in sentence) == (verdicts.count(word) > 0)
    assert ("a plain instruction" in sentence) == bool(verdicts)


PAIR_CLAIMS = {
    "helps": "helps",
    "hurts": "hurts",
    "gains on": "positive",
    "loses on": "negative",
    "no difference beyond": "equivalent",
    "the data cannot tell": "inconclusive",
    "described, not tested": "described",
    "both send the same": "same strings",
    "moves no vector": "inert",
    "not measured": "",
}


@settings(max_examples=200)
@given(by_type())
def test_a_pair_is_told_by_its_verdicts_alone(types: dict[str, Effect]) -> None:
    sentence = state_pair("both sides swapped", "nothing", types, 0.5)
    assert sentence.startswith("Both sides swapped against nothing: ")
    verdicts = {effect.verdict for effect in types.values()} or {""}
    for phrase, verdict in PAIR_CLAIMS.items():
        assert (phrase in sentence) == (verdict in verdicts), (phrase, sentence)
