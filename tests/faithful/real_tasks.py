"""Scores real tasks by a sweep and by plain mteb, in a process of its own: the hub's address is read at its start.

Prints one JSON object: ``python -m tests.faithful.real_tasks FOLDER``.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import mteb
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from prefixbench.results import load_run
from prefixbench.run.command import SweepOptions, run_sweep
from prefixbench.run.progress import Progress
from prefixbench.spec.load import Overrides, load_sweep
from prefixbench.spec.tasks import ROLE_TASK_TYPES
from prefixbench.starter import locate_model
from sentence_transformers import SentenceTransformer

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PLACES = {"PoemSentimentClassification": "default", "Tatoeba": "swg-eng", "LIMITSmallRetrieval": "default"}
SENT = {"none": ("", ""), "custom:own": ("query: ", "passage: ")}


def sweep(folder: Path) -> dict[str, float]:
    """Main scores (0–100) by task, split and condition."""
    tasks = tuple(task if subset == "default" else f"{task}:{subset}" for task, subset in PLACES.items())
    own = 'own:query="query: ",document="passage: "'
    spec = load_sweep(None, None, Overrides(models=(MODEL,), tasks=tasks, conditions=("none",), prefixes=(own,)))
    run_sweep(spec, SweepOptions(folder / "run", folder / "cache", workers=0), Progress())
    rows = load_run(folder / "run").results
    return {f"{row.task}, {row.hf_split}, {row.conditions[0]}": 100 * row.score for row in rows}


def evaluate() -> dict[str, float]:
    """The same by ``mteb.evaluate`` and sentence-transformers alone."""
    folder = locate_model(MODEL)
    assert folder is not None
    library = SentenceTransformer(str(folder), device="cpu")
    found = {}
    for name, hf_subset in PLACES.items():
        for condition, (query, document) in SENT.items():
            task = mteb.get_task(name, hf_subsets=[hf_subset])
            roles = {"query": query, "document": document}
            prompts = roles if task.metadata.type in ROLE_TASK_TYPES else {**roles, task.metadata.type: query}
            wrapped = SentenceTransformerEncoderWrapper(library, model_prompts=prompts)
            result = mteb.evaluate(wrapped, task, cache=None, co2_tracker=False, show_progress_bar=False)
            for split, scores in result.task_results[0].scores.items():
                found[f"{name}, {split}, {condition}"] = 100 * float(scores[0]["main_score"])
    return found


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps([sweep(Path(sys.argv[1])), evaluate()]))  # noqa: T201 - the parent reads it
