"""The names of what a prefix can be for, shared by all cards so that one model's can be borrowed by rule."""

from __future__ import annotations

from enum import StrEnum

from prefixbench.spec.tasks import ROLE_TASK_TYPES


class Use(StrEnum):
    """What a documented prefix is for. ``nothing`` is the documented absence of one."""

    QUERY = "query"
    DOCUMENT = "document"
    CLASSIFICATION = "classification"
    CLUSTERING = "clustering"
    SIMILARITY = "similarity"
    QUESTION_ANSWERING = "question-answering"
    FACT_CHECKING = "fact-checking"
    CODE = "code"
    CODE_DOCUMENT = "code-document"
    SUMMARIZATION = "summarization"
    PAIR_CLASSIFICATION = "pair-classification"
    BITEXT = "bitext"
    RERANKING = "reranking"
    RERANKING_DOCUMENT = "reranking-document"
    NOTHING = "nothing"


SYMMETRIC_TASK_TYPES = (
    "BitextMining",
    "Classification",
    "Clustering",
    "MultilabelClassification",
    "PairClassification",
    "Regression",
    "STS",
    "Summarization",
)
"""mteb's text task types whose texts have no role."""

TEXT_TASK_TYPES = tuple(sorted({*SYMMETRIC_TASK_TYPES, *ROLE_TASK_TYPES}))
"""Every mteb task type that is made of text alone."""

TASK_TYPE_OF_USE = {
    Use.QUERY: "Retrieval",
    Use.CLASSIFICATION: "Classification",
    Use.CLUSTERING: "Clustering",
    Use.SIMILARITY: "STS",
    Use.SUMMARIZATION: "Summarization",
    Use.PAIR_CLASSIFICATION: "PairClassification",
    Use.BITEXT: "BitextMining",
    Use.RERANKING: "Reranking",
}
"""The task type that stands for a use where a model words its prefix per task."""
