"""Getting to know an endpoint: does it answer as it should, is it what it was, does it add a prompt of its own?"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from prefixbench.endpoints.meter import Account
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.endpoints.wire import Client, Request, check_reply
from prefixbench.errors import AuditError, EndpointError
from prefixbench.files import read_memo, write_memo
from prefixbench.vectors.embedder import EmbedderIdentity, KnownModel, Vectors

PROBE_TEXTS = (
    "The harbour master counted the boats before the storm.",
    "Which river is the longest?",
    "A recipe for bread with seeds, to be baked slowly in a hot oven and eaten the next morning.",
)
"""Sent at every opening, so that a model changed under its name is noticed."""

SAME = 1e-3
"""1 − cosine below which two vectors of one text are the same: arithmetic in 16 bits stays well below, another model
does not."""


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What the probes found; kept with the results.

    Attributes:
        backend: The kind of endpoint.
        url: Where it is; ``None`` for one in this process.
        served_model: The model's name there.
        like: Whose strings and tokenizer were taken.
        build: What the endpoint says it ran.
        fingerprint: Digest that stands for the model's weights; another one when the probe's vectors change.
        repeat_distance: 1 − cosine of the same text sent twice.
        hidden_tokens: Tokens the endpoint adds to every text; ``None`` where it cannot be told.
        normalised: Whether vectors have length 1.
        drift: A sentence where the model changed under its name since it was last asked.
    """

    backend: str
    url: str | None
    served_model: str
    like: str
    build: str | None
    fingerprint: str
    repeat_distance: float
    hidden_tokens: int | None
    normalised: bool
    drift: str | None = None


def connect(settings: EndpointSettings) -> Client:
    """The client of an endpoint.

    Raises:
        EndpointError: Its SDK is not installed, or its key is not set.
    """
    backend = settings.backend
    try:
        module = importlib.import_module(f"prefixbench.endpoints.{backend.module}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("prefixbench"):
            raise
        raise EndpointError(
            f"{settings.model}: {backend.name} needs the package {error.name}; "
            f"pip install 'prefixbench[{backend.extra}]'."
        ) from None
    client: Client = module.connect(settings)
    return client


def open_endpoint(
    settings: EndpointSettings,
    cache: Path,
    account: Account,
    tokenizer: LocalTokenizer | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[RemoteEmbedder, EndpointFacts]:
    """Connect, send the drift probe, and tell what the endpoint is.

    The first opening of a model sends a few texts more: whether the same text gets the same vector in another request,
    and how many tokens the endpoint counts for one.

    Args:
        settings: The endpoint.
        cache: Where what was found is remembered.
        account: Where tokens are booked.
        tokenizer: That of the model it is like.
        say: Told of what a reader should know at once.

    Raises:
        EndpointError: It does not answer.
        AuditError: It answers, but not with a vector for each text that is that text's own.
        BudgetError: The probe alone might pass a limit.
    """
    client = connect(settings)
    try:
        return _examine(_Probe(settings, client, account), cache, tokenizer, say)
    except BaseException:
        client.close()
        raise


def _examine(
    probe: _Probe, cache: Path, tokenizer: LocalTokenizer | None, say: Callable[[str], None] | None
) -> tuple[RemoteEmbedder, EndpointFacts]:
    settings = probe.settings
    first = probe.send((*PROBE_TEXTS, PROBE_TEXTS[0]))
    repeat = _distance(first[:1], first[3:])
    if repeat > SAME:
        raise AuditError(
            f"{settings.place} gave one text two vectors in one request (1 − cosine {repeat:.2g}); "
            "scores of such a model mean nothing."
        )
    vectors = first[:3]
    memo = cache / "endpoints" / f"{_digest([settings.backend.name, settings.model, probe.build])}.json"
    models: list[dict[str, Any]] = read_memo(memo).get("models", [])
    found = next((one for one in models if _is_same(one, vectors)), None)
    drift = None
    if found is None:
        drift = _describe_drift(settings, models, vectors)
        found = _get_to_know(probe, vectors, tokenizer)
    write_memo(memo, {"models": [*(one for one in models if one is not found), found]})
    facts = EndpointFacts(
        backend=settings.backend.name,
        url=settings.url,
        served_model=settings.model,
        like=settings.like,
        build=probe.build,
        fingerprint=found["fingerprint"],
        repeat_distance=repeat,
        hidden_tokens=found["hidden_tokens"],
        normalised=bool(np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)),
        drift=drift,
    )
    if drift and say is not None:
        say(drift)
    identity = EmbedderIdentity(
        model=settings.model,
        revision=probe.build,
        weights_digest=found["fingerprint"],
        max_seq_length=0,
        pooling=settings.backend.name,
        dtype="served",
        engine=settings.place,
        device="service",
    )
    notes = tuple(filter(None, (drift,)))
    known = KnownModel(identity, vectors.shape[1], settings.place, is_role_aware=False, notes=notes)
    embedder = RemoteEmbedder(settings, probe.client, known, probe.account, tokenizer, found["hidden_tokens"] or 0)
    return embedder, facts


@dataclass
class _Probe:
    """Sends probe texts, booked like any others."""

    settings: EndpointSettings
    client: Client
    account: Account
    build: str | None = None
    tokens: int | None = None

    def send(self, texts: tuple[str, ...]) -> Vectors:
        backend = self.settings.backend
        parameters = backend.bare or tuple((name, values[-1]) for name, values in backend.parameters.items() if values)
        request = Request(texts, parameters if backend.needs_parameter or backend.bare else ())
        reserved = self.account.reserve(texts)
        try:
            reply = self.client.send(request)
            self.account.settle(reserved, texts, reply.prompt_tokens)
            vectors, faults = check_reply(reply, request)
        except EndpointError:
            self.account.release(reserved)
            raise
        except AuditError as error:
            raise AuditError(f"{self.settings.place}: {error}") from None
        self.build, self.tokens = reply.build, reply.prompt_tokens
        if faults:
            row, why = next(iter(faults.items()))
            raise AuditError(f"{self.settings.place}: the vector of {texts[row]!r} {why}.")
        return vectors


def _get_to_know(probe: _Probe, vectors: Vectors, tokenizer: LocalTokenizer | None) -> dict[str, Any]:
    """Facts that stay as long as the model does."""
    extra: list[int] = []
    for place in (0, 2):
        text = PROBE_TEXTS[place]
        alone = probe.send((text,))
        if (distance := _distance(alone, vectors[place : place + 1])) > SAME:
            raise AuditError(
                f"{probe.settings.place} gives a text another vector alone than among others (1 − cosine "
                f"{distance:.2g}): the vectors of a request are out of order, or depend on their neighbours."
            )
        if tokenizer is not None and probe.tokens is not None:
            extra.append(probe.tokens - tokenizer.count([text])[0])
    # A prompt adds the same number to every text; one that leaves special tokens uncounted takes some away.
    hidden = None if not extra else max(0, extra[0]) if len(set(extra)) == 1 else 0
    return {
        "fingerprint": _digest([probe.settings.backend.name, probe.settings.model, vectors.tolist()]),
        "vectors": vectors.tolist(),
        "hidden_tokens": hidden,
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _describe_drift(settings: EndpointSettings, models: list[dict[str, Any]], vectors: Vectors) -> str | None:
    if not models:
        return None
    last = models[-1]
    before = np.array(last["vectors"], dtype=np.float32)
    if before.shape != vectors.shape:
        how = f"its vectors had {before.shape[1]} numbers and have {vectors.shape[1]} now"
    else:
        how = f"the same text's vector moved by 1 − cosine {_distance(before, vectors):.2g}"
    return (
        f"{settings.place} changed {settings.model} under its name since {last['utc'][:10]}: {how}; "
        "nothing embedded before is reused."
    )


def _is_same(known: dict[str, Any], vectors: Vectors) -> bool:
    before = np.array(known["vectors"], dtype=np.float32)
    return before.shape == vectors.shape and _distance(before, vectors) <= SAME


def _distance(one: Vectors, other: Vectors) -> float:
    """The largest 1 − cosine of rows that belong together."""
    dots = np.einsum("ij,ij->i", one, other, dtype=np.float64)
    lengths = np.linalg.norm(one.astype(np.float64), axis=1) * np.linalg.norm(other.astype(np.float64), axis=1)
    return float((1.0 - dots / lengths).max())


def _digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
