from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest
from prefixbench.errors import PrefixNotFoundError
from prefixbench.prefixes.registry_asker import registered_models
from prefixbench.prefixes.registry_layer import NoEmbeddingError, RegistryDocumentation, registry_documentation
from prefixbench.prefixes.registry_values import GEMINI_2_TEXTS, INSTRUCTION_LOADERS, JINA_V3_TEXTS, VALUE_READERS
from prefixbench.spec.conditions import Mechanism, Side
from prefixbench.spec.tasks import TaskFacts


def entry(model: str, repository_prompts: Mapping[str, str] | None = None) -> RegistryDocumentation:
    return registry_documentation(model, repository_prompts or {})


def sides(model: str, task: TaskFacts, repository_prompts: Mapping[str, str] | None = None) -> tuple[Side, Side]:
    return entry(model, repository_prompts).documented(task).sides


SEARCH = TaskFacts("T", "Retrieval", "x", prompt="Find it")
RERANK = TaskFacts("T", "Reranking", "x", prompt="Find it")
STS = TaskFacts("T", "STS", "x", prompt="Compare it")


def test_resolving_needs_no_torch() -> None:
    code = """
import sys
from prefixbench.prefixes import PrefixBook
from prefixbench.spec.conditions import Condition
from prefixbench.spec.tasks import TaskFacts
book = PrefixBook.load()
for model in ("nomic-ai/nomic-embed-text-v1.5", "jxm/cde-small-v1", "Qwen/Qwen3-Embedding-0.6B"):
    for condition in ("correct", "mteb", "wrong"):
        book.resolve(model, TaskFacts("StarterDocRetrieval", "Retrieval", "x"), Condition.parse(condition))
assert "mteb" in sys.modules
loaded = {"torch", "transformers", "sentence_transformers"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_cards_alone_need_no_mteb() -> None:
    code = """
import sys
from prefixbench.prefixes import PrefixBook
from prefixbench.spec.conditions import Condition
from prefixbench.spec.tasks import TaskFacts
book = PrefixBook.load()
task = TaskFacts("StarterDocRetrieval", "Retrieval", "x")
for condition in ("none", "correct", "wrong", "instruction", "swapped", "foreign"):
    book.resolve("Qwen/Qwen3-Embedding-0.6B", task, Condition.parse(condition))
assert "mteb" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("model", "task", "query", "document"),
    [
        ("intfloat/e5-base-v2", SEARCH, Side("query: "), Side("passage: ")),
        ("intfloat/e5-base-v2", STS, Side(), Side()),
        # A bare type key hits both sides.
        ("nomic-ai/nomic-embed-text-v1.5", RERANK, Side("classification: "), Side("classification: ")),
        # NomicWrapper takes the document's prompt where no key matches.
        (
            "nomic-ai/nomic-embed-text-v1.5",
            TaskFacts("T", "BitextMining", "x"),
            Side("search_document: "),
            Side("search_document: "),
        ),
        ("GritLM/GritLM-7B", SEARCH, *[Side("<|user|>\nFind it\n<|embed|>\n")] * 2),
        ("nvidia/NV-Embed-v2", SEARCH, *[Side("Instruct: Find it\nQuery: ")] * 2),
        ("NovaSearch/stella_en_400M_v5", SEARCH, Side("Find it"), Side()),
        ("Qwen/Qwen3-Embedding-0.6B", SEARCH, Side("Instruct: Find it\nQuery:"), Side()),
        ("google/text-embedding-005", STS, *[Side(api=(("task_type", "SIMILARITY"),))] * 2),
        ("Cohere/Cohere-embed-v4.0", SEARCH, *[Side(api=(("input_type", "search_document"),))] * 2),
        ("mongodb/voyage-3.5", STS, *[Side(api=(("input_type", "document"),))] * 2),
        (
            "jinaai/jina-embeddings-v3",
            TaskFacts("T", "PairClassification", "x"),
            *[Side(adapter="classification")] * 2,
        ),
        (
            "google/gemini-embedding-2",
            TaskFacts("ArguAna", "Clustering", "x"),
            *[Side("task: fact checking | query: ")] * 2,
        ),
        ("BAAI/bge-en-icl", SEARCH, Side(), Side()),
        ("openai/text-embedding-3-small", SEARCH, Side(), Side()),
    ],
)
def test_what_mteb_sends(model: str, task: TaskFacts, query: Side, document: Side) -> None:
    assert sides(model, task) == (query, document)


def test_a_repository_steps_in_where_the_entry_has_no_prompts() -> None:
    with pytest.raises(PrefixNotFoundError) as caught:
        entry("google/embeddinggemma-300m")
    assert str(caught.value) == (
        "google/embeddinggemma-300m has no prompts in mteb's registry; mteb takes those of its repository, "
        "which is not at hand"
    )
    prompts = {"query": "q: ", "document": "d: ", "Reranking": "r: ", "passage": "p: "}
    assert sides("google/embeddinggemma-300m", SEARCH, prompts) == (Side("q: "), Side("d: "))
    assert sides("google/embeddinggemma-300m", RERANK, prompts) == (Side("r: "), Side("r: "))
    assert "passage" not in entry("google/embeddinggemma-300m", prompts).prompts


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("no/such-model", "no/such-model is not in mteb's registry"),
        (
            "samaya-ai/promptriever-llama2-7b-v1",
            "samaya-ai/promptriever-llama2-7b-v1 keeps its prompts in the code of mteb's loader_inner, "
            "where they cannot be read without running it",
        ),
    ],
)
def test_what_cannot_be_read_is_not_found_and_never_empty(model: str, reason: str) -> None:
    with pytest.raises(PrefixNotFoundError) as caught:
        entry(model)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("BAAI/bge-reranker-v2-m3", "is a cross-encoder, which scores pairs and embeds no text on its own"),
        ("microsoft/wavlm-base", "embeds audio, not text"),
        ("lightonai/GTE-ModernColBERT-v1", "is a late-interaction model, which makes one vector a token"),
    ],
)
def test_models_that_embed_no_text_are_refused(model: str, reason: str) -> None:
    with pytest.raises(NoEmbeddingError) as caught:
        entry(model)
    assert str(caught.value) == f"{model} {reason}"


def test_a_prompt_around_the_text_is_not_a_prefix() -> None:
    assert sides("WhereIsAI/UAE-Large-V1", SEARCH)[0].prefix.startswith("Represent this sentence")
    with pytest.raises(PrefixNotFoundError, match="puts words after the text too"):
        entry("WhereIsAI/UAE-Large-V1").documented(TaskFacts("T", "Summarization", "x"))


def test_our_copies_of_what_two_wrappers_hold_are_still_theirs() -> None:
    from mteb.models.model_implementations.google_gemini import GEMINI_EMBEDDING_2_TEXT_PREFIXES
    from mteb.models.model_implementations.jina_models import JinaWrapper

    assert JinaWrapper.jina_task_to_prompt == JINA_V3_TEXTS
    assert {name: f"{text}{{text}}" for name, text in GEMINI_2_TEXTS.items()} == GEMINI_EMBEDDING_2_TEXT_PREFIXES


def test_every_loader_we_read_still_exists() -> None:
    loaders = {
        str(getattr(getattr(meta.loader, "func", meta.loader), "__name__", "")) for meta in registered_models().values()
    }
    assert set(VALUE_READERS) | set(INSTRUCTION_LOADERS) <= loaders


def test_a_task_without_a_name_in_mteb_gets_the_sentence_of_its_class() -> None:
    starter = TaskFacts("StarterDocRetrieval", "Retrieval", "x")
    found = entry("intfloat/multilingual-e5-large-instruct").documented(starter)
    assert found.query.side == Side("Instruct: Retrieve text based on user query.\nQuery: ")
    assert found.document.side == Side()


def test_mechanisms() -> None:
    assert entry("jxm/cde-small-v1").mechanism is Mechanism.PREFIX
    assert entry("jinaai/jina-embeddings-v3").mechanism is Mechanism.ADAPTER
    assert entry("BAAI/bge-m3").mechanism is Mechanism.NONE
    assert entry("Octen/Octen-Embedding-0.6B").mechanism is Mechanism.TEMPLATE
    assert entry("mongodb/voyage-3.5").mechanism is Mechanism.API
