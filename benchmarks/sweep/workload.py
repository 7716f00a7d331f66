"""What all sides run: six tasks under eight conditions of one model."""

from __future__ import annotations

from prefixbench.plan.cell import Cell
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.spec.conditions import BASELINE
from prefixbench.spec.load import Overrides, load_sweep, split_names

MODEL = "sentence-transformers/all-MiniLM-L6-v2"

TASKS = (
    "StarterDocRetrieval",
    "STSBenchmark",
    "StarterClassification",
    "StarterClustering",
    "StarterPairClassification",
    "StarterCodeRetrieval",
)
"""Retrieval, similarity, classification, clustering, pair classification and code."""

PREFIXES = {
    "correct": ("search_query: ", "search_document: "),
    "wrong": ("clustering: ", "clustering: "),
    "instruction": ("Instruct: Given a question, retrieve the text that answers it. Query: ", ""),
    "query-only": ("search_query: ", ""),
    "document-only": ("", "search_document: "),
    "swapped": ("search_document: ", "search_query: "),
    "placebo": ("mural tenth: ", "ladder aside: "),
}
"""The base model has no prefixes of its own, so those of another family stand in; ``none`` is added."""


def write_prefixes(conditions: tuple[str, ...]) -> tuple[str, ...]:
    """The values of ``--prefix`` for these conditions."""
    chosen = [(name, pair) for name, pair in PREFIXES.items() if f"custom:{name}" in conditions]
    return tuple(f'{name}:query="{query}",document="{document}"' for name, (query, document) in chosen)


def name_conditions(all_eight: bool) -> tuple[str, ...]:
    """The names rows carry: ``none``, or it and the seven others."""
    return (str(BASELINE), *(f"custom:{name}" for name in PREFIXES)) if all_eight else (str(BASELINE),)


def list_cells(tasks: str, conditions: tuple[str, ...]) -> tuple[Cell, ...]:
    """The distinct cells of the sweep."""
    overrides = Overrides(
        models=(MODEL,), tasks=split_names(tasks), conditions=("none",), prefixes=write_prefixes(conditions)
    )
    plan, _ = make_plan(load_sweep(None, None, overrides), find_local_folder)
    return plan.cells
