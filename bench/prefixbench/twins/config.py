"""How twins are trained, as a value read from ``tasks/twins/*.toml``."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from prefixbench.errors import SpecError, UnknownNameError
from prefixbench.faults import list_faults
from prefixbench.spec.data import tasks_folder
from prefixbench.spec.sweep import Frozen


class Variant(StrEnum):
    """What the twins differ in."""

    PREFIXED = "prefixed"
    PLAIN = "plain"
    ADAPTERS = "adapters"
    ADAPTERS_PREFIXED = "adapters+prefix"

    @property
    def sees_prefixes(self) -> bool:
        """Whether texts carry their task's prefix in training."""
        return self in {Variant.PREFIXED, Variant.ADAPTERS_PREFIXED}

    @property
    def has_adapters(self) -> bool:
        """Whether each task trains a LoRA of its own."""
        return self in {Variant.ADAPTERS, Variant.ADAPTERS_PREFIXED}


class Optimiser(Frozen):
    """Steps and their size.

    Attributes:
        steps: Batches, one task each, in turn.
        batch_size: Pairs a batch.
        learning_rate: At its peak; it falls linearly to zero.
        warmup_steps: Over which it rises.
        temperature: Cosines are divided by it before the softmax.
        max_seq_length: Tokens read of a text, prefix included.
        save_every: Steps between checkpoints a run can be resumed from.
    """

    steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    temperature: float = Field(gt=0)
    max_seq_length: int = Field(ge=8)
    save_every: int = Field(ge=1)


class Lora(Frozen):
    """The low-rank update: its rank, its scale, and the linear layers of which blocks it is put on.

    Twins with a LoRA a task share the rank out among them, so that every twin has as many weights.
    """

    rank: int = Field(ge=1)
    alpha: int = Field(ge=1)
    targets: tuple[str, ...] = Field(min_length=1)
    layers: tuple[int, ...] | None = None

    def share(self, n_adapters: int) -> Lora:
        """One of several that together are as large as this one."""
        rank, alpha = (max(1, value // n_adapters) for value in (self.rank, self.alpha))
        return self.model_copy(update={"rank": rank, "alpha": alpha})


TopicNegative = Literal["lookalike", "documentation"]


class Negatives(Frozen):
    """Hard negatives by task; search has the siblings that are in its batch.

    Attributes:
        clustering: ``lookalike``, of another subpackage, where no other task disagrees; or ``documentation``, the
            anchor's own, which is what search wants.
        classification: The same.
        similarity: ``sibling``, of the anchor's module and not linked, which is what clustering wants; or none.
    """

    clustering: TopicNegative = "lookalike"
    classification: TopicNegative = "lookalike"
    similarity: Literal["none", "sibling"] = "none"


class BatchRules(Frozen):
    """What a batch is made of.

    Attributes:
        documentation_words: Words kept of a documentation.
        siblings: Functions of one module that a search or similarity batch holds together, as hard negatives.
        code_share: Share (0–1) of search batches whose positives are source code instead of documentation.
        least_per_subpackage: Fewest functions of a subpackage that clustering draws from.
        lookalikes: How many of the lexically nearest functions may serve as a hard negative from another subpackage.
        negatives: What each task pushes away besides the rest of the batch.
    """

    documentation_words: int = Field(ge=5)
    siblings: int = Field(ge=1)
    code_share: float = Field(default=0.0, ge=0, le=1)
    least_per_subpackage: int = Field(ge=2)
    lookalikes: int = Field(ge=1)
    negatives: Negatives = Field(default=Negatives())


class TaskPrefixes(Frozen):
    """The prefix of a task's anchors, and that of what they are compared with."""

    anchor: str
    other: str


class TwinConfig(Frozen):
    """One set of twins.

    Attributes:
        name: Names the output folder.
        base: The model they start from.
        seeds: Each trains one of every variant.
        validation_packages: Training packages kept out of training, on which recipes are compared.
        prefixes: By task; the tasks take turns in this order.
    """

    name: str
    base: str
    seeds: tuple[int, ...] = Field(min_length=1)
    validation_packages: tuple[str, ...] = ()
    optimiser: Optimiser
    lora: Lora
    batches: BatchRules
    prefixes: dict[str, TaskPrefixes] = Field(min_length=1)

    def override(self, *, seeds: tuple[int, ...] | None = None, steps: int | None = None) -> TwinConfig:
        """The same with other seeds or steps."""
        optimiser = self.optimiser if steps is None else self.optimiser.model_copy(update={"steps": steps})
        return self.model_copy(update={"optimiser": optimiser, "seeds": seeds or self.seeds})

    def prompts(self) -> dict[str, str]:
        """The prefixes under the names sentence-transformers' config gives them."""
        found = {"query": "", "document": ""}
        for task, pair in self.prefixes.items():
            found |= {"query": pair.anchor, "document": pair.other} if task == "search" else {task: pair.anchor}
        return found


def load_twin_config(path: Path | None = None) -> TwinConfig:
    """Read a configuration; the starter's where no path is given.

    Raises:
        SpecError: The file cannot be read, or fields are missing, unknown or out of range; every fault with its place.
    """
    path = path or tasks_folder() / "twins" / "starter.toml"
    try:
        return TwinConfig.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SpecError(f"{path} cannot be read: {error}.") from error
    except ValidationError as error:
        raise SpecError([f"{path}: {fault.write('twins')}" for fault in list_faults(error, TwinConfig)]) from error


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """Read ``1,2,3``.

    Raises:
        SpecError: A part is no whole number.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise SpecError(f"--seeds {text}: whole numbers separated by commas, as in 1,2,3.")
    return tuple(int(part) for part in parts)


def parse_variants(text: str) -> tuple[Variant, ...]:
    """Read ``prefixed,plain``.

    Raises:
        UnknownNameError: A part names no variant.
    """
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if name not in Variant.__members__.values():
            raise UnknownNameError("variant", name, [variant.value for variant in Variant], "--variants")
    return tuple(Variant(name) for name in names)
