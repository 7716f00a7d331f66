"""One twin: sentence-transformers' trainer and a LoRA on the base model, over batches drawn beforehand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict
from peft import LoraConfig, TaskType
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.utils.data import SequentialSampler
from transformers import (
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from prefixbench.starter import locate_model
from prefixbench.twins.config import TaskPrefixes, TwinConfig
from prefixbench.twins.data import Batch

NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def load_base(config: TwinConfig) -> SentenceTransformer:
    """The base model without dropout, reading as many tokens as training does."""
    folder = locate_model(config.base)
    model = SentenceTransformer(str(folder or config.base), config_kwargs=NO_DROPOUT)
    model.max_seq_length = config.optimiser.max_seq_length
    return model


def make_columns(batches: Sequence[Batch]) -> Dataset:
    """Rows of all batches, one after the other; the negative's column only where the task has negatives."""
    rows = [row for batch in batches for row in batch]
    columns = {"anchor": [row.anchor for row in rows], "positive": [row.positive for row in rows]}
    negatives = [row.negative for row in rows if row.negative is not None]
    if negatives:
        columns["negative"] = negatives
    return Dataset.from_dict(columns)


def make_prompts(prefixes: Mapping[str, TaskPrefixes]) -> dict[str, dict[str, str]]:
    """What the trainer puts before each column, by task."""
    return {
        task: {"anchor": pair.anchor, "positive": pair.other, "negative": pair.other} for task, pair in prefixes.items()
    }


def keep_order(dataset: Dataset, batch_size: int, drop_last: bool, **_: Any) -> DefaultBatchSampler:  # noqa: ANN401 — the trainer's own signature
    """Batches exactly as they were drawn: both twins see the same ones in the same order."""
    return DefaultBatchSampler(SequentialSampler(dataset), batch_size=batch_size, drop_last=drop_last)


def describe_arguments(
    config: TwinConfig, folder: Path, seed: int, prompts: dict[str, dict[str, str]] | None, steps: int
) -> SentenceTransformerTrainingArguments:
    """The trainer's arguments; the trainer picks the device. A LoRA of one task takes that task's share of steps."""
    optimiser = config.optimiser
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=optimiser.batch_size,
        learning_rate=optimiser.learning_rate,
        warmup_steps=round(optimiser.warmup_steps * steps / optimiser.steps),
        lr_scheduler_type="linear",
        weight_decay=0.0,
        batch_sampler=keep_order,
        multi_dataset_batch_sampler="round_robin",
        prompts=prompts,
        save_steps=optimiser.save_every,
        save_total_limit=1,
        logging_steps=min(20, steps),
        report_to="none",
        seed=seed,
        data_seed=seed,
        disable_tqdm=True,
    )


def find_last_checkpoint(folder: Path) -> str | None:
    """The checkpoint with the most steps, where there is any."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return str(found[-1]) if found else None


class SayProgress(TrainerCallback):
    """Tells where training is at every logged step.

    Args:
        say: Told a line.
        name: The twin's.
    """

    def __init__(self, say: Callable[[str], None], name: str) -> None:
        self.say, self.name = say, name
        self.started, self.first = time.monotonic(), 0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:  # noqa: ANN401 — the trainer's own signature
        """A resumed run has steps behind it."""
        self.started, self.first = time.monotonic(), state.global_step

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **_: Any,  # noqa: ANN401 — the trainer's own signature
    ) -> None:
        """Step, loss and the time left at the rate so far."""
        if logs is None or "loss" not in logs:
            return
        rate = (time.monotonic() - self.started) / max(1, state.global_step - self.first)
        left = timedelta(seconds=round(rate * (state.max_steps - state.global_step)))
        loss = float(logs["loss"])
        self.say(f"{self.name}: step {state.global_step} of {state.max_steps}, loss {loss:.3f}, {left} left")


def train_twin(
    config: TwinConfig,
    batches: Mapping[str, Sequence[Batch]],
    folder: Path,
    *,
    seed: int,
    prefixed: bool,
    say: Callable[[str], None] = lambda _: None,
) -> SentenceTransformer:
    """Train one LoRA, from the last checkpoint in the folder where there is one.

    Args:
        config: Every number.
        batches: By task; tasks take turns in this order.
        folder: Holds checkpoints.
        seed: Of the LoRA's first weights.
        prefixed: Whether texts carry their task's prefix.
        say: Told a line every few steps.

    Returns:
        The model with its adapter.
    """
    set_seed(seed)
    model = load_base(config)
    lora = config.lora
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=list(lora.targets),
            layers_to_transform=None if lora.layers is None else list(lora.layers),
        )
    )
    prompts = make_prompts({task: config.prefixes[task] for task in batches}) if prefixed else None
    trainer = SentenceTransformerTrainer(
        model=model,
        args=describe_arguments(config, folder, seed, prompts, sum(map(len, batches.values()))),
        train_dataset=DatasetDict({task: make_columns(drawn) for task, drawn in batches.items()}),
        loss=MultipleNegativesRankingLoss(model, scale=1 / config.optimiser.temperature),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(SayProgress(say, folder.name))
    trainer.train(resume_from_checkpoint=find_last_checkpoint(folder))
    return model
