"""The rows of the ledger. Fields are added, never changed in meaning; ``SCHEMA_VERSION`` counts the additions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from prefixbench.items.table import Statistic
from prefixbench.plain import Name, Sentence
from prefixbench.spec.conditions import Mechanism, PrefixPair, Role
from prefixbench.vectors.embedder import EmbedderIdentity, RoleAudit

SCHEMA_VERSION = 4
"""Its history stands in ``results/README.md``."""


def _check_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text


CellId = Annotated[str, Field(pattern=r"^[\w:+-][\w.:+-]{0,200}$")]
"""Part of a file's name, so no path."""
Time = Annotated[str, AfterValidator(_check_time)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
"""A score in whatever unit; what lies beyond is damage, and would overflow when squared and summed."""


Status = Literal["failed", "skipped", "inert"]
"""Why a cell has no score."""


class Record(BaseModel):
    """Base of all rows: immutable, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Provenance(Record):
    """Enough to say why two numbers differ.

    Attributes:
        git_commit: Of the checkout that ran, ``None`` for an installed wheel.
        git_dirty: Whether tracked files differed from that commit.
        packages: Version by distribution name.
        platform: Operating system, machine and Python.
        device: ``cpu``, ``cuda:0 NVIDIA H100``, ``mps``.
        cpu: Processor name and cores used.
        utc: ISO 8601 time the cell was finished.
        warnings: Deviations worth a reader's notice, such as a package version other than the constraint.
    """

    git_commit: str | None
    git_dirty: bool | None
    packages: dict[str, str]
    platform: Sentence
    device: Sentence
    cpu: Sentence
    utc: Time
    warnings: tuple[Sentence, ...] = ()


class SourceRecord(Record):
    """Where one side's string comes from."""

    layer: Sentence
    citation: Sentence
    certain: bool = True


class Cost(Record):
    """What the cell took. Seconds are wall-clock; texts count what was asked for, not what was embedded.

    Attributes:
        tokens_used: Tokens that went through the model for this cell, as its vendor counts them where there is one.
    """

    seconds_encode: float
    seconds_score: float
    texts_asked: int
    texts_embedded: int
    texts_reused: int
    tokens_used: int | None = None


class GeometrySummary(Record):
    """How the vectors of this cell lie against those of ``none`` (same model, task, role), and in themselves.

    Attributes:
        shift_mean: Mean of 1 − cosine(vector, vector under none).
        overlap_at_10: Mean share of the ten nearest neighbours kept, on a seeded sample.
        shared_offset: Share of the squared movement that is one and the same for all texts (0–1).
        anisotropy: Mean cosine of random pairs.
        n_sampled: Texts the figures rest on.
    """

    role: Literal["query", "document", "text"]
    shift_mean: float
    overlap_at_10: float
    shared_offset: float
    anisotropy: float
    n_sampled: int


class CellResult(Record):
    """One finished cell.

    Attributes:
        conditions: Every name that resolved to these strings.
        main_score: The metric's name; ``score`` is its value in mteb's units (0–1 for most metrics).
        scores: Every scalar mteb reports for this subset and split.
        items_sha256: Of the Parquet file with the per-item scores.
        hits_sha256: Of the Parquet file with each query's best documents; ``None`` where none were kept.
        extras: Small facts of other stages, by name (the two-sentence example, probes).
    """

    kind: Literal["result"] = "result"
    schema_version: int = SCHEMA_VERSION
    cell_id: CellId
    conditions: Annotated[tuple[Name, ...], Field(min_length=1)]
    model: Name
    model_revision: Sentence | None
    mechanism: Mechanism
    task: Name
    task_type: Name
    task_source: Name
    dataset_revision: Sentence
    dataset_sha256: Sentence
    dataset_license: Sentence | None
    hf_subset: Name
    hf_split: Name
    main_score: Name
    score: Number
    scores: dict[Name, float]
    statistic: Statistic
    n_items: int = Field(ge=0)
    items_sha256: str
    hits_sha256: str | None = None
    pair: PrefixPair
    sources: dict[str, SourceRecord]
    audit: tuple[RoleAudit, ...]
    encoder: EmbedderIdentity
    geometry: tuple[GeometrySummary, ...] = ()
    limit: int | None
    seed: int
    scoring_version: int
    cost: Cost
    provenance: Provenance
    notes: tuple[Sentence, ...] = ()

    @model_validator(mode="after")
    def _check_audit(self) -> CellResult:
        """Refuse proof of another prefix than the one that the row says was sent."""
        mixed = () if self.pair.mixture is None else (self.pair.mixture.document.prefix,)
        for one in self.audit:
            role = None if one.role == "text" else Role(one.role)
            sent = (self.pair.side_for(role).prefix, *(mixed if role is Role.DOCUMENT else ()))
            if one.prefix not in sent:
                raise ValueError(f"audit of {one.role} names the prefix {one.prefix!r}, sent was {sent[0]!r}")
        return self


class CellFailure(Record):
    """One cell without a score, and the reason.

    Attributes:
        status: ``skipped`` is by rule (the model cannot express it), ``inert`` says that what is sent moves no vector,
            so that nothing was measured; ``failed`` is everything else.
        error: Class of the exception, for grouping.
    """

    kind: Literal["failure"] = "failure"
    schema_version: int = SCHEMA_VERSION
    cell_id: CellId
    status: Status
    conditions: Annotated[tuple[Name, ...], Field(min_length=1)]
    model: Name
    model_revision: Sentence | None
    task: Name
    task_type: Name
    hf_subset: Name
    hf_split: Name
    reason: Sentence
    error: Sentence
    provenance: Provenance


class ExampleDistance(Record):
    """One question with a paraphrase and an answer: which is nearer?

    Attributes:
        question: The text whose neighbours are compared.
        paraphrase: Another wording of the question.
        answer: A sentence that answers it.
        similarity_paraphrase: Cosine of question and paraphrase.
        similarity_answer: Cosine of question and answer.
    """

    question: Sentence
    paraphrase: Sentence
    answer: Sentence
    similarity_paraphrase: float
    similarity_answer: float


class ProbeRecord(Record):
    """The worked example of one model and condition.

    Attributes:
        task_type: What its sentences were embedded for: ``Retrieval`` (a query against documents) or ``STS``.
    """

    kind: Literal["probe"] = "probe"
    schema_version: int = SCHEMA_VERSION
    model: Name
    model_revision: Sentence | None
    condition: Name
    task_type: Name = "Retrieval"
    pair: PrefixPair
    examples: tuple[ExampleDistance, ...]


class LeverRecord(Record):
    """One way of telling an endpoint the task, tried on the probe's texts.

    Attributes:
        told: What was sent with them.
        against: What its vectors were compared with.
        distance: 1 − cosine by which it moved the text that moved most.
        is_inert: Whether that is nothing.
        tokens_added: Tokens the endpoint adds to a text under it; ``None`` where they are not counted, or not alike.
    """

    told: Sentence
    against: Sentence
    distance: float
    is_inert: bool
    tokens_added: int | None = None


class TokenRecord(Record):
    """Tokens by two counts, over every request since this model was first seen where both are known.

    Attributes:
        requests: Requests counted.
        sent: As the tokenizer of the model it is like counts them, with what the endpoint adds to each text.
        reported: As the endpoint counts them.
        short_requests: Requests of which it counted fewer: it cut a text.
        long_requests: Requests of which it counted more: it added something.
    """

    requests: int = 0
    sent: int = 0
    reported: int = 0
    short_requests: int = 0
    long_requests: int = 0


class EndpointRecord(Record):
    """What the probes of one endpoint found when a sweep called it.

    Attributes:
        place: The endpoint, without credentials.
        build: What it says it ran.
        weights_digest: Over the probe's vectors, which stand for the weights.
        repeat_distance: 1 − cosine of one text sent twice.
        hidden_tokens: Tokens it puts before every text by itself; ``None`` where they could not be counted.
        levers: Each way of telling it the task that the sweep used.
        tokens: Whether it read all that was sent.
        notes: Whether it is another model than it was.
    """

    kind: Literal["endpoint"] = "endpoint"
    schema_version: int = SCHEMA_VERSION
    model: Name
    place: Sentence
    build: Sentence | None
    weights_digest: Sentence
    repeat_distance: float
    hidden_tokens: int | None
    levers: tuple[LeverRecord, ...]
    tokens: TokenRecord
    notes: tuple[Sentence, ...] = ()
    utc: Time
