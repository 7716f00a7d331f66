"""How far a score moves with the draw alone: the same vectors, mteb's own evaluation, other first draws.

    HF_ENDPOINT=… python -m benchmarks.answer.draws [--draws 20] [--cache FOLDER]      # draws.json

A classification task trains on samples drawn in turn, each from the order that the last one left; mteb before 2 took
the first order from numpy's global state, which depends on all that the process did before. A clustering task draws
from rows in the order in which the copy of the data has them. Here both first orders are drawn anew, and nothing else
changes.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from prefixbench.files import default_cache_folder
from prefixbench.plan.cell import Cell
from prefixbench.run.loading import load_task
from prefixbench.run.planning import find_local_folder, make_plan
from prefixbench.run.progress import Progress
from prefixbench.run.session import ModelSession, open_session
from prefixbench.score import MtebEncoder, embed_part, score_cell
from prefixbench.spec.load import Overrides, load_sweep

FIGURES = Path(__file__).parent / "draws.json"
GEMMA, MINILM = "google/embeddinggemma-300m", "sentence-transformers/all-MiniLM-L6-v2"
PLACES = (
    (MINILM, "SIB200ClusteringS2S:eng_Latn"),
    (GEMMA, "SIB200ClusteringS2S:eng_Latn"),
    (GEMMA, "PoemSentimentClassification"),
    (GEMMA, "Banking77Classification"),
)
"""Whose published scores no condition of the run gives, and draws may tell why."""


def draw_first_samples(task: Any, seed: int) -> None:  # noqa: ANN401 - mteb's, whatever its kind
    """Let the first training sample of every evaluation be drawn from another order."""
    inherited: Callable[..., Any] = task._undersample_data

    def draw(dataset: Any, number: int, order: list[int] | None = None) -> Any:  # noqa: ANN401
        first = np.random.default_rng(seed).permutation(len(dataset)).tolist()
        return inherited(dataset, number, first if order is None else order)

    task._undersample_data = draw


def shuffle_rows(task: Any, seed: int) -> None:  # noqa: ANN401
    """Bring the rows of every split into another order."""
    for splits in task.dataset.values():
        for split, rows in splits.items():
            splits[split] = rows.shuffle(seed=seed)


def score_draws(cell: Cell, session: ModelSession, cache: Path, n_draws: int) -> Iterator[float]:
    """The cell's score as mteb draws, and then of so many other draws, in points."""
    encoder = MtebEncoder(
        functools.partial(embed_part, session.embed, cell.pair),
        cell.model.name,
        similarity_fn_name=session.known.similarity,
    )
    for number in range(n_draws + 1):
        task = load_task(cell.task, cache)
        if number:
            (draw_first_samples if cell.task.task_type == "Classification" else shuffle_rows)(task, number)
        yield 100 * score_cell(task, encoder, cell.hf_split, cell.hf_subset).score


def main() -> None:
    """Draw, and write the figures after each place; what was drawn is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=default_cache_folder())
    options = parser.parse_args()
    rows: list[dict[str, Any]] = json.loads(FIGURES.read_text()) if FIGURES.exists() else []
    known = {(row["model"], row["task"], row["hf_subset"], row["hf_split"]) for row in rows}
    for model, task in PLACES:
        asked = Overrides(models=(model,), tasks=(task,), conditions=("correct",))
        plan, _ = make_plan(load_sweep(None, None, asked), find_local_folder)
        cells = [
            cell for cell in plan.cells if "correct" in map(str, cell.conditions) and name_place(cell) not in known
        ]
        if not cells:
            continue
        folder = find_local_folder(cells[0].model, options.cache)
        session = open_session(cells[0].model, cells[0].settings, folder, options.cache, Progress())
        for cell in cells:
            own, *drawn = score_draws(cell, session, options.cache, options.draws)
            told = dict(zip(("model", "task", "hf_subset", "hf_split"), name_place(cell), strict=True))
            rows.append({**told, "engine": session.known.identity.engine, "score": own, "drawn": drawn})
            sys.stdout.write(f"{' '.join(name_place(cell))}: {own:.2f}; {min(drawn):.2f} to {max(drawn):.2f}\n")
            FIGURES.write_text(json.dumps(rows, indent=1) + "\n")
        session.close()


def name_place(cell: Cell) -> tuple[str, str, str, str]:
    """Model, task, subset and split."""
    return cell.model.name, cell.task.name, cell.hf_subset, cell.hf_split


if __name__ == "__main__":
    main()
