"""The plain way: a loop over ``mteb.evaluate``, a model and the tasks made anew for each condition."""

from __future__ import annotations

import argparse
import hashlib
import json
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mteb
from mteb.models.abs_encoder import get_prompt_name
from mteb.models.cache_wrappers import CachedEmbeddingWrapper
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from prefixbench.plan.cell import Cell
from prefixbench.run.loading import load_task
from prefixbench.spec.conditions import Role
from prefixbench.starter import locate_model
from sentence_transformers import SentenceTransformer

from benchmarks.sweep.workload import MODEL, list_cells, name_conditions


class CountingTransformer(SentenceTransformer):
    """The library's model, which counts the texts it embeds."""

    n_texts = 0

    def forward(self, input: dict[str, Any], **kwargs: Any) -> Any:  # noqa: A002, ANN401 - the library's signature
        """Count a batch, and embed it."""
        CountingTransformer.n_texts += len(input["input_ids"])
        return super().forward(input, **kwargs)


class CacheByPrompt:
    """mteb's embedding cache, used correctly: it does not look at prompts, so every prompt has a cache of its own."""

    def __init__(self, model: SentenceTransformerEncoderWrapper, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._caches: dict[str, CachedEmbeddingWrapper] = {}
        self.mteb_model_meta = model.mteb_model_meta

    def encode(self, inputs: Any, *, task_metadata: Any, prompt_type: Any = None, **kwargs: Any) -> Any:  # noqa: ANN401
        """Vectors from the cache of the prompt that the model would send, which embeds what it lacks."""
        prompts = self._model.model_prompts or {}
        prompt = prompts.get(get_prompt_name(prompts, task_metadata, prompt_type) or "", "")
        if prompt not in self._caches:
            name = hashlib.sha256(prompt.encode()).hexdigest()[:16]
            self._caches[prompt] = CachedEmbeddingWrapper(self._model, self._folder / name)
        return self._caches[prompt].encode(inputs, task_metadata=task_metadata, prompt_type=prompt_type, **kwargs)

    def similarity(self, first: Any, second: Any) -> Any:  # noqa: ANN401 - arrays of any library
        """The model's own."""
        return self._model.similarity(first, second)

    def similarity_pairwise(self, first: Any, second: Any) -> Any:  # noqa: ANN401 - arrays of any library
        """The model's own."""
        return self._model.similarity_pairwise(first, second)


def name_prompts(cells: Iterable[Cell]) -> dict[str, str]:
    """Prompts of one condition under the keys that mteb looks up."""
    prompts = {}
    for cell in cells:
        if cell.task.has_roles:
            for role in Role:
                prompts[f"{cell.task.name}-{role.value}"] = cell.pair.side_for(role).prefix
        else:
            prompts[cell.task.name] = cell.pair.side_for(None).prefix
    return prompts


def run_condition(
    cells: list[Cell], condition: str, cache: Path | None, device: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Main scores by place and condition, and seconds by task and condition."""
    model = CountingTransformer(str(locate_model(MODEL)), device=device)
    wrapped = SentenceTransformerEncoderWrapper(model)
    wrapped.model_prompts = name_prompts(cells)
    asked: Any = wrapped if cache is None else CacheByPrompt(wrapped, cache)
    scores, seconds = {}, {}
    for facts in dict.fromkeys(cell.task for cell in cells):
        began = time.monotonic()
        task = load_task(facts)
        result = mteb.evaluate(asked, task, cache=None, co2_tracker=False, show_progress_bar=False)
        for split, entries in result.task_results[0].scores.items():
            for entry in entries:
                scores[f"{facts.name}:{entry['hf_subset']}:{split}:{condition}"] = float(entry["main_score"])
        seconds[f"{facts.name}:{condition}"] = time.monotonic() - began
    return scores, seconds


def main() -> None:
    """Run every condition, one after the other, and write the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", required=True)
    parser.add_argument("--eight", action="store_true", help="all eight conditions instead of none alone")
    parser.add_argument("--mteb-cache", type=Path, help="keep vectors in mteb's embedding cache here")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    names = name_conditions(options.eight)
    by_condition: dict[str, list[Cell]] = defaultdict(list)
    for cell in list_cells(options.tasks, names):
        for name in cell.conditions:
            by_condition[str(name)].append(cell)
    scores: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for condition in names:
        some_scores, some_seconds = run_condition(
            by_condition[condition], condition, options.mteb_cache, options.device
        )
        scores |= some_scores
        seconds |= some_seconds
    found = {"scores": scores, "texts_embedded": CountingTransformer.n_texts, "seconds": seconds}
    options.output.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
