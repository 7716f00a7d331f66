"""Probes of an endpoint: is it what it was, does it answer for the texts sent, does its lever move anything?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from prefixbench.endpoints.meter import Account
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.endpoints.wire import Client, Request, check_reply
from prefixbench.errors import AuditError, EndpointError
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import Vectors

PROBE_TEXTS = (
    "The harbour master counted the boats before the storm.",
    "Which river is the longest?",
    "A recipe for bread with seeds, to be baked slowly in a hot oven and eaten the next morning.",
)
"""Sent at every opening, so that a model changed under its name is noticed."""

SAME = 1e-3
"""1 − cosine below which two vectors of one text are the same: arithmetic in 16 bits stays well below, another model
does not."""

INERT = 1e-5
"""1 − cosine below which a lever moves nothing, where the endpoint gives one text the same vector each time."""


@dataclass
class Probe:
    """Sends probe texts, booked like any others, and remembers what was found.

    Attributes:
        client: Speaks to the endpoint.
        account: Where tokens are booked.
        memo: Where what was found of this model is kept.
        build: What the endpoint last said it ran.
        tokens: What the endpoint last counted.
    """

    client: Client
    account: Account
    memo: Path = field(default=Path())
    build: str | None = None
    tokens: int | None = None

    @property
    def place(self) -> str:
        """The endpoint in a sentence."""
        return self.client.settings.place

    def send(self, texts: tuple[str, ...], side: Side) -> Vectors:
        """Vectors of texts sent with a side, shape ``(n_texts, dim)``.

        Raises:
            AuditError: The reply does not belong to the texts.
        """
        request = Request(tuple(side.prefix_for() + text for text in texts), tuple(sorted(side.api_for())))
        reserved = self.account.reserve(request.texts)
        try:
            reply = self.client.send(request)
            self.account.settle(reserved, request.texts, reply.prompt_tokens)
            vectors, faults = check_reply(reply, request)
        except EndpointError:
            self.account.release(reserved)
            raise
        except AuditError as error:
            raise AuditError(f"{self.place}: {error}") from None
        self.build, self.tokens = reply.build, reply.prompt_tokens
        if faults or not vectors.any(axis=1).all():
            raise AuditError(f"{self.place} gave a text a vector that holds a NaN, or nothing but zeros.")
        return vectors

    def recall(self) -> list[dict[str, Any]]:
        """Every model seen under this name, the last seen at the end."""
        models: list[dict[str, Any]] = read_memo(self.memo).get("models", [])
        return models

    def remember(self, found: dict[str, Any]) -> None:
        """Keep what was found of the model that answers now."""
        others = [one for one in self.recall() if one["fingerprint"] != found["fingerprint"]]
        write_memo(self.memo, {"models": [*others, found]})

    def get_to_know(self, vectors: Vectors, bare: Side, tokenizer: LocalTokenizer | None) -> dict[str, Any]:
        """Facts that stay as long as the model does; sends two texts alone.

        Args:
            vectors: Of ``PROBE_TEXTS``, sent together.
            bare: The side they were sent with.
            tokenizer: That of the model it is like.

        Raises:
            AuditError: A text has another vector alone than among others.
        """
        extra: list[int] = []
        for row in (0, 2):
            alone = self.send(PROBE_TEXTS[row : row + 1], bare)
            if (distance := measure_distance(alone, vectors[row : row + 1])) > SAME:
                raise AuditError(
                    f"{self.place} gives a text another vector alone than among others (1 − cosine {distance:.2g}): "
                    "the vectors of a request are out of order, or depend on their neighbours."
                )
            if tokenizer is not None and self.tokens is not None:
                extra.append(self.tokens - tokenizer.count(PROBE_TEXTS[row : row + 1])[0])
        name = [self.client.settings.backend.name, self.client.settings.model, vectors.tolist()]
        return {
            "fingerprint": digest(name),
            "vectors": vectors.tolist(),
            "levers": {},
            "lever_tokens": {},
            **_describe_extra(extra, self.client.settings.like),
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def count_extra(self, sent: tuple[str, ...], tokenizer: LocalTokenizer | None) -> int | None:
        """Tokens that the endpoint, by its own last count, added to each of these texts; ``None`` where none can tell.

        Args:
            sent: The texts of the last request, prefixes included.
            tokenizer: That of the model it is like.
        """
        if tokenizer is None or self.tokens is None:
            return None
        extra, rest = divmod(self.tokens - sum(tokenizer.count(sent)), len(sent))
        return None if rest else extra

    def count_again(self, bare: Side, tokenizer: LocalTokenizer) -> dict[str, Any]:
        """What the endpoint adds to a text by the count of a tokenizer that was not at hand before; sends two texts."""
        extra = []
        for row in (0, 2):
            self.send(PROBE_TEXTS[row : row + 1], bare)
            if self.tokens is not None:
                extra.append(self.tokens - tokenizer.count(PROBE_TEXTS[row : row + 1])[0])
        return {**_describe_extra(extra, self.client.settings.like), "lever_tokens": {}}


def _describe_extra(extra: list[int], like: str) -> dict[str, Any]:
    """What is kept of tokens counted beyond those sent, text by text."""
    # A prompt adds the same number to every text; an endpoint that leaves special tokens uncounted takes some away;
    # another tokenizer than its own gives numbers that differ, which say nothing.
    alike = extra[0] if len(set(extra)) == 1 else None
    hidden = None if not extra else max(0, alike or 0)
    return {"extra_tokens": alike, "hidden_tokens": hidden, "counted_by": like if extra else None}


def measure_distance(one: Vectors, other: Vectors) -> float:
    """The largest 1 − cosine of rows that belong together; at least 0."""
    dots = np.einsum("ij,ij->i", one, other, dtype=np.float64)
    lengths = np.linalg.norm(one.astype(np.float64), axis=1) * np.linalg.norm(other.astype(np.float64), axis=1)
    return max(0.0, float((1.0 - dots / lengths).max()))


def describe_side(side: Side) -> str:
    """What a side sends, in a sentence."""
    parts = [f"the prefix {side.prefix!r}"] if side.prefix else []
    return " and ".join([*parts, *(f"{name}={value}" for name, value in side.api_for())]) or "nothing"


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """sha256 of a JSON value, as 64 hex digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
