"""What the twins are asked, as comparisons of two arms; `prefixbench.twins.findings` answers them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from prefixbench.starter.models import MINILM
from prefixbench.twins.config import Variant

BASE = "base"
OWN_ADAPTER = "adapter:own"
"""The task's own adapter without any prefix; which one that is follows from the task's type."""

LENT = "foreign:prefixbench"
"""The prefixed twin's strings, sent to a model that never saw them."""

TASK_OF_TYPE = {
    "Retrieval": "search",
    "Reranking": "search",
    "InstructionRetrieval": "search",
    "InstructionReranking": "search",
    "Clustering": "clustering",
    "Classification": "classification",
    "MultilabelClassification": "classification",
    "PairClassification": "similarity",
    "STS": "similarity",
    "BitextMining": "similarity",
    "Summarization": "similarity",
}
"""The training task that each of mteb's types goes with; the cards of the twins say the same."""

_NAME = re.compile(r"prefixbench/minilm-(?P<variant>[a-z-]+?)(-seed(?P<seed>\d+))?")


@dataclass(frozen=True, slots=True)
class Arm:
    """One kind of model under one condition.

    Attributes:
        variant: A twin's variant, or ``base``.
        condition: As a sweep names it, or ``adapter:own``.
    """

    variant: str
    condition: str

    def resolve(self, task_type: str) -> str:
        """The condition's name for tasks of a type."""
        return self.condition.replace(OWN_ADAPTER, f"adapter:{TASK_OF_TYPE.get(task_type, 'none')}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """First arm minus second.

    Attributes:
        label: Heads the column.
        arm: The first.
        baseline: The second.
    """

    label: str
    arm: Arm
    baseline: Arm


@dataclass(frozen=True, slots=True)
class Question:
    """A question, what was expected before any twin was trained, and the comparisons that answer it."""

    title: str
    expected: str
    comparisons: tuple[Comparison, ...]


def compare(label: str, arm: tuple[str, str], baseline: tuple[str, str]) -> Comparison:
    """A comparison of ``(variant, condition)`` with ``(variant, condition)``."""
    return Comparison(label, Arm(*arm), Arm(*baseline))


PREFIXED, PLAIN = Variant.PREFIXED.value, Variant.PLAIN.value
ADAPTERS, BOTH = Variant.ADAPTERS.value, Variant.ADAPTERS_PREFIXED.value

QUESTIONS = (
    Question(
        "What is the prefix worth to a model trained with it?",
        "The right prefix helps, against none, against another task's, and against as many random tokens.",
        (
            compare("correct − none", (PREFIXED, "correct"), (PREFIXED, "none")),
            compare("correct − wrong", (PREFIXED, "correct"), (PREFIXED, "wrong")),
            compare("correct − placebo", (PREFIXED, "correct"), (PREFIXED, "placebo")),
        ),
    ),
    Question(
        "Does training with prefixes beat training without?",
        "Each used as trained, the prefixed twin is the better one.",
        (
            compare("prefixed, correct − plain, none", (PREFIXED, "correct"), (PLAIN, "none")),
            compare("prefixed, none − plain, none", (PREFIXED, "none"), (PLAIN, "none")),
            compare("plain, none − base, none", (PLAIN, "none"), (BASE, "none")),
        ),
    ),
    Question(
        "What does it cost to send prefixes to a model that never saw them?",
        "It hurts the plain twin and the base model alike.",
        (
            compare("plain, with − plain, none", (PLAIN, LENT), (PLAIN, "none")),
            compare("base, with − base, none", (BASE, LENT), (BASE, "none")),
        ),
    ),
    Question(
        "Is the wrong prefix worse than none?",
        "It is.",
        (compare("wrong − none", (PREFIXED, "wrong"), (PREFIXED, "none")),),
    ),
    Question(
        "Query side or document side?",
        "Either side alone loses something; an index made without prefixes can stay if the queries' side carries most.",
        (
            compare("query-only − correct", (PREFIXED, "query-only"), (PREFIXED, "correct")),
            compare("document-only − correct", (PREFIXED, "document-only"), (PREFIXED, "correct")),
            compare("query-only − none", (PREFIXED, "query-only"), (PREFIXED, "none")),
            compare("document-only − none", (PREFIXED, "document-only"), (PREFIXED, "none")),
        ),
    ),
    Question(
        "What do adapters add over prefixes, and prefixes over adapters?",
        "An adapter a task does what a prefix does, and more; a prefix adds little to it.",
        (
            compare("adapters − plain, none", (ADAPTERS, "correct"), (PLAIN, "none")),
            compare("adapters − prefixed, correct", (ADAPTERS, "correct"), (PREFIXED, "correct")),
            compare("adapters+prefix − adapters", (BOTH, "correct"), (ADAPTERS, "correct")),
            compare("adapters+prefix − prefixed, correct", (BOTH, "correct"), (PREFIXED, "correct")),
        ),
    ),
    Question(
        "Adapters that meet a prefix they were, or were not, trained with",
        "Leaving out a prefix that the adapter saw costs; sending one that it did not see costs as well.",
        (
            compare("adapters+prefix without it − with", (BOTH, OWN_ADAPTER), (BOTH, "correct")),
            compare("adapters, with − without", (ADAPTERS, f"{LENT}+{OWN_ADAPTER}"), (ADAPTERS, "correct")),
        ),
    ),
)


def read_model(name: str) -> tuple[str, int] | None:
    """Variant and seed of a model's name (1 where it carries none); ``None`` where it is no twin and no base."""
    if name == MINILM.name:
        return BASE, 0
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    variant = found["variant"].replace("adapters-prefix", BOTH)
    known = variant in Variant.__members__.values()
    return (variant, int(found["seed"] or 1)) if known else None
