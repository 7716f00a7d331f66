"""The strings of the systems compared, exact to the last space."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes import PrefixBook
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.spec.conditions import Condition, Mechanism, Side
from prefixbench.spec.tasks import TaskFacts

BGE = "Represent this sentence for searching relevant passages: "
WEB = "Given a web search query, retrieve relevant passages that answer the query"
ASK = "Find the answer"
SEARCH = "task: search result | query: "
TITLED = "title: {title} | text: "


@functools.cache
def book() -> PrefixBook:
    return PrefixBook.load()


def sides(model: str, task_type: str, *, prompt: str | None = ASK, subtypes: tuple[str, ...] = ()) -> tuple[Side, Side]:
    task = TaskFacts("SomeTask", task_type, "x", prompt=prompt, subtypes=subtypes)
    pair = book().resolve(model, task, Condition.parse("correct")).pair
    return pair.query, pair.document


@pytest.mark.parametrize(
    ("model", "task_type", "query", "document"),
    [
        ("nomic-ai/nomic-embed-text-v1", "Retrieval", "search_query: ", "search_document: "),
        ("nomic-ai/nomic-embed-text-v1.5", "Classification", "classification: ", None),
        ("nomic-ai/nomic-embed-text-v2-moe", "Clustering", "clustering: ", None),
        ("intfloat/e5-small-v2", "Retrieval", "query: ", "passage: "),
        ("intfloat/multilingual-e5-large", "STS", "query: ", None),
        ("intfloat/multilingual-e5-large-instruct", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("intfloat/e5-mistral-7b-instruct", "STS", f"Instruct: {ASK}\nQuery: ", None),
        ("BAAI/bge-small-en-v1.5", "Retrieval", BGE, ""),
        ("BAAI/bge-small-en-v1.5", "STS", "", None),
        ("BAAI/bge-base-zh-v1.5", "Retrieval", "为这个句子生成表示以用于检索相关文章：", ""),
        ("BAAI/bge-en-icl", "Retrieval", f"<instruct>{ASK}\n<query>", ""),
        ("BAAI/bge-m3", "Retrieval", "", ""),
        ("google/embeddinggemma-300m", "Clustering", "task: clustering | query: ", None),
        ("google/embeddinggemma-300m", "Classification", "task: classification | query: ", None),
        ("google/embeddinggemma-300m", "STS", "task: sentence similarity | query: ", None),
        ("google/embeddinggemma-300m", "Summarization", "task: summarization | query: ", None),
        ("google/gemini-embedding-2", "Clustering", "task: clustering | query: ", None),
        ("nvidia/NV-Embed-v2", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("Qwen/Qwen3-Embedding-0.6B", "Retrieval", f"Instruct: {ASK}\nQuery:", ""),
        ("Qwen/Qwen3-Embedding-8B", "Clustering", f"Instruct: {ASK}\nQuery:", None),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", "Retrieval", BGE, ""),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", "Retrieval", "query: ", ""),
        ("mixedbread-ai/mxbai-embed-large-v1", "Retrieval", BGE, ""),
        (
            "hkunlp/instructor-large",
            "Retrieval",
            "Represent the question for retrieving supporting documents: ",
            "Represent the document for retrieval: ",
        ),
        ("GritLM/GritLM-7B", "Retrieval", f"<|user|>\n{ASK}\n<|embed|>\n", "<|embed|>\n"),
        ("GritLM/GritLM-7B", "STS", f"<|user|>\n{ASK}\n<|embed|>\n", None),
        ("Salesforce/SFR-Embedding-2_R", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("NovaSearch/stella_en_400M_v5", "Retrieval", f"Instruct: {WEB}.\nQuery: ", ""),
        ("NovaSearch/stella_en_1.5B_v5", "STS", "Instruct: Retrieve semantically similar text.\nQuery: ", None),
        ("HIT-TMG/KaLM-embedding-multilingual-mini-instruct-v1.5", "Retrieval", f"Instruct: {ASK} \n Query: ", ""),
        ("Alibaba-NLP/gte-Qwen2-1.5B-instruct", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("Alibaba-NLP/gte-modernbert-base", "Retrieval", "", ""),
        ("ibm-granite/granite-embedding-125m-english", "Retrieval", "", ""),
        ("openai/text-embedding-3-small", "Retrieval", "", ""),
        ("sentence-transformers/all-MiniLM-L6-v2", "Retrieval", "", ""),
        ("sentence-transformers/all-mpnet-base-v2", "STS", "", None),
        ("prefixbench/minilm-prefixed", "STS", "similarity: ", None),
        ("prefixbench/minilm-plain", "Retrieval", "", ""),
        (
            "voyageai/voyage-4-nano",
            "Retrieval",
            "Represent the query for retrieving supporting documents: ",
            "Represent the document for retrieval: ",
        ),
        ("google/embeddinggemma-2", "Retrieval", SEARCH, TITLED),
        ("google/embeddinggemma-2", "InstructionRetrieval", "task: code retrieval | query: ", TITLED),
        ("google/embeddinggemma-2", "Summarization", "task: sentence similarity | query: ", None),
        ("google/embeddinggemma-2", "BitextMining", SEARCH, None),
        ("google/gemini-embedding-2", "Retrieval", SEARCH, TITLED),
        ("microsoft/harrier-oss-v1-270m", "Retrieval", f"Instruct: {ASK}\nQuery:", ""),
        ("Octen/Octen-Embedding-0.6B", "Retrieval", f"Instruct: {ASK}\nQuery:", " "),
        ("Octen/Octen-Embedding-8B-INT8", "Retrieval", f"Instruct: {ASK}\nQuery:", "- "),
        ("codefuse-ai/F2LLM-0.6B", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("ai-sage/Giga-Embeddings-instruct-480M-0826", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("nvidia/llama-embed-nemotron-8b", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("nvidia/llama-embed-nemotron-8b", "STS", "Instruct: Retrieve semantically similar text\nQuery: ", None),
        ("nvidia/llama-embed-nemotron-8b", "BitextMining", "Instruct: Retrieve parallel sentences\nQuery: ", None),
        ("tencent/KaLM-Embedding-Gemma3-12B-2511", "Retrieval", f"Instruct: {ASK} \n Query: ", ""),
        (
            "zeroentropy/zembed-1",
            "Retrieval",
            "<|im_start|>system\nquery<|im_end|>\n<|im_start|>user\n",
            "<|im_start|>system\ndocument<|im_end|>\n<|im_start|>user\n",
        ),
        ("Qwen/Qwen3-VL-Embedding-2B", "Retrieval", ASK, "Represent the user's input."),
        ("petegordon/olmo3-embed-7b", "Retrieval", f"Instruct: {ASK}\nQuery: ", ""),
        ("petegordon/olmo3-embed-7b", "STS", f"Instruct: {ASK}\nQuery: ", None),
        ("LiquidAI/LFM2.5-Embedding-350M", "Retrieval", "query: ", "document: "),
        ("Alibaba-NLP/UEmbed-2B", "Retrieval", ASK, "Represent the user's input."),
        ("perplexity-ai/pplx-embed-v1-0.6b", "Retrieval", "", ""),
        ("ibm-granite/granite-embedding-311m-multilingual-r2", "STS", "", None),
        (
            "Bytedance/Seed1.6-embedding-1215",
            "Retrieval",
            f"Target_modality:Text.\n Instruction:{ASK}\n Query:",
            "Instruction: Compress the text into one word.\n Query:",
        ),
    ],
)
def test_documented_text(model: str, task_type: str, query: str, document: str | None) -> None:
    expected = query if document is None else document
    assert sides(model, task_type) == (Side(query), Side(expected, title_slot=expected == TITLED))


@pytest.mark.parametrize(
    ("task_type", "query", "document"),
    [
        (
            "Retrieval",
            Side("Represent the query for retrieving evidence documents: ", adapter="retrieval.query"),
            Side("Represent the document for retrieval: ", adapter="retrieval.passage"),
        ),
        ("Reranking", Side(adapter="separation"), Side(adapter="separation")),
        ("STS", Side(adapter="text-matching"), None),
        ("Classification", Side(adapter="classification"), None),
        ("Clustering", Side(adapter="separation"), None),
    ],
)
def test_jina_v3_sends_an_adapter_with_each_string(task_type: str, query: Side, document: Side | None) -> None:
    assert sides("jinaai/jina-embeddings-v3", task_type) == (query, document or query)


def test_later_jina_models_switch_adapters_and_prefixes_apart() -> None:
    assert sides("jinaai/jina-embeddings-v4", "Retrieval") == (
        Side("Query: ", adapter="retrieval"),
        Side("Passage: ", adapter="retrieval"),
    )
    for model in ("jinaai/jina-embeddings-v5-text-nano", "jinaai/jina-embeddings-v5-omni-small"):
        assert sides(model, "Retrieval") == (
            Side("Query: ", adapter="retrieval"),
            Side("Document: ", adapter="retrieval"),
        )
        assert sides(model, "STS")[0] == Side("Document: ", adapter="text-matching")


@pytest.mark.parametrize(
    ("subtype", "query"),
    [
        ("Question answering", "task: question answering | query: "),
        ("Claim verification", "task: fact checking | query: "),
        ("Code retrieval", "task: code retrieval | query: "),
        ("Article retrieval", "task: search result | query: "),
    ],
)
def test_embeddinggemma_has_a_use_for_each_kind_of_search_and_a_slot_for_titles(subtype: str, query: str) -> None:
    found = sides("google/embeddinggemma-300m", "Retrieval", subtypes=(subtype,))
    assert found == (Side(query), Side("title: {title} | text: ", title_slot=True))
    assert found[1].prefix_for(None) == "title: none | text: "
    assert found[1].prefix_for("Cats") == "title: Cats | text: "


def test_google_has_all_nine_task_types() -> None:
    card = book().cards["google/text-embedding-005"].card
    sent = {dict(use.side().api)["task_type"] for use in [*card.uses.values(), card.bare]}
    assert sent == {
        "RETRIEVAL_QUERY",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
        "QUESTION_ANSWERING",
        "FACT_VERIFICATION",
        "CODE_RETRIEVAL_QUERY",
        "TASK_TYPE_UNSPECIFIED",
    }


def test_vendors_interfaces_take_a_parameter_and_no_text() -> None:
    query, document = sides("Cohere/Cohere-embed-v4.0", "Retrieval")
    assert query == Side(api=(("input_type", "search_query"),))
    assert document == Side(api=(("input_type", "search_document"),))
    assert sides("mongodb/voyage-3.5", "Retrieval")[0] == Side(api=(("input_type", "query"),))
    assert sides("mongodb/voyage-3.5", "STS")[0] == Side()


def test_nova_2_takes_a_purpose_and_cannot_be_sent_nothing() -> None:
    nova = "bedrock/amazon-nova-2-multimodal-embeddings"
    purposes = {
        task_type: [dict(side.api)["embeddingPurpose"] for side in sides(nova, task_type)]
        for task_type in ("Retrieval", "Reranking", "Classification", "Clustering", "STS")
    }
    assert purposes == {
        "Retrieval": ["TEXT_RETRIEVAL", "GENERIC_INDEX"],
        "Reranking": ["GENERIC_RETRIEVAL", "GENERIC_INDEX"],
        "Classification": ["CLASSIFICATION", "CLASSIFICATION"],
        "Clustering": ["CLUSTERING", "CLUSTERING"],
        "STS": ["GENERIC_INDEX", "GENERIC_INDEX"],
    }
    with pytest.raises(InexpressibleError, match="its interface is always told an embeddingPurpose"):
        book().resolve(nova, TaskFacts("T", "STS", "x"), Condition.parse("none"))


def named(model: str, task: str, task_type: str) -> tuple[str, str]:
    pair = book().resolve(model, TaskFacts(task, task_type, "x", prompt=ASK), Condition.parse("correct")).pair
    return pair.query.prefix, pair.document.prefix


def test_a_makers_own_sentence_for_a_task_keeps_its_spelling_and_the_task_its_sides() -> None:
    topic = named("microsoft/harrier-oss-v1-270m", "TweetTopicSingleClassification", "Classification")
    assert topic == ("Instruct: Gvien a twitter, classify its topic\nQuery:",) * 2
    refute = "Instruct: Given a claim, find documents that refute the claim\nQuery: "
    assert named("nvidia/llama-embed-nemotron-8b", "ArguAna", "Retrieval") == (refute, refute)
    wikipedia = "Instruct: Given a question, retrieve Wikipedia passages that answer the question\nQuery: "
    assert named("ai-sage/Giga-Embeddings-instruct-3B-0826", "RuBQRetrieval", "Retrieval") == (wikipedia, "")
    argument = "Instruct: Given a search query, retrieve passages that answer the question\nQuery: "
    assert named("ai-sage/Giga-Embeddings-instruct-3B-0826", "ArguAna", "Retrieval") == (argument, argument)


def test_a_template_takes_the_tasks_own_sentence_then_the_makers_then_ours() -> None:
    assert sides("Qwen/Qwen3-Embedding-4B", "Retrieval", prompt=None)[0].prefix == f"Instruct: {WEB}\nQuery:"
    ours = book().wordings.instructions["Clustering"].text
    assert sides("Qwen/Qwen3-Embedding-4B", "Clustering", prompt=None)[0].prefix == f"Instruct: {ours}\nQuery:"


def test_every_card_resolves_for_every_task_type_or_says_why_not() -> None:
    refused: dict[tuple[str, str], str] = {}
    for model, entry in book().cards.items():
        for task_type in TEXT_TASK_TYPES:
            try:
                sides(model, task_type)
            except PrefixNotFoundError as error:
                refused[entry.family, task_type] = str(error).replace(model, "MODEL")
    unknown = {key: reason for key, reason in refused.items() if key[0] == "nemotron"}
    assert {kind for _, kind in unknown} == set(TEXT_TASK_TYPES)
    assert all(
        reason.startswith("no prefix is known for MODEL: its strings stand in its") for reason in unknown.values()
    )
    # Cohere's guide has no input type for comparing texts with each other.
    assert {key: reason for key, reason in refused.items() if key not in unknown} == {
        ("cohere", kind): f"the card of MODEL documents no prefix for the task SomeTask of type {kind}"
        for kind in ("BitextMining", "PairClassification", "STS", "Summarization")
    }


def test_what_was_not_read_at_its_source_is_marked() -> None:
    doubtful = {entry.family for entry in book().cards.values() if not entry.card.certain}
    remembered = {"instructor", "jina", "jina-api", "google", "mistral", "embeddinggemma", "zembed", "lfm", "nemotron"}
    in_mteb = {"f2llm", "giga", "harrier", "kalm-gemma3", "llama-embed-nemotron", "nova", "octen", "qwen3-vl", "seed"}
    assert doubtful == remembered | in_mteb | {"olmo3-embed", "pplx", "granite"}
    nomic = book().resolve("nomic-ai/nomic-embed-text-v1.5", TaskFacts("T", "STS", "x"), Condition.parse("correct"))
    assert not nomic.sources[0].certain


def test_models_without_prefixes_say_that_correct_is_none() -> None:
    task = TaskFacts("T", "Retrieval", "x")
    found = book().resolve("sentence-transformers/all-MiniLM-L6-v2", task, Condition.parse("correct"))
    assert found.mechanism is Mechanism.NONE
    assert found.notes == (
        "sentence-transformers/all-MiniLM-L6-v2 documents no prefix, so correct is the same as none",
    )
    assert found.pair == book().resolve("sentence-transformers/all-MiniLM-L6-v2", task, Condition.parse("none")).pair


def test_strings_that_stand_in_a_repository_alone_are_read_there_and_never_taken_for_nothing(tmp_path: Path) -> None:
    model, task = "nvidia/Nemotron-3-Embed-1B-BF16", TaskFacts("T", "Retrieval", "x")
    with pytest.raises(PrefixNotFoundError, match="which is not at hand"):
        book().resolve(model, task, Condition.parse("correct"))
    assert book().resolve(model, task, Condition.parse("none")).pair.query == Side()
    prompts = {"query": "ask: ", "document": "told: "}
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    pair = PrefixBook.load(folders={model: tmp_path}).resolve(model, task, Condition.parse("correct")).pair
    assert (pair.query.prefix, pair.document.prefix) == ("ask: ", "told: ")


def test_a_card_that_points_at_the_repository_does_not_stand_for_it() -> None:
    pointing = [name for name, entry in book().cards.items() if entry.card.in_repository]
    assert pointing
    assert not any(map(book().knows, pointing))
    assert book().knows("intfloat/e5-small-v2")
    assert not book().knows("org/without-a-card")
