"""Rows of the made-up ledger other than results: worked examples and failures; and the pairs of prefixes."""

from __future__ import annotations

from typing import Any

from prefixbench.items.hits import Hits, collect_hits
from prefixbench.results.records import CellFailure, ExampleDistance, ProbeRecord
from prefixbench.spec.conditions import PrefixPair, Side

from tests.fakes_sweep import PROVENANCE, STRENGTH, FakeSweep


def make_pair(query: str, document: str, condition: str) -> PrefixPair:
    by_condition = {
        "none": ("", ""),
        "correct": (query, document),
        "query-only": (query, ""),
        "document-only": ("", document),
        "swapped": (document, query),
    }
    left, right = by_condition.get(condition, (f"{condition}: {query}", document))
    return PrefixPair(Side(left), Side(right))


def make_probes(sweep: FakeSweep, model: str) -> list[ProbeRecord]:
    query, document, gain = sweep.models[model]
    sentences = (
        (
            "What is the capital of France?",
            "What is the name of the capital city of France?",
            "Paris is the capital of France.",
        ),
        (
            "Why is the sky blue?",
            "What is the reason that the sky is blue?",
            "The scattering of sunlight causes the blue color",
        ),
    )
    return [
        ProbeRecord(
            model=model,
            model_revision="abcdef0123456789",
            condition=condition,
            task_type=task_type,
            pair=make_pair(query, document, condition),
            examples=tuple(
                ExampleDistance(
                    question=question,
                    paraphrase=paraphrase,
                    answer=answer,
                    similarity_paraphrase=0.9 - 0.02 * place - 0.01 * gain,
                    similarity_answer=0.75 + 0.03 * gain * STRENGTH.get(condition, 0.1) - 0.1 * place,
                )
                for place, (question, paraphrase, answer) in enumerate(sentences)
            ),
        )
        for task_type in ("Retrieval", "STS")
        for condition in sweep.conditions
    ]


def make_failure(
    model: str, task: tuple[str, str, str], status: Any, condition: str, reason: str, error: str
) -> CellFailure:
    return CellFailure(
        cell_id=f"{status}-{condition}",
        status=status,
        conditions=(condition,),
        model=model,
        model_revision=None,
        task=task[0].partition(":")[0],
        task_type=task[1],
        hf_subset=task[0].partition(":")[2] or "default",
        hf_split="test",
        reason=reason,
        error=error,
        provenance=PROVENANCE,
    )


def make_texts(sweep: FakeSweep) -> dict[tuple[str, str, str], str]:
    name, _, subset = sweep.tasks[0][0].partition(":")
    return {
        (name, subset or "default", f"i{number}"): f"Does aspirin number {number} <b>lower</b> the risk?"
        for number in range(sweep.n_items)
    }


N_DOCUMENTS = 30


def make_documents() -> dict[str, str]:
    """How documents begin; the text of every third may not be kept."""
    return {
        f"d{number}": f"Document {number} <i>on</i> aspirin & the risk, which goes on and on. {'word ' * 30}"
        for number in range(N_DOCUMENTS)
        if number % 3
    }


def make_hits(sweep: FakeSweep, condition: str) -> Hits:
    """Each item finds the same documents, from another one on under every condition but some."""
    shift = 0 if condition == "none" else 7
    return collect_hits(
        {
            f"i{number}": [f"d{(number + shift * (number % 2) + rank) % N_DOCUMENTS}" for rank in range(10)]
            for number in range(max(sweep.n_items, 1))
        }
    )
