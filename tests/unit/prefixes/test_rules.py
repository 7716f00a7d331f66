"""Each condition on models of each mechanism."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from prefixbench.errors import InexpressibleError, PrefixNotFoundError, SpecError, UnknownNameError
from prefixbench.prefixes import PrefixBook, Resolution
from prefixbench.prefixes.rules import RULES
from prefixbench.spec.conditions import Condition, ConditionKind, Mixture, Pooling, Side
from prefixbench.spec.sweep import CustomPrefix
from prefixbench.spec.tasks import TaskFacts

SEARCH = TaskFacts("StarterDocRetrieval", "Retrieval", "ndcg_at_10")
SIMILAR = TaskFacts("STSBenchmark", "STS", "cosine_spearman", prompt="Retrieve semantically similar text.")
TOPICS = TaskFacts("StarterClustering", "Clustering", "v_measure")
NOMIC, E5, BGE = "nomic-ai/nomic-embed-text-v1.5", "intfloat/e5-base-v2", "BAAI/bge-base-en-v1.5"
QWEN, JINA, MINILM = "Qwen/Qwen3-Embedding-0.6B", "jinaai/jina-embeddings-v3", "sentence-transformers/all-MiniLM-L6-v2"
COHERE = "Cohere/Cohere-embed-english-v3.0"


@functools.cache
def book() -> PrefixBook:
    return PrefixBook.load()


def resolve(model: str, task: TaskFacts, condition: str, **kwargs: dict[str, CustomPrefix]) -> Resolution:
    return book().resolve(model, task, Condition.parse(condition), custom=kwargs.get("custom"))


def strings(model: str, task: TaskFacts, condition: str) -> tuple[str, str]:
    pair = resolve(model, task, condition).pair
    return pair.query.prefix, pair.document.prefix


def reason(model: str, task: TaskFacts, condition: str) -> str:
    with pytest.raises(InexpressibleError) as caught:
        resolve(model, task, condition)
    return str(caught.value)


def test_every_condition_has_a_rule_with_a_reason() -> None:
    assert set(RULES) == set(ConditionKind)
    for rule in RULES.values():
        assert rule.__doc__ is not None
        assert rule.__doc__.count("\n") == 0, f"{rule.__name__} gives its reason in one sentence"


@pytest.mark.parametrize(
    ("model", "task", "condition", "query", "document"),
    [
        (NOMIC, SEARCH, "none", "", ""),
        (NOMIC, SEARCH, "wrong", "clustering: ", "clustering: "),
        (NOMIC, TOPICS, "wrong", "search_document: ", "search_document: "),
        (NOMIC, SEARCH, "wrong:query", "search_query: ", "search_query: "),
        (NOMIC, SEARCH, "cross:classification", "classification: ", "classification: "),
        (NOMIC, SEARCH, "query-only", "search_query: ", ""),
        (NOMIC, SEARCH, "document-only", "", "search_document: "),
        (NOMIC, SEARCH, "swapped", "search_document: ", "search_query: "),
        (NOMIC, SEARCH, "both-query", "search_query: ", "search_query: "),
        (NOMIC, SEARCH, "both-document", "search_document: ", "search_document: "),
        (NOMIC, SEARCH, "mixed:0.5", "search_query: ", "search_document: "),
        (BGE, SEARCH, "both-document", "", ""),
        (NOMIC, SEARCH, "foreign", "query: ", "passage: "),
        (E5, SEARCH, "foreign", "search_query: ", "search_document: "),
        ("prefixbench/minilm-prefixed", SEARCH, "foreign", "query: ", "passage: "),
        (NOMIC, SEARCH, "foreign:bge", "Represent this sentence for searching relevant passages: ", ""),
        (NOMIC, SEARCH, "shuffled", "query_search: ", "document_search: "),
        (NOMIC, SEARCH, "mangled", "search.query:", "search.document:"),
        (NOMIC, SEARCH, "paraphrase:2", "question: ", "text: "),
        (NOMIC, SIMILAR, "paraphrase:5", "what is said: ", "what is said: "),
        (NOMIC, SIMILAR, "instruction", "Retrieve semantically similar text. ", "Retrieve semantically similar text. "),
        (NOMIC, SEARCH, "instruction", "Given a question, retrieve passages that answer it: ", ""),
        (E5, SEARCH, "wrong", "query: ", "query: "),
        (E5, SIMILAR, "wrong", "passage: ", "passage: "),
        (E5, SIMILAR, "mteb", "", ""),
        (BGE, SEARCH, "swapped", "", "Represent this sentence for searching relevant passages: "),
        (BGE, SEARCH, "paraphrase:1", "Find the passages that answer this question: ", ""),
        (BGE, SIMILAR, "wrong", *["Represent this sentence for searching relevant passages: "] * 2),
        (QWEN, SEARCH, "wrong", "Instruct: Identify the topic of the text\nQuery:", ""),
        (QWEN, SEARCH, "paraphrase:3", "Instruct: Search for text that responds to this request\nQuery:", ""),
        (QWEN, SEARCH, "mteb", "Instruct: Retrieve text based on user query.\nQuery:", ""),
        (QWEN, SIMILAR, "instruction", *["Instruct: Retrieve semantically similar text.\nQuery:"] * 2),
        (MINILM, SEARCH, "foreign", "search_query: ", "search_document: "),
        (MINILM, SEARCH, "instruction", "Given a question, retrieve passages that answer it: ", ""),
    ],
)
def test_what_a_condition_sends(model: str, task: TaskFacts, condition: str, query: str, document: str) -> None:
    assert strings(model, task, condition) == (query, document)


@pytest.mark.parametrize(
    ("model", "task", "condition", "sentence"),
    [
        (MINILM, SEARCH, "wrong", f"{MINILM} documents no prefix, so wrong has nothing to start from"),
        (MINILM, SEARCH, "swapped", f"{MINILM} documents no prefix, so swapped has nothing to start from"),
        (MINILM, SEARCH, "cross", f"{MINILM} documents no prefix, so there is none to cross"),
        (
            NOMIC,
            SIMILAR,
            "query-only",
            "the texts of STSBenchmark (STS) have no roles, so query-only has no sides to tell apart",
        ),
        (
            NOMIC,
            SIMILAR,
            "mixed:0.1",
            "the texts of STSBenchmark (STS) have no roles, so mixed:0.1 has no sides to tell apart",
        ),
        (
            BGE,
            SEARCH,
            "mixed:0.5",
            f"{BGE} documents no prefix for documents, so an index cannot be mixed with bare ones",
        ),
        (MINILM, SEARCH, "both-query", f"{MINILM} documents no prefix, so both-query has nothing to start from"),
        (
            NOMIC,
            SEARCH,
            "placebo:4",
            f"a placebo needs the tokenizer.json of {NOMIC}, which is not at hand; download the model first",
        ),
        (
            E5,
            SEARCH,
            "shuffled",
            "the prefix 'query: ' cannot be shuffled: its words have only one order",
        ),
        (BGE, SIMILAR, "mangled", f"{BGE} documents no text for STS, so mangled has none to rewrite"),
        (E5, SIMILAR, "wrong:query", f"wrong:query is the right prefix of {E5} for STS"),
        (E5, SEARCH, "wrong:clustering", f"{E5} documents no prefix for 'clustering'; it has query and document"),
        (E5, SEARCH, "foreign:e5", f"{E5} is of the family e5; its prefix is not foreign"),
        (
            "prefixbench/minilm-prefixed",
            SEARCH,
            "foreign:nomic",
            "the prefix of nomic for Retrieval is also that of prefixbench/minilm-prefixed",
        ),
        (NOMIC, SIMILAR, "foreign:bge", "the family bge documents no text for STS to copy"),
        (
            NOMIC,
            SEARCH,
            "placebo",
            f"a placebo needs the tokenizer.json of {NOMIC}, which is not at hand; download the model first",
        ),
        (NOMIC, SEARCH, "adapter:x", f"{NOMIC} has no adapters, so adapter:x cannot be expressed"),
        (
            JINA,
            SEARCH,
            "correct+adapter:x",
            f"{JINA} has no adapter 'x'; it has retrieval.query, retrieval.passage, text-matching, classification, "
            "separation and none",
        ),
        (COHERE, SEARCH, "none", f"{COHERE} cannot be sent nothing: its interface demands an input_type"),
        (
            "prefixbench/minilm-prefixed",
            SEARCH,
            "mteb",
            "mteb's registry has no prefix to apply: prefixbench/minilm-prefixed is not in mteb's registry",
        ),
    ],
)
def test_what_cannot_be_expressed_says_why(model: str, task: TaskFacts, condition: str, sentence: str) -> None:
    assert reason(model, task, condition) == sentence


def test_a_mixed_index_holds_bare_documents_in_the_adapter_asked_for() -> None:
    assert resolve(NOMIC, SEARCH, "mixed:0.25").pair.mixture == Mixture(0.25, Side(), seed=42)
    crossed = resolve(JINA, SEARCH, "mixed:0.25+adapter:separation").pair
    assert crossed.mixture == Mixture(0.25, Side(adapter="separation"), seed=42)
    assert crossed.document == Side("Represent the document for retrieval: ", adapter="separation")


def test_what_needs_no_documentation_is_sent_to_any_model() -> None:
    own = "someone/her-own-model"
    custom = {"mine": CustomPrefix(query="a: ", document="b: ")}
    pair = resolve(own, SEARCH, "custom:mine", custom=custom).pair
    assert (pair.query.prefix, pair.document.prefix) == ("a: ", "b: ")
    assert strings(own, SEARCH, "none") == ("", "")
    assert strings(own, SEARCH, "instruction") == ("Given a question, retrieve passages that answer it: ", "")
    for condition in ("correct", "wrong", "swapped", "both-query", "cross", "shuffled", "placebo"):
        with pytest.raises(PrefixNotFoundError, match=f"no prefix is known for {own}"):
            resolve(own, SEARCH, condition)


def test_names_that_do_not_exist_are_the_users_fault() -> None:
    with pytest.raises(UnknownNameError, match=re.escape("unknown family 'e6'; did you mean e5")):
        resolve(NOMIC, SEARCH, "foreign:e6")
    with pytest.raises(SpecError, match=re.escape("sweep.custom: unknown custom prefix 'mine'")):
        resolve(NOMIC, SEARCH, "custom:mine")
    with pytest.raises(SpecError, match="paraphrase:6 does not exist; there are paraphrase:1 to paraphrase:5"):
        resolve(NOMIC, SEARCH, "paraphrase:6")
    with pytest.raises(SpecError, match="the condition 'cross' stands for several; expand it before resolving it"):
        resolve(NOMIC, SEARCH, "cross")


def test_custom_prefixes_are_sent_as_given_and_by_the_query_where_there_are_no_roles() -> None:
    custom = {"mine": CustomPrefix(query="a: ", document="b: ")}
    assert resolve(NOMIC, SEARCH, "custom:mine", custom=custom).pair.document == Side("b: ")
    assert resolve(NOMIC, SIMILAR, "custom:mine", custom=custom).pair.document == Side("a: ")


def test_plain_text_goes_on_top_of_what_an_interface_demands() -> None:
    custom = {"mine": CustomPrefix(query="a: ")}
    assert resolve(COHERE, SEARCH, "custom:mine", custom=custom).pair.query == Side(
        "a: ", api=(("input_type", "search_query"),)
    )
    assert resolve(COHERE, SEARCH, "custom:mine", custom=custom).pair.document == Side(
        api=(("input_type", "search_document"),)
    )
    assert resolve(JINA, SEARCH, "custom:mine", custom=custom).pair.query == Side("a: ", adapter="none")


def test_an_adapter_is_crossed_with_nothing_and_with_prefixes() -> None:
    assert resolve(JINA, SEARCH, "adapter:separation").pair.query == Side(adapter="separation")
    crossed = resolve(JINA, SEARCH, "correct+adapter:none").pair
    assert crossed.query == Side("Represent the query for retrieving evidence documents: ", adapter="none")
    assert resolve(JINA, SEARCH, "none").pair.query == Side(adapter="none")


def test_pooling_is_forced_only_where_there_is_a_prefix_to_pool() -> None:
    pair = resolve(BGE, SEARCH, "correct+pooling:exclude").pair
    assert pair.query.pooling is Pooling.EXCLUDE
    assert pair.document == Side()


def test_expansion_keeps_the_order_and_names_every_use_and_adapter() -> None:
    asked = [Condition.parse(text) for text in ("none", "cross", "correct")]
    assert [str(one) for one in book().expand(E5, SEARCH, asked)] == [
        "none",
        "cross:query",
        "cross:document",
        "correct",
    ]
    adapters = book().expand(JINA, SEARCH, [Condition.parse("adapter:*")])
    assert [str(one) for one in adapters] == [
        "adapter:retrieval.query",
        "adapter:retrieval.passage",
        "adapter:text-matching",
        "adapter:classification",
        "adapter:separation",
        "adapter:none",
    ]
    assert book().expand(MINILM, SEARCH, [Condition.parse("cross")]) == (Condition.parse("cross"),)


def test_the_rule_and_the_source_are_told() -> None:
    found = resolve(NOMIC, SEARCH, "wrong")
    assert found.rule.startswith("tasks/mismatches.toml borrows clustering: ")
    assert found.sources[0].layer == "card"
    assert found.sources[0].citation.startswith("https://huggingface.co/nomic-ai/nomic-embed-text-v1.5 (read ")
    registry = resolve(E5, SEARCH, "mteb")
    assert registry.sources[1].citation.endswith("registry: the key 'document'")


def test_a_sentence_file_with_a_fault_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "prefixes").mkdir()
    (tmp_path / "instructions.toml").write_text('[STS]\ntext = "a"\n', encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        PrefixBook.load(tmp_path)
    assert str(caught.value) == f"{tmp_path}/instructions.toml:1: STS: the field 'document' is missing."
