"""A whole set of twins: every variant of every seed, over the same batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.starter import locate_model
from prefixbench.twins.config import TwinConfig, Variant
from prefixbench.twins.data import Batch, BatchMaker, draw_batches, load_training_functions
from prefixbench.twins.pairs import draw_pair_batches, load_pairs, split_spec

if TYPE_CHECKING:
    from prefixbench.twins.validate import ValidationScore

Report = Callable[[str], None]


def limit_threads(threads: int | None) -> None:
    """Keep torch to so many CPU threads."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def prepare_batches(
    config: TwinConfig, data: Sequence[str], seeds: Sequence[int], cache: Path | None = None
) -> dict[int, dict[str, list[Batch]]]:
    """The batches of each seed, from the training packages or from the user's own pairs.

    Args:
        config: Every number.
        data: ``TASK=SOURCE`` each; the training packages where empty.
        seeds: Of the draws.
        cache: Folder of the extraction cache.
    """
    optimiser = config.optimiser
    if data:
        rows = {task: load_pairs(source) for task, source in (split_spec(one, config) for one in data)}
        return {seed: draw_pair_batches(dict(rows), optimiser.steps, optimiser.batch_size, seed) for seed in seeds}
    maker = BatchMaker(load_training_functions(config, cache=cache), config.batches, optimiser.batch_size)
    return {seed: draw_batches(maker, list(config.prefixes), optimiser.steps, seed) for seed in seeds}


def split_runs(variant: Variant, batches: Mapping[str, list[Batch]]) -> dict[str, dict[str, list[Batch]]]:
    """What is trained for a variant, by the suffix of its name: one LoRA, or one a task."""
    if variant.has_adapters:
        return {f"/{task}": {task: drawn} for task, drawn in batches.items()}
    return {"": dict(batches)}


def train_twins(
    config: TwinConfig,
    output: Path,
    *,
    variants: Sequence[Variant],
    data: Sequence[str] = (),
    cache: Path | None = None,
    report: Report = lambda _: None,
) -> list[Path]:
    """Train every variant of every seed; twins already trained so are kept, torn runs go on.

    Args:
        config: Every number.
        output: Receives one folder a twin, and checkpoints while they train.
        variants: Which twins.
        data: The user's own pairs, ``TASK=SOURCE`` each.
        cache: Folder of the extraction cache.
        report: Told a line for each twin.

    Returns:
        The twins' folders.

    Raises:
        SpecError: A twin of this name is there, trained by another recipe; before anything is trained.
    """
    from prefixbench.twins.export import name_twin, write_adapter
    from prefixbench.twins.recipe_record import RECIPE, Recipe, check_recipes, write_recipe
    from prefixbench.twins.train import train_twin

    recipe = Recipe.of(config, data)
    twins = [name_twin(variant, seed) for seed in config.seeds for variant in variants]
    check_recipes([output / name for name in twins], recipe)
    batches = prepare_batches(config, data, config.seeds, cache)
    written = []
    for seed in config.seeds:
        for variant in variants:
            runs = split_runs(variant, batches[seed])
            own = config.model_copy(update={"lora": config.lora.share(len(runs))})
            for suffix, shown in runs.items():
                name = name_twin(variant, seed) + suffix
                if (output / name / RECIPE).is_file():
                    report(f"{name}: already trained")
                    written.append(output / name)
                    continue
                report(f"{name}: {sum(map(len, shown.values()))} steps")
                checkpoints = output / "checkpoints" / recipe.digest[:12] / name
                model = train_twin(own, shown, checkpoints, seed=seed, prefixed=variant.sees_prefixes, say=report)
                counts = {task: len(drawn) for task, drawn in shown.items()}
                written.append(write_adapter(model, output, name, own, variant, seed=seed, batches=counts))
                write_recipe(written[-1], recipe)
    return written


def validate_folder(config: TwinConfig, twin: Path | None, cache: Path | None = None) -> list[ValidationScore]:
    """Score a twin, or the base model, on the validation packages.

    Args:
        config: Its prefixes and the validation packages.
        twin: Folder of a trained twin; the base model where absent.
        cache: Folder of the extraction cache.
    """
    from sentence_transformers import SentenceTransformer

    from prefixbench.twins.validate import validate_twin

    model = SentenceTransformer(str(locate_model(config.base) or config.base))
    if twin is not None:
        model.load_adapter(str(twin))

    def encode(texts: Sequence[str], prefix: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.asarray(
            model.encode(list(texts), prompt=prefix, normalize_embeddings=True, batch_size=64, show_progress_bar=False)
        )

    return validate_twin(load_training_functions(config, validation=True, cache=cache), encode, config)
