"""The strings to send, as settings of the tools that people run: one table for the page and for ``recipe``.

Each entry cites where its parameters are documented. Those that run in Python are run by
``tests/integration/test_recipe_snippets.py``, which compares their vectors with sentence-transformers' own.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from prefixbench.report.sentences import name_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Strings:
    """What is sent.

    Attributes:
        model: The model's name, as its tools load it.
        prompts: Strings by key, as sentence-transformers' ``prompts`` have them: ``query``, ``document``, a task type.
    """

    model: str
    prompts: Mapping[str, str]

    @property
    def has_roles(self) -> bool:
        """Whether there is a string for queries and one for documents, as search needs them."""
        return {"query", "document"} <= set(self.prompts)

    @property
    def literals(self) -> tuple[str, str, str]:
        """The model, the queries' string and the documents' as Python has them."""
        return write_literal(self.model), write_literal(self.prompts["query"]), write_literal(self.prompts["document"])


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: As its makers spell it.
        write: From strings to settings.
        for_search: Whether it needs a string for queries and one for documents.
    """

    name: str
    write: Callable[[Strings], str]
    for_search: bool = True


@dataclass(frozen=True, slots=True)
class Snippet:
    """Settings to paste."""

    tool: str
    code: str


def write_literal(text: str) -> str:
    """A string as Python and JSON have it, quotation marks included."""
    return json.dumps(text, ensure_ascii=False)


def list_tools(strings: Strings) -> tuple[str, ...]:
    """Keys of the tools that can be set to these strings, in the order shown."""
    return tuple(key for key, tool in TOOLS.items() if strings.has_roles or not tool.for_search)


def write_snippet(tool: str, strings: Strings) -> Snippet:
    """The settings of one tool.

    Args:
        tool: A key of ``TOOLS`` that `list_tools` names for these strings.
        strings: What is sent.
    """
    return Snippet(TOOLS[tool].name, TOOLS[tool].write(strings))


def write_snippets(strings: Strings) -> tuple[Snippet, ...]:
    """The settings of every tool; none where nothing is sent."""
    if not any(strings.prompts.values()):
        return ()
    return tuple(write_snippet(tool, strings) for tool in list_tools(strings))


def _write_config(strings: Strings) -> str:
    # https://sbert.net/examples/sentence_transformer/applications/computing-embeddings/README.html
    return json.dumps({"prompts": dict(strings.prompts)}, ensure_ascii=False, indent=2)


def _write_python(strings: Strings) -> str:
    # prompt= wins over a prompt stored with the model, the empty string too.
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({write_literal(strings.model)})",
    ]
    uses: dict[tuple[str, str], list[str]] = {}
    for key, prompt in strings.prompts.items():
        texts = {"query": "queries", "document": "documents"}.get(key, "texts")
        uses.setdefault((texts, prompt), []).append(name_type(key))
    for (texts, prompt), keys in uses.items():
        comment = f"  # {', '.join(keys)}" if texts == "texts" else ""
        lines.append(f"{texts}_vectors = model.encode({texts}, prompt={write_literal(prompt)}){comment}")
    return "\n".join(lines)


def _write_langchain(strings: Strings) -> str:
    # https://reference.langchain.com/python/langchain-huggingface: both go to SentenceTransformer.encode.
    name, query, document = strings.literals
    return (
        "from langchain_huggingface import HuggingFaceEmbeddings\n\n"
        "# LangChain sends a blank for every line break of a text\n"
        f"embeddings = HuggingFaceEmbeddings(\n    model_name={name},\n"
        f'    encode_kwargs={{"prompt": {document}}},\n    query_encode_kwargs={{"prompt": {query}}},\n)'
    )


def _write_llamaindex(strings: Strings) -> str:
    # https://developers.llamaindex.ai/python/framework-api-reference/embeddings/huggingface
    name, query, document = strings.literals
    code = (
        "from llama_index.embeddings.huggingface import HuggingFaceEmbedding\n\n"
        f"embed_model = HuggingFaceEmbedding(\n    {name},\n    query_instruction={query},\n"
        f"    text_instruction={document},\n)"
    )
    if not (strings.prompts["query"] and strings.prompts["document"]):
        code = f"# an empty string lets LlamaIndex send its own, which it has for BGE and Instructor models\n{code}"
    return code


def _write_haystack(strings: Strings) -> str:
    # https://docs.haystack.deepset.ai/docs/sentencetransformerstextembedder; package sentence-transformers-haystack.
    name, query, document = strings.literals
    return (
        "from haystack_integrations.components.embedders.sentence_transformers import (\n"
        "    SentenceTransformersDocumentEmbedder,\n    SentenceTransformersTextEmbedder,\n)\n\n"
        f"query_embedder = SentenceTransformersTextEmbedder(model={name}, prefix={query})\n"
        f"document_embedder = SentenceTransformersDocumentEmbedder(model={name}, prefix={document})"
    )


def _write_chroma(strings: Strings) -> str:
    # https://docs.trychroma.com/docs/embeddings/embedding-functions: its own function for sentence-transformers has no
    # prefixes, so one of your own; embed_query is what a query calls.
    name, query, document = strings.literals
    return (
        "from chromadb import EmbeddingFunction\nfrom sentence_transformers import SentenceTransformer\n\n\n"
        "class Prefixed(EmbeddingFunction):\n    def __init__(self):\n"
        f"        self.model = SentenceTransformer({name})\n\n"
        f"    def __call__(self, input):\n        return list(self.model.encode(input, prompt={document}))\n\n"
        f"    def embed_query(self, input):\n        return list(self.model.encode(input, prompt={query}))\n\n\n"
        'collection = client.create_collection("documents", embedding_function=Prefixed())'
    )


def _write_qdrant(strings: Strings) -> str:
    # https://python-client.qdrant.tech/qdrant_client.qdrant_client
    name, query, document = strings.literals
    return (
        "from qdrant_client import models\nfrom sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({name})\nvectors = model.encode(documents, prompt={document}).tolist()\n"
        'client.upsert("documents", [models.PointStruct(id=i, vector=v) for i, v in enumerate(vectors)])\n'
        f'found = client.query_points("documents", query=model.encode(query, prompt={query}).tolist())'
    )


def _write_fastembed(strings: Strings) -> str:
    # https://qdrant.github.io/fastembed: embed() sends texts as they are.
    name, query, document = strings.literals
    return (
        f"from fastembed import TextEmbedding\n\nmodel = TextEmbedding({name})\n"
        f"documents_vectors = list(model.embed([{document} + text for text in documents]))\n"
        f"queries_vectors = list(model.embed([{query} + text for text in queries]))"
    )


def _write_weaviate(strings: Strings) -> str:
    # https://docs.weaviate.io/weaviate/starter-guides/custom-vectors
    name, query, document = strings.literals
    return (
        "from sentence_transformers import SentenceTransformer\nfrom weaviate.classes.config import Configure\n\n"
        f"model = SentenceTransformer({name})\n"
        'collection = client.collections.create("Documents", vector_config=Configure.Vectors.self_provided())\n'
        f"for text, vector in zip(documents, model.encode(documents, prompt={document}).tolist()):\n"
        '    collection.data.insert(properties={"text": text}, vector=vector)\n'
        f"found = collection.query.near_vector(model.encode(query, prompt={query}).tolist())"
    )


def _write_elasticsearch(strings: Strings) -> str:
    # https://www.elastic.co/docs/reference/elasticsearch/clients/eland/machine-learning; kept as prefix_strings, see
    # https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-ml-put-trained-model
    prompts = strings.prompts
    return (
        f'eland_import_hub_model --url "$ES_URL" --hub-model-id {shlex.quote(strings.model)} \\\n'
        f"  --task-type text_embedding --ingest-prefix {shlex.quote(prompts['document'])} "
        f"--search-prefix {shlex.quote(prompts['query'])}"
    )


def _write_vespa(strings: Strings) -> str:
    # https://docs.vespa.ai/en/reference/rag/embedding.html; HuggingFaceEmbedder.prependInstruction puts a blank between
    # string and text, and sends a query without a string of its own with the documents'.
    query, document = strings.prompts["query"], strings.prompts["document"]
    if (document and not query) or any(one and not one.endswith(" ") for one in (query, document)):
        return (
            "# Vespa's prepend cannot say this: it adds a blank after a string, and queries without one get the\n"
            "# documents'. Put the strings there yourself:\n"
            f"# {write_literal(query)} before queries, {write_literal(document)} before documents."
        )
    sides = [(role, one[:-1]) for role, one in (("query", query), ("document", document)) if one]
    lines = [f"    <{role}>{escape(one)}</{role}>" for role, one in sides]
    return "\n".join(
        [
            "<!-- Vespa adds the blank between string and text itself -->",
            '<component id="embedder" type="hugging-face-embedder">',
            '  <transformer-model path="model.onnx"/>',
            '  <tokenizer-model path="tokenizer.json"/>',
            *(["  <prepend>", *lines, "  </prepend>"] if lines else []),
            "</component>",
        ]
    )


def _write_open_webui(strings: Strings) -> str:
    # https://docs.openwebui.com/getting-started/env-configuration
    return (
        f"export RAG_EMBEDDING_MODEL={shlex.quote(strings.model)}\n"
        f"export RAG_EMBEDDING_QUERY_PREFIX={shlex.quote(strings.prompts['query'])}\n"
        f"export RAG_EMBEDDING_CONTENT_PREFIX={shlex.quote(strings.prompts['document'])}"
    )


def _write_tei(strings: Strings) -> str:
    # https://huggingface.co/docs/text-embeddings-inference/cli_arguments
    start = f"text-embeddings-router --model-id {shlex.quote(strings.model)}"
    query, document = (shlex.quote(strings.prompts[role]) for role in ("query", "document"))
    return (
        "# --default-prompt is put before every text of every request: a server with it serves one role only\n"
        f"{start} --port 8080 --default-prompt {query}  # for queries\n"
        f"{start} --port 8081 --default-prompt {document}  # for documents"
    )


def _write_vllm(strings: Strings) -> str:
    # https://docs.vllm.ai/en/latest/models/pooling_models/embed: only /v2/embed knows prompts, by their keys in the
    # model's config_sentence_transformers.json.
    name, query, document = strings.literals
    return (
        "# /v1/embeddings adds nothing: put the string before the text yourself\n"
        f"client.embeddings.create(model={name}, input=[{query} + text for text in queries])\n"
        f"client.embeddings.create(model={name}, input=[{document} + text for text in documents])\n"
        "# /v2/embed takes it from the model's config_sentence_transformers.json by its key\n"
        f'{{"model": {name}, "input_type": "query", "texts": queries}}'
    )


def _write_plain(strings: Strings) -> str:
    _, query, document = strings.literals
    return (
        "# none of them adds a prefix: put it before the text yourself\n"
        f"input = {query} + query        # when you search\ninput = {document} + document  # when you index"
    )


TOOLS = {
    "config": Tool("config_sentence_transformers.json", _write_config, for_search=False),
    "python": Tool("Python", _write_python, for_search=False),
    "langchain": Tool("LangChain", _write_langchain),
    "llamaindex": Tool("LlamaIndex", _write_llamaindex),
    "haystack": Tool("Haystack", _write_haystack),
    "chroma": Tool("Chroma", _write_chroma),
    "qdrant": Tool("Qdrant", _write_qdrant),
    "fastembed": Tool("FastEmbed", _write_fastembed),
    "weaviate": Tool("Weaviate", _write_weaviate),
    "elasticsearch": Tool("Elasticsearch", _write_elasticsearch),
    "vespa": Tool("Vespa", _write_vespa),
    "open-webui": Tool("Open WebUI", _write_open_webui),
    "tei": Tool("Text Embeddings Inference", _write_tei),
    "vllm": Tool("vLLM", _write_vllm),
    "plain": Tool("Ollama, llama.cpp, OpenAI-compatible servers", _write_plain),
}
"""Every tool by its key."""
