"""The cells that both sides run."""

from __future__ import annotations

from bench.plan.cell import Cell
from bench.run.planning import find_local_folder, make_plan
from bench.spec.load import Overrides, load_sweep, split_names
from bench.spec.sweep import SweepSpec

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PREFIXES = {
    "correct": ("search_query: ", "search_document: "),
    "wrong": ("clustering: ", "clustering: "),
    "instruction": ("Instruct: Given a question, retrieve the text that answers it\nQuery: ", ""),
    "query-only": ("search_query: ", ""),
    "document-only": ("", "search_document: "),
    "swapped": ("search_document: ", "search_query: "),
    "placebo": ("mural tenth: ", "ladder aside: "),
}
"""The base model has no prefixes of its own, so those of another family stand in; ``none`` is added."""


def make_spec(tasks: str, conditions: tuple[str, ...]) -> SweepSpec:
    """The sweep of these tasks under ``none`` and the named prefixes."""
    prefixes = tuple(
        f'{name}:query="{query}",document="{document}"'.replace("\n", "\\n")
        for name, (query, document) in PREFIXES.items()
        if name in conditions
    )
    return load_sweep(
        None, None, Overrides(models=(MODEL,), tasks=split_names(tasks), conditions=("none",), prefixes=prefixes)
    )


def list_cells(tasks: str, conditions: tuple[str, ...]) -> tuple[Cell, ...]:
    """The distinct cells of that sweep."""
    plan, _ = make_plan(make_spec(tasks, conditions), find_local_folder)
    return plan.cells
