"""The sweep as a value: which models, tasks and conditions, encoded how."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict

from prefixbench.spec.conditions import Condition
from prefixbench.spec.margins import SmallestEffects


class Frozen(BaseModel):
    """Base of the spec's values: immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError(f"must not hold control characters (given: {text[:60]!r})")
    return text


def _check_revision(text: str) -> str:
    if ".." in text or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", text):
        raise ValueError(f"must be a commit, branch or tag (given: {text[:60]!r})")
    return text


Name = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_check_printable)]
Revision = Annotated[str, AfterValidator(_check_revision)]
Whole = Annotated[int, Strict()]
YesNo = Annotated[bool, Strict()]


class Dtype(StrEnum):
    """The precision vectors are computed in; they are stored as float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Engine(StrEnum):
    """What computes the forward pass; ``auto`` takes the fastest that agrees with plain fp32 torch on a probe."""

    AUTO = "auto"
    TORCH = "torch"
    COMPILED = "compiled"
    OPENVINO = "openvino"
    ONNX = "onnx"


class Overwrite(StrEnum):
    """What happens to cells the results folder already holds."""

    NEVER = "never"
    ONLY_MISSING = "only-missing"
    ALWAYS = "always"


def _parse_condition(value: object) -> object:
    return Condition.parse(value) if isinstance(value, str) else value


ConditionField = Annotated[
    Condition,
    BeforeValidator(_parse_condition),
    PlainSerializer(str, return_type=str),
]


class EncoderSettings(Frozen):
    """How texts become vectors. Every field that can change a vector is part of its cache key.

    Attributes:
        device: ``auto`` takes CUDA, then MPS, then the CPU.
        dtype: Precision of the forward pass.
        engine: Implementation of the forward pass.
        batch_tokens: Padded tokens a batch may hold; found by calibration where absent.
        max_seq_length: Tokens kept of prefix and text together; the model's own where absent.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Dtype = Dtype.FLOAT32
    engine: Engine = Engine.AUTO
    batch_tokens: Whole | None = Field(default=None, ge=64, le=100_000_000)
    max_seq_length: Whole | None = Field(default=None, ge=8, le=10_000_000)


class ModelSpec(Frozen):
    """One model of the sweep.

    Attributes:
        name: A hub name (``org/name``), a local folder, the name of an embedded model, or for a model that is called
            ``VENDOR/name`` (``gemini/gemini-embedding-001``), ``mistralrs:org/name``, or its name at the ``endpoint``.
        revision: The commit to load; mteb's registered revision, else the resolved one, where absent.
        dtype: Overrides the sweep's.
        max_seq_length: Overrides the sweep's.
        trust_remote_code: Whether code that the model's repository brings may run.
        like: The model whose card and tokenizer stand for this one's, where it has none of its own.
        endpoint: Where it is called, without credentials.
        backend: The kind of endpoint; ``openai`` where only ``endpoint`` is given.
        api_key_env: The environment variable with the endpoint's key.
        price_per_million_tokens: What a million tokens cost there.
    """

    name: Name
    revision: Revision | None = None
    dtype: Dtype | None = None
    max_seq_length: Whole | None = Field(default=None, ge=8, le=10_000_000)
    trust_remote_code: YesNo = False
    like: Name | None = None
    endpoint: Name | None = None
    backend: Name | None = None
    api_key_env: Name | None = None
    price_per_million_tokens: Annotated[float, Strict()] | None = Field(default=None, ge=0)

    @property
    def documented_as(self) -> str:
        """The name its prefixes are looked up under."""
        return self.like or self.name.removeprefix("mistralrs:")


class TaskSpec(Frozen):
    """One task of the sweep.

    Attributes:
        name: An mteb task, an embedded task, or ``package.module:ClassName`` of a task class of your own.
        subsets: The subsets to run; all where empty.
    """

    name: Name
    subsets: tuple[Name, ...] = ()


def _freeze_columns(value: object) -> object:
    return tuple(value.items()) if isinstance(value, dict) else value


ColumnsField = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_freeze_columns),
    PlainSerializer(dict, return_type=dict[str, str]),
]


class DataSpec(Frozen):
    """Data of the user's own, which become a task.

    Attributes:
        path: A file (JSONL, CSV, TSV or Parquet) or a folder of them, local or ``hf://datasets/ORG/NAME/…``.
        name: The task's name; the file's or folder's own where absent.
        type: mteb's task type; told from the columns where absent.
        languages: As mteb writes them, such as ``deu-Latn``.
        columns: Which column plays which part, such as ``query = "question"``; those left out go by their usual names.
        split: The split that is evaluated, where a folder has several.
    """

    path: str = Field(min_length=1)
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]+$")
    type: str | None = None
    languages: tuple[str, ...] = ("eng-Latn",)
    columns: ColumnsField = ()
    split: str | None = None


CustomName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]


class CustomPrefix(Frozen):
    """A prefix of the user's own, named by the condition ``custom:NAME``."""

    query: str = ""
    document: str = ""


class SweepSpec(Frozen):
    """The whole grid.

    Attributes:
        name: Names the results folder where none is given.
        description: One line for ``--help`` and the report.
        models: What embeds.
        tasks: What is measured; a benchmark's name stands for all its tasks.
        data: What is measured besides: data of the user's own.
        cards: A folder of the user's own prefix cards.
        conditions: The prefixes compared; ``none`` is always added, being the baseline.
        encoder: How texts become vectors.
        custom: The user's own prefixes by name.
        smallest_effect: The smallest difference that matters, points by metric; a bare number is for all.
        limit: Keeps at most this many items a task (queries, pairs, test samples); whole tasks where absent.
        seed: Seeds every random draw of the run.
    """

    name: str = Field(max_length=100, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
    description: str = ""
    models: tuple[ModelSpec, ...] = Field(min_length=1)
    tasks: tuple[TaskSpec, ...] = ()
    data: tuple[DataSpec, ...] = ()
    cards: str | None = Field(default=None, min_length=1)
    conditions: tuple[ConditionField, ...] = Field(min_length=1)
    encoder: EncoderSettings = EncoderSettings()
    custom: dict[CustomName, CustomPrefix] = Field(default_factory=dict)
    smallest_effect: SmallestEffects = Field(default_factory=dict)
    limit: Whole | None = Field(default=None, ge=10, le=1_000_000_000)
    seed: Whole = Field(default=42, ge=0, lt=2**32)
