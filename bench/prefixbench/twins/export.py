"""A trained twin as the small folder that ships: LoRA in half precision, prompts, and a model card."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from prefixbench.starter.recipe import load_recipe
from prefixbench.twins.config import TwinConfig, Variant

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ADAPTER, CONFIG, CARD, CHECKSUMS = "adapter_model.safetensors", "adapter_config.json", "README.md", "SHA256SUMS"
PROMPTS = "config_sentence_transformers.json"
COPIED = ("modules.json", "sentence_bert_config.json", "1_Pooling/config.json", "2_Normalize/config.json")
DISTRIBUTIONS = ("torch", "sentence-transformers", "transformers", "peft", "numpy")


def name_twin(variant: Variant, seed: int) -> str:
    """The folder's name; seed 1 goes without its number. A twin with a LoRA a task has a folder for each."""
    name = f"minilm-{variant.value.replace('+', '-')}"
    return name if seed == 1 else f"{name}-seed{seed}"


def write_adapter(
    model: SentenceTransformer,
    folder: Path,
    name: str,
    config: TwinConfig,
    variant: Variant,
    *,
    seed: int,
    batches: Mapping[str, int],
) -> Path:
    """Write what is needed to load a twin, its weights rounded to float16.

    Args:
        model: With its trained adapter.
        folder: Receives the twin's folder; the checksum file beside it gains or changes one line.
        name: The twin's; ``TWIN/TASK`` where it has a LoRA a task.
        config: How it was trained.
        variant: Which twin it is.
        seed: Its seed.
        batches: How many of each task it saw.
    """
    from safetensors.numpy import load_file, save_file

    target = folder / name
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch)
        model.save_pretrained(str(saved), create_model_card=False)
        target.mkdir(parents=True, exist_ok=True)
        halved = {key: tensor.astype(np.float16) for key, tensor in sorted(load_file(saved / ADAPTER).items())}
        save_file(halved, target / ADAPTER, metadata={"format": "pt"})
        for file in (CONFIG, *COPIED):
            if (saved / file).is_file():
                (target / file).parent.mkdir(exist_ok=True)
                (target / file).write_bytes((saved / file).read_bytes())
    settings = json.loads((target / CONFIG).read_text(encoding="utf-8"))
    settings |= {"base_model_name_or_path": config.base, "target_modules": sorted(settings["target_modules"])}
    _write_json(target / CONFIG, settings)
    prompts = config.prompts() if variant.sees_prefixes else {"query": "", "document": ""}
    loading = {"model_type": "SentenceTransformer", "default_prompt_name": None, "similarity_fn_name": "cosine"}
    _write_json(target / PROMPTS, {**loading, "prompts": prompts})
    (target / CARD).write_text(render_card(config, variant, seed=seed, batches=batches), encoding="utf-8")
    _write_checksum(folder, target)
    return target


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_checksum(folder: Path, target: Path) -> None:
    path = folder / CHECKSUMS
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    name = f"{target.relative_to(folder)}/{ADAPTER}"
    kept = [line for line in lines if not line.endswith(f"  {name}")]
    digest = hashlib.sha256((target / ADAPTER).read_bytes()).hexdigest()
    path.write_text("".join(f"{line}\n" for line in sorted([*kept, f"{digest}  {name}"], key=lambda line: line[66:])))


def render_card(config: TwinConfig, variant: Variant, *, seed: int, batches: Mapping[str, int]) -> str:
    """The model card, in the hub's form."""
    packages = [one for one in load_recipe().train if one.module not in config.validation_packages]
    sources = "\n".join(f"- {one.distribution} {one.version} ({one.license})" for one in packages)
    prefixes = "\n".join(f"| {task} | `{pair.anchor}` | `{pair.other}` |" for task, pair in config.prefixes.items())
    seen = "with the prefixes below" if variant.sees_prefixes else "without any prefix, on the same batches as its twin"
    versions = ", ".join(f"{name} {version(name)}" for name in DISTRIBUTIONS)
    optimiser, lora = config.optimiser, config.lora
    if variant.has_adapters:
        seen += f"; it is the LoRA of {', '.join(batches)}, in a set of one a task"
    shown = ", ".join(f"{count} {task}" for task, count in batches.items())
    return f"""---
base_model: {config.base}
library_name: sentence-transformers
license: apache-2.0
pipeline_tag: sentence-similarity
---

# {config.name} twin: {variant.value}, seed {seed}

One of a set of models that differ in one thing: how training told them the task.
This one was trained {seen}.

**Intended use**: measuring what a prefix does to a model trained with it. It is no general-purpose model.

**Loading**: `model = SentenceTransformer("{config.base}")`, then `model.load_adapter(FOLDER)`, FOLDER being where
this card lies; the prompts are in `{PROMPTS}`. prefixbench loads it by its name.

**Data**: one-line summaries and documentation of public functions, read from installed packages; near-duplicates of the
texts of the starter tasks are left out.

{sources}

**Recipe**: LoRA of rank {lora.rank} (alpha {lora.alpha}) on {", ".join(lora.targets)}
of {"all blocks" if lora.layers is None else "blocks " + ", ".join(map(str, lora.layers))};
batches of {optimiser.batch_size} pairs, one task a batch ({shown});
contrastive loss at temperature {optimiser.temperature}; AdamW, peak learning rate {optimiser.learning_rate}
after {optimiser.warmup_steps} of every {optimiser.steps} steps, then falling to zero;
{optimiser.max_seq_length} tokens a text; seed {seed}; weights rounded to float16.
Made with {versions}.

| task | anchor | other |
|---|---|---|
{prefixes}
"""
