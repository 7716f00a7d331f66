"""The example of the question itself: is a question nearer to its own paraphrase, or to its answer?

A prefix that tells a model to *search* should pull the answer closer than the paraphrase; one that tells it to compare
*meaning* should do the opposite. Three sentences show it where a benchmark's mean cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.results.records import ExampleDistance
from prefixbench.spec.conditions import Role
from prefixbench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from prefixbench.spec.conditions import PrefixPair, Side
    from prefixbench.vectors.embedder import Vectors

    EmbedSide = Callable[[Sequence[str], Side, Sequence[str] | None], Vectors]


@dataclass(frozen=True, slots=True)
class Probe:
    """A question with its answer and its paraphrase."""

    question: str
    paraphrase: str
    answer: str


PROBES = (
    Probe(
        question="What is the capital of France?",
        paraphrase="What is the name of the capital city of France?",
        answer="Paris is the capital of France.",
    ),
    Probe(
        question="Why is the sky blue?",
        paraphrase="What is the reason that the sky is blue?",
        answer="The scattering of sunlight causes the blue color",
    ),
)

PROBE_TASKS = (
    TaskFacts(name="example:retrieval", task_type="Retrieval", main_score="ndcg_at_10", source="example"),
    TaskFacts(name="example:sts", task_type="STS", main_score="cosine_spearman", source="example"),
)
"""What the conditions are resolved for: the same sentences as a search and as a comparison of meaning."""


def compute_probe(embed: EmbedSide, pair: PrefixPair, task: TaskFacts) -> tuple[ExampleDistance, ...]:
    """Embed every probe with these prefixes and compare the question with its answer and its paraphrase.

    Args:
        embed: Texts, the side they are sent with and their titles to vectors, shape ``(n_texts, dim)``.
        pair: What the condition resolved to for ``task``.
        task: One of ``PROBE_TASKS``; where it has roles the question is a query and the rest are documents, else all
            texts go with the symmetric side.
    """
    query_side = pair.side_for(Role.QUERY if task.has_roles else None)
    other_side = pair.side_for(Role.DOCUMENT if task.has_roles else None)
    questions = _embed(embed, [probe.question for probe in PROBES], query_side)
    answers = _embed(embed, [probe.answer for probe in PROBES], other_side)
    paraphrases = _embed(embed, [probe.paraphrase for probe in PROBES], other_side)
    to_answer = _cosine(questions, answers)
    to_paraphrase = _cosine(questions, paraphrases)
    return tuple(
        ExampleDistance(
            question=probe.question,
            paraphrase=probe.paraphrase,
            answer=probe.answer,
            similarity_paraphrase=float(to_paraphrase[index]),
            similarity_answer=float(to_answer[index]),
        )
        for index, probe in enumerate(PROBES)
    )


def _embed(embed: EmbedSide, texts: Sequence[str], side: Side) -> NDArray[np.float64]:
    titles = [""] * len(texts) if side.title_slot else None
    return embed(texts, side, titles).astype(np.float64)


def _cosine(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return np.asarray(np.einsum("ij,ij->i", left, right) / lengths, dtype=np.float64)
