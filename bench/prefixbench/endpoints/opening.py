"""Getting to know an endpoint: does it answer as it should, and is it what it was?"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from prefixbench.endpoints.meter import Account
from prefixbench.endpoints.proof import PROBE_TEXTS, SAME, Probe, digest, measure_distance
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer, TokenTally
from prefixbench.endpoints.wire import Client
from prefixbench.errors import AuditError, EndpointError
from prefixbench.vectors.embedder import EmbedderIdentity, KnownModel, Vectors


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
    *,
    keep: bool = True,
) -> RemoteEmbedder:
    """Connect, send the drift probe, and tell what the endpoint is.

    The first opening of a model sends a few texts more: whether the same text gets the same vector in another request,
    and how many tokens the endpoint counts for one.

    Args:
        settings: The endpoint.
        cache: Where what was found is remembered.
        account: Where tokens are booked.
        tokenizer: That of the model it is like.
        say: Told of what a reader should know at once.
        keep: Whether what was found is remembered; a change is told until it is.

    Raises:
        EndpointError: It does not answer.
        AuditError: It answers, but not with a vector for each text that is that text's own.
        BudgetError: The probe alone might pass a limit.
    """
    client = connect(settings)
    try:
        embedder = _examine(Probe(client, account), cache, tokenizer, keep=keep)
    except BaseException:
        client.close()
        raise
    if say is not None:
        for note in embedder.known.notes:
            say(note)
    return embedder


def _examine(probe: Probe, cache: Path, tokenizer: LocalTokenizer | None, *, keep: bool) -> RemoteEmbedder:
    settings = probe.client.settings
    bare = settings.backend.bare_side
    first = probe.send((*PROBE_TEXTS, PROBE_TEXTS[0]), bare)
    if (repeat := measure_distance(first[:1], first[3:])) > SAME:
        raise AuditError(
            f"{settings.place} gave one text two vectors in one request (1 − cosine {repeat:.2g}); "
            "scores of such a model mean nothing."
        )
    vectors = first[:3]
    probe.memo = cache / "endpoints" / f"{digest([settings.backend.name, settings.model, probe.build])}.json"
    models = probe.recall()
    found = next((one for one in models if _is_same(one, vectors)), None)
    drift = None
    if found is None:
        drift = _describe_drift(settings, models, vectors)
        found = probe.get_to_know(vectors, bare, tokenizer)
    elif tokenizer is not None and probe.tokens is not None and found.get("counted_by") != settings.like:
        found |= probe.count_again(bare, tokenizer)
    if keep:
        probe.remember(found)
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
    known = KnownModel(
        identity, vectors.shape[1], settings.place, is_role_aware=False, notes=() if drift is None else (drift,)
    )
    tally = TokenTally(**found.get("tally", {}))
    return RemoteEmbedder(known, probe, found, vectors, tokenizer, repeat, tally)


def _describe_drift(settings: EndpointSettings, models: list[dict[str, Any]], vectors: Vectors) -> str | None:
    if not models:
        return None
    last = models[-1]
    before = np.array(last["vectors"], dtype=np.float32)
    if before.shape != vectors.shape:
        how = f"its vectors had {before.shape[1]} numbers and have {vectors.shape[1]} now"
    else:
        how = f"the same text's vector moved by 1 − cosine {measure_distance(before, vectors):.2g}"
    return (
        f"{settings.place} changed {settings.model} under its name since {last['utc'][:10]}: {how}; "
        "nothing embedded before is reused."
    )


def _is_same(known: dict[str, Any], vectors: Vectors) -> bool:
    before = np.array(known["vectors"], dtype=np.float32)
    return before.shape == vectors.shape and measure_distance(before, vectors) <= SAME
