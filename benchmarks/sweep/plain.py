"""The plain way: a loop over ``mteb.evaluate``, a model and the tasks made anew for each condition."""

from __future__ import annotations

import argparse
import json
import warnings
from collections import defaultdict
from pathlib import Path

import mteb
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from sentence_transformers import SentenceTransformer

from bench.plan.cell import Cell
from bench.run.loading import load_task
from bench.spec.conditions import Role
from bench.starter import locate_model
from benchmarks.sweep.workload import MODEL, list_cells


def name_prompts(cells: list[Cell]) -> dict[str, str]:
    """Prompts of one condition under the keys that mteb looks up."""
    prompts = {}
    for cell in cells:
        if cell.task.has_roles:
            for role in Role:
                prompts[f"{cell.task.name}-{role.value}"] = cell.pair.side_for(role).prefix
        else:
            prompts[cell.task.name] = cell.pair.side_for(None).prefix
    return prompts


def run_condition(cells: list[Cell]) -> dict[str, float]:
    """Main scores by cell id."""
    model = SentenceTransformer(str(locate_model(MODEL)), device="cpu")
    wrapped = SentenceTransformerEncoderWrapper(model, revision="plain", model_prompts=None)
    wrapped.model_prompts = name_prompts(cells)
    load_task.cache_clear()
    scores = {}
    for facts in dict.fromkeys(cell.task for cell in cells):
        task = load_task(facts)
        result = mteb.evaluate(wrapped, task, cache=None, co2_tracker=False, show_progress_bar=False)
        for cell in cells:
            if cell.task == facts:
                entries = result.task_results[0].scores[cell.hf_split]
                entry = next(one for one in entries if one["hf_subset"] == cell.hf_subset)
                scores[cell.cell_id] = float(entry["main_score"])
    return scores


def main() -> None:
    """Run every condition, one after the other, and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--conditions", default="")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    by_condition: dict[str, list[Cell]] = defaultdict(list)
    for cell in list_cells(options.tasks, tuple(filter(None, options.conditions.split(",")))):
        by_condition[str(cell.conditions[0])].append(cell)
    scores: dict[str, float] = {}
    for cells in by_condition.values():
        scores |= run_condition(cells)
    options.output.write_text(json.dumps(scores))


if __name__ == "__main__":
    main()
