"""How mteb's loaders use what their registry entries hold, by the loader's name."""

from __future__ import annotations

from enum import StrEnum


class Reader(StrEnum):
    """What the strings of a registry entry are."""

    TEXT = "text"
    API = "api"
    ADAPTER = "adapter"
    INSTRUCTION = "instruction"


READERS: dict[str, Reader] = {
    "SentenceTransformerEncoderWrapper": Reader.TEXT,
    "BekkoEncoderWrapper": Reader.TEXT,
    "NomicWrapper": Reader.TEXT,
    "UAEWrapper": Reader.TEXT,
    "RepLLaMAModel": Reader.TEXT,
    "CDEWrapper": Reader.TEXT,
    "OctenVLEmbeddingModel": Reader.TEXT,
    "GoogleTextEmbeddingModel": Reader.API,
    "CohereTextEmbeddingModel": Reader.API,
    "VoyageModel": Reader.API,
    "BedrockModel": Reader.API,
    "JinaWrapper": Reader.ADAPTER,
    "JinaV4Wrapper": Reader.ADAPTER,
    "JinaV5TextWrapper": Reader.ADAPTER,
    "JinaV5OmniWrapper": Reader.ADAPTER,
    "InstructSentenceTransformerModel": Reader.INSTRUCTION,
    "GeeVecLiteModel": Reader.INSTRUCTION,
    "JasperModel": Reader.INSTRUCTION,
    "_NVEmbedWrapper": Reader.INSTRUCTION,
    "BMRetrieverWrapper": Reader.INSTRUCTION,
    "KALMWrapper": Reader.INSTRUCTION,
    "ultrabert_embed_loader": Reader.INSTRUCTION,
    "instruct_loader": Reader.INSTRUCTION,
}
"""Loaders whose entries hold the prompts; others keep them in the wrapper's code."""

API_PARAMETER = {
    "GoogleTextEmbeddingModel": "task_type",
    "CohereTextEmbeddingModel": "input_type",
    "VoyageModel": "input_type",
    "BedrockModel": "input_type",
}
"""The parameter a vendor's interface takes the value in."""

NOT_ONE_VECTOR = {
    "cross-encoder": "is a cross-encoder, which scores pairs and embeds no text on its own",
    "late-interaction": "is a late-interaction model, which makes one vector a token",
    "sparse": "is a sparse model, whose vectors are word weights",
    "hybrid": "is a hybrid of search methods, not one embedding model",
}
"""Model types of mteb's registry that have no dense vector a text, and so no place in this comparison."""
