"""Whole runs: exploratory families, and the line of a model over its tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
from prefixbench.analysis.contrasts import Contrast
from prefixbench.analysis.families import decide_tasks, describe_tasks, describe_types, gather_tasks
from prefixbench.analysis.lines import describe_models
from prefixbench.analysis.rules import ONE_CORPUS, Claim, Family, Verdict, decide_family
from prefixbench.analysis.settings import AnalysisSettings

from benchmarks.validity.populations import Population

Row = dict[str, Any]
Rng = np.random.Generator

MARGIN = 0.5
FAMILIES = 250
EXPLORED_FAMILIES = 100
EXPLORED = 60
STRONG = 6.0
"""Points of a true effect, of one contrast in five of an exploratory family."""
TYPES = ("Retrieval", "Retrieval", "Retrieval", "STS", "Classification", "Classification")
FALSE_LINES = {
    "no effect": {"required", "helpful", "harmful", "mixed"},
    "effects on +m": {"required", "helpful", "harmful", "mixed", "harmless"},
}
"""Lines that are false of a model all of whose tasks have no effect, or one of just m: that helps nowhere by more."""


def simulate_exploratory(population: Population, n_units: int, rng: Rng) -> Row:
    """The share of false words among the words of exploratory families: one in five gains, the rest lie on the bound.

    Wrong is a word on the bound that claims more or less than the bound, and one on a gain that denies it.
    """
    n_strong = EXPLORED // 5
    shares, found = [], 0
    for _ in range(EXPLORED_FAMILIES):
        made = population.infer(rng, n_strong, n_units, STRONG)
        made += population.infer(rng, EXPLORED - n_strong, n_units, MARGIN)
        claims = [Claim(own.estimate, MARGIN, n_units) for own in made]
        verdicts = [decision.verdict for decision in decide_family(claims, Family.EXPLORATORY)]
        right, wrong = verdicts[:n_strong].count(Verdict.HELPS), sum(word.is_declared for word in verdicts[n_strong:])
        wrong += sum(word in (Verdict.HURTS, Verdict.EQUIVALENT) for word in verdicts[:n_strong])
        shares.append(wrong / max(1, right + wrong))
        found += right
    return {
        "families": EXPLORED_FAMILIES,
        "false_among_words": float(np.mean(shares)),
        "found": found / (EXPLORED_FAMILIES * n_strong),
        "error": float(np.std(shares)) / EXPLORED_FAMILIES**0.5,
    }


def simulate_line(population: Population, n_units: int, rng: Rng) -> Row:
    """How often a model's line is false, over six tasks of three types."""
    shares: Row = {"families": FAMILIES}
    for kind, effect in (("no effect", 0.0), ("effects on +m", MARGIN)):
        false = 0
        for _ in range(FAMILIES):
            made = population.infer(rng, len(TYPES), n_units, effect)
            contrasts = [
                Contrast(_make_row(number, n_units), own, MARGIN, (f"{number}a", f"{number}b"))
                for number, own in enumerate(made)
            ]
            tasks = gather_tasks(contrasts)
            rows, types = describe_tasks(tasks, decide_tasks(tasks)), describe_types(tasks)
            (model,) = describe_models(tasks, rows, types, {"model": "prefix"}, AnalysisSettings())
            false += model["line"] in FALSE_LINES[kind] or any(row["line"] in FALSE_LINES[kind] for row in types)
        shares[kind] = false / FAMILIES
    return shares


def _make_row(number: int, n_units: int) -> Row:
    return {
        "model": "model", "task": f"T{number}", "task_type": TYPES[number], "hf_subset": "default", "hf_split": "test",
        "metric": "score", "contrast": "correct-none", "condition": "correct", "baseline": "none", "n_items": n_units,
        "n_units": n_units, "score": 0.0, "baseline_score": 0.0, "same_strings": False,
    }  # fmt: skip


def simulate_one_corpus(population: Population, n_units: int, rng: Rng) -> Row:
    """Draws of one corpus: every word but *described* is one too many."""
    made = population.infer(rng, FAMILIES, n_units, STRONG)
    decided = decide_family([Claim(own.estimate, MARGIN, ONE_CORPUS) for own in made], Family.PRIMARY)
    return {
        "samples": FAMILIES,
        "tested": float(np.mean([one.verdict is not Verdict.DESCRIBED for one in decided])),
    }
