"""Cells: one model × prefixes × task × subset × split, and the identity that makes a sweep resumable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from prefixbench.prefixes.sources import SideSource
from prefixbench.spec.conditions import Condition, Mechanism, PrefixPair
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.spec.tasks import TaskFacts

SCORING_VERSION = 1
"""Raised whenever a change of ours could change a score; cells of another version are never mixed."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is computed once and scored once.

    Attributes:
        model: The model, with its revision pinned.
        conditions: Every condition that resolved to these strings; more than one means they are the same by rule.
        task: The task's facts.
        hf_subset: mteb's subset.
        hf_split: mteb's split.
        pair: Exactly what each role sends.
        mechanism: How the model takes it.
        sources: Where the query's and the document's string come from.
        settings: How texts become vectors.
        limit: Items kept, or ``None`` for all.
        seed: The run's seed.
    """

    model: ModelSpec
    conditions: tuple[Condition, ...]
    task: TaskFacts
    hf_subset: str
    hf_split: str
    pair: PrefixPair
    mechanism: Mechanism
    settings: EncoderSettings
    sources: tuple[SideSource, SideSource]
    limit: int | None = None
    seed: int = 42
    notes: tuple[str, ...] = field(default=())

    @property
    def cell_id(self) -> str:
        """Sixteen hex digits over everything that can change a score; names and sources of strings do not count."""
        identity = {
            "model": _identify(self.model),
            "task": self.task.name,
            "dataset_revision": self.task.dataset_revision,
            "subset": self.hf_subset,
            "split": self.hf_split,
            "pair": _identify_pair(self.pair),
            "dtype": self.settings.dtype,
            "max_seq_length": self.settings.max_seq_length,
            "limit": self.limit,
            "seed": self.seed,
            "scoring": SCORING_VERSION,
        }
        encoded = json.dumps(identity, sort_keys=True, ensure_ascii=True, allow_nan=False).encode()
        return hashlib.blake2b(encoded, digest_size=8).hexdigest()


def _identify_pair(pair: PrefixPair) -> dict[str, Any]:
    """Return its fields; a pair without a mixture has the identity it had before there were mixtures."""
    fields = asdict(pair)
    if pair.mixture is None:
        del fields["mixture"]
    return fields


def _identify(model: ModelSpec) -> dict[str, object]:
    """What of a model can change a score; where and at what price it is called cannot, and its strings are known."""
    identity = model.model_dump(
        mode="json", exclude={"endpoint", "api_key_env", "price_per_million_tokens", "like", "backend"}
    )
    return identity if model.backend is None else {**identity, "backend": model.backend}


@dataclass(frozen=True, slots=True)
class UnplannedCell:
    """A condition that cannot be run for this model and task, with the sentence that says why.

    Attributes:
        status: ``skipped`` where the model cannot express the condition, ``failed`` where its prefix is not known.
    """

    model: ModelSpec
    condition: Condition
    task: TaskFacts
    hf_subset: str
    hf_split: str
    status: Literal["skipped", "failed"]
    reason: str

    @property
    def cell_id(self) -> str:
        """Sixteen hex digits over what was asked for."""
        asked = [
            self.model.name,
            self.model.revision,
            str(self.condition),
            self.task.name,
            self.hf_subset,
            self.hf_split,
        ]
        return hashlib.blake2b(json.dumps(asked).encode(), digest_size=8).hexdigest()
