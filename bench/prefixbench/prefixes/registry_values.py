"""What the strings of mteb's registry are: text, a vendor's parameter, an adapter; told by the entry's loader."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prefixbench.errors import PrefixNotFoundError
from prefixbench.spec.conditions import Mechanism, Role, Side

JINA_V3_TEXTS = {
    "retrieval.query": "Represent the query for retrieving evidence documents: ",
    "retrieval.passage": "Represent the document for retrieval: ",
}
GEMINI_2_TEXTS = {
    "RETRIEVAL_QUERY": "task: search result | query: ",
    "QUESTION_ANSWERING": "task: question answering | query: ",
    "FACT_VERIFICATION": "task: fact checking | query: ",
    "CODE_RETRIEVAL_QUERY": "task: code retrieval | query: ",
    "CLASSIFICATION": "task: classification | query: ",
    "CLUSTERING": "task: clustering | query: ",
    "SEMANTIC_SIMILARITY": "task: sentence similarity | query: ",
}
"""What two of mteb's wrappers make of their entries' values; pinned against the wrappers by a test."""


@dataclass(frozen=True, slots=True)
class ValueReader:
    """How a loader turns the value its entry holds for a key into what is sent.

    Attributes:
        mechanism: How the model takes it.
        read: From the value (``None`` where no key matches) and the role to what is sent.
        fallback_key: The key the loader takes where none matches.
        needs_prompts: Whether an entry without prompts leaves open what is sent.
    """

    mechanism: Mechanism
    read: Callable[[str | None, Role | None], Side]
    fallback_key: str | None = None
    needs_prompts: bool = True


def _text(value: str | None, _role: Role | None) -> Side:
    return Side(value or "")


def _around_text(value: str | None, _role: Role | None) -> Side:
    if value and not value.endswith("{text}"):
        raise PrefixNotFoundError(f"mteb's registry puts words after the text too ({value!r}), which no prefix can")
    return Side((value or "").removesuffix("{text}"))


def _api(parameter: str, fallback: str | None = None) -> Callable[[str | None, Role | None], Side]:
    def read(value: str | None, _role: Role | None) -> Side:
        sent = value or fallback
        return Side(api=((parameter, sent),)) if sent else Side()

    return read


def _jina_v3(value: str | None, _role: Role | None) -> Side:
    return Side(JINA_V3_TEXTS.get(value or "", ""), adapter=value or "none")


def _jina_v4(value: str | None, _role: Role | None) -> Side:
    prefix = "Passage: " if "passage" in (value or "") else "Query: "
    return Side(prefix, adapter=(value or "retrieval").split(".")[0])


def _jina_v5(value: str | None, role: Role | None) -> Side:
    return Side("Query: " if role is Role.QUERY else "Document: ", adapter=value or "retrieval")


def _gemini_2(value: str | None, role: Role | None) -> Side:
    if role is Role.DOCUMENT:
        return Side("title: {title} | text: ", title_slot=True)
    return Side(GEMINI_2_TEXTS.get(value or "", ""))


TEXT = ValueReader(Mechanism.PREFIX, _text)
VALUE_READERS: dict[str, ValueReader] = {
    "SentenceTransformerEncoderWrapper": TEXT,
    "BekkoEncoderWrapper": TEXT,
    "RepLLaMAModel": TEXT,
    "CDEWrapper": TEXT,
    "NomicWrapper": ValueReader(Mechanism.PREFIX, _text, fallback_key="document"),
    "UAEWrapper": ValueReader(Mechanism.PREFIX, _around_text),
    "GoogleGeminiEmbeddingModel": ValueReader(Mechanism.PREFIX, _gemini_2),
    "GoogleTextEmbeddingModel": ValueReader(Mechanism.API, _api("task_type")),
    "CohereTextEmbeddingModel": ValueReader(Mechanism.API, _api("input_type")),
    "BedrockModel": ValueReader(Mechanism.API, _api("input_type", "search_document")),
    "cohere_v_loader": ValueReader(Mechanism.API, _api("input_type", "search_document"), needs_prompts=False),
    "VoyageModel": ValueReader(Mechanism.API, _api("input_type", "document")),
    "JinaWrapper": ValueReader(Mechanism.ADAPTER, _jina_v3),
    "JinaV4Wrapper": ValueReader(Mechanism.ADAPTER, _jina_v4),
    "JinaV5TextWrapper": ValueReader(Mechanism.ADAPTER, _jina_v5),
    "JinaV5OmniWrapper": ValueReader(Mechanism.ADAPTER, _jina_v5),
}
"""Loaders whose entries hold prompts by task; every other keeps them in its own code."""

INSTRUCTION_LOADERS = {
    "InstructSentenceTransformerModel": True,
    "GeeVecLiteModel": True,
    "_NVEmbedWrapper": True,
    "BMRetrieverWrapper": True,
    "KALMWrapper": True,
    "ultrabert_embed_loader": True,
    "instruct_loader": True,
    "JasperModel": False,
    "q3e_instruct_loader": False,
}
"""Loaders that word an instruction per task, and whether passages get it too unless the entry says otherwise."""

TEMPLATE_IN_MODULE = {"q3e_instruct_loader": "instruction_template"}
"""Loaders whose template stands beside them in their module, by its name."""

NOT_ONE_VECTOR = {
    "cross-encoder": "is a cross-encoder, which scores pairs and embeds no text on its own",
    "late-interaction": "is a late-interaction model, which makes one vector a token",
    "sparse": "is a sparse model, whose vectors are word weights",
    "hybrid": "is a hybrid of search methods, not one embedding model",
}
"""Model types of mteb's registry that have no dense vector a text, and so no place in this comparison."""
