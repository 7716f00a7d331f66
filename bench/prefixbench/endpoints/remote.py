"""An endpoint behind the ``Embedder`` contract: requests side by side, every reply checked and handed on at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.endpoints.proof import INERT, PROBE_TEXTS, Probe, describe_side, measure_distance
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.endpoints.tokens import LocalTokenizer
from prefixbench.endpoints.wire import Reply, Request, check_reply
from prefixbench.errors import AuditError, EncodeError, EndpointError, PrefixbenchError
from prefixbench.spec.conditions import Side
from prefixbench.vectors.embedder import Inputs, KnownModel, Vectors

REFUSED = frozenset({400, 413, 422})
"""Answers that may be about one text of many; the request is sent again in halves."""

MOST_REFUSED = 8
"""Texts refused one by one after which no more are tried: it is not about the text."""


@dataclass
class _Job:
    """Texts of one request, by their places in the call."""

    places: list[int]
    reserved: tuple[int, float] = (0, 0.0)


@dataclass
class TokenTally:
    """Tokens as the endpoint counted them and as the local tokenizer does, over the requests where both are known."""

    reported: int = 0
    counted: int = 0
    short_requests: int = 0


@dataclass
class RemoteEmbedder:
    """A served model.

    Attributes:
        known: What it turned out to be.
        probe: Speaks to it, and remembers what was found.
        found: Facts that stay as long as the model does.
        bare_vectors: Of the probe's texts, sent bare, shape ``(3, dim)``.
        tokenizer: That of the model it is like, where its files are at hand.
        repeat_distance: 1 − cosine of one text sent twice.
        tally: Tokens by both counts.
    """

    known: KnownModel
    probe: Probe
    found: dict[str, Any]
    bare_vectors: Vectors
    tokenizer: LocalTokenizer | None = None
    repeat_distance: float = 0.0
    tally: TokenTally = field(default_factory=TokenTally)

    @property
    def settings(self) -> EndpointSettings:
        """Which endpoint."""
        return self.probe.client.settings

    @property
    def hidden_tokens(self) -> int:
        """Tokens the endpoint adds to every text by itself."""
        return int(self.found["hidden_tokens"] or 0)

    @property
    def tokens_used(self) -> int:
        """Tokens the endpoint billed so far."""
        return self.probe.account.tokens

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Put the prefix before each text; what the endpoint makes of it is out of sight.

        Raises:
            InexpressibleError: This kind of endpoint cannot be told the side.
            AuditError: The endpoint puts a prompt of its own before every text.
        """
        self.settings.backend.check_side(side)
        if self.hidden_tokens and not side.api:
            raise AuditError(
                f"{self.settings.place} puts {self.hidden_tokens} tokens of its own before every text of "
                f"{self.settings.model}: nothing can be sent bare, and a prefix would stand behind them. "
                f"See what it does with: prefixbench doctor --endpoint {self.settings.url}"
            )
        return Inputs.of(texts, side, titles)

    def embed(self, inputs: Inputs) -> Vectors:
        """Embed what was read, in its order; see ``Embedder.embed``."""
        vectors = np.empty((len(inputs.texts), self.known.dim), dtype=np.float32)
        for places, block in self.arrive(inputs):
            vectors[places] = block
        return vectors

    def arrive(self, inputs: Inputs) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
        """Vectors the moment they are there, with the places of their texts; each text comes once.

        Raises:
            AuditError: A reply does not belong to its request.
            EndpointError: The endpoint failed after every retry.
            EncodeError: Some texts were refused, or got a NaN; all others have come.
            BudgetError: The next request might pass a limit; all that was paid for has come.
        """
        if not len(inputs.texts):
            return iter(())
        self.prove_lever(inputs.side)
        return _Exchange(self, inputs.sent, inputs.side).run()

    def prove_lever(self, side: Side) -> float:
        """1 − cosine by which a side moves the probe's vectors, as ``measure_lever``.

        Raises:
            AuditError: It moves nothing: the endpoint is deaf to it.
        """
        contrast = self.settings.backend.contrast_of(side)
        distance = self.measure_lever(side)
        if side != contrast and self.is_inert(distance):
            raise AuditError(
                f"inert: {describe_side(side)} and {describe_side(contrast)} give the same vectors of "
                f"{self.settings.model}, {self.settings.place} (1 − cosine {distance:.2g}); "
                "what is measured with it would be nothing."
            )
        return distance

    def measure_lever(self, side: Side) -> float:
        """1 − cosine between the probe's vectors under a side and under its contrast, asked of the endpoint once."""
        contrast = self.settings.backend.contrast_of(side)
        if side == contrast:
            return 0.0
        told = describe_side(side)
        if told not in self.found["levers"]:
            bare = self.settings.backend.bare_side
            against = self.bare_vectors if contrast == bare else self.probe.send(PROBE_TEXTS, contrast)
            self.found["levers"][told] = measure_distance(self.probe.send(PROBE_TEXTS, side), against)
            self.probe.remember(self.found)
        return float(self.found["levers"][told])

    def is_inert(self, distance: float) -> bool:
        """Whether vectors that far apart are the same, for an endpoint that is no more exact than this one."""
        return distance <= max(INERT, 3 * self.repeat_distance)

    def close(self) -> None:
        """Close its connections."""
        self.probe.client.close()


class _Exchange:
    """The requests of one call."""

    def __init__(self, embedder: RemoteEmbedder, texts: list[str], side: Side) -> None:
        self._embedder = embedder
        self._texts = texts
        self._parameters = tuple(sorted(side.api))
        backend = embedder.settings.backend
        self._todo = deque(_Job(places) for places in cut_requests(texts, backend.max_texts, backend.max_characters))
        self._running: dict[Future[Reply], _Job] = {}
        self._refused: list[tuple[int, str]] = []
        self._ended: PrefixbenchError | None = None
        self._at_once = backend.concurrency

    def run(self) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
        """See ``RemoteEmbedder.arrive``; an error is raised only when all that is under way has come."""
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="request") as pool:
            while True:
                self._submit(pool)
                if not self._running:
                    break
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from self._take(future, self._running.pop(future))
        if self._ended is not None:
            raise self._ended
        if self._refused:
            place, why = self._refused[0]
            raise EncodeError(
                f"{len(self._refused)} of {len(self._texts)} texts were refused, all others are stored; "
                f"the first is {self._texts[place][:60]!r}: {why}"
            )

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        # One request waits in the pool for each under way, so that none idles while replies are stored.
        while self._todo and self._ended is None and len(self._running) < 2 * self._at_once:
            texts = self._texts_of(self._todo[0])
            try:
                reserved = self._embedder.probe.account.reserve(texts)
            except PrefixbenchError as error:
                self._ended = error
                return
            job = self._todo.popleft()
            job.reserved = reserved
            self._running[pool.submit(self._embedder.probe.client.send, Request(texts, self._parameters))] = job

    def _take(self, future: Future[Reply], job: _Job) -> Iterator[tuple[NDArray[np.intp], Vectors]]:
        texts = self._texts_of(job)
        try:
            reply = future.result()
        except EndpointError as error:
            self._embedder.probe.account.release(job.reserved)
            self._answer_failure(job, error)
            return
        except AuditError as error:
            self._embedder.probe.account.settle(job.reserved, texts, None)
            self._ended = self._ended or AuditError(f"{self._embedder.settings.place}: {error}")
            return
        self._embedder.probe.account.settle(job.reserved, texts, reply.prompt_tokens)
        try:
            vectors, faults = check_reply(reply, Request(texts, self._parameters))
        except AuditError as error:
            self._ended = self._ended or AuditError(f"{self._embedder.settings.place}: {error}")
            return
        self._compare_tokens(texts, reply)
        self._refused += [(job.places[row], "its vector holds a NaN or an infinite number.") for row in faults]
        sound = [row for row in range(len(texts)) if row not in faults]
        if sound:
            yield np.array([job.places[row] for row in sound], dtype=np.intp), vectors[sound]

    def _answer_failure(self, job: _Job, error: EndpointError) -> None:
        if error.status in REFUSED and len(self._refused) < MOST_REFUSED:
            if len(job.places) == 1:
                self._refused.append((job.places[0], str(error)))
                return
            middle = len(job.places) // 2
            self._todo.extendleft((_Job(job.places[middle:]), _Job(job.places[:middle])))
        else:
            self._ended = self._ended or error

    def _compare_tokens(self, texts: tuple[str, ...], reply: Reply) -> None:
        tokenizer = self._embedder.tokenizer
        if tokenizer is None or reply.prompt_tokens is None:
            return
        counted = sum(tokenizer.count(texts))
        tally = self._embedder.tally
        tally.reported += reply.prompt_tokens
        tally.counted += counted
        tally.short_requests += reply.prompt_tokens < counted

    def _texts_of(self, job: _Job) -> tuple[str, ...]:
        return tuple(self._texts[place] for place in job.places)


def cut_requests(texts: Sequence[str], max_texts: int, max_characters: int) -> list[list[int]]:
    """Places of the texts of each request, in order; a text longer than the limit goes alone."""
    requests: list[list[int]] = []
    room = 0
    for place, text in enumerate(texts):
        if not requests or len(requests[-1]) >= max_texts or len(text) > room:
            requests.append([])
            room = max_characters
        requests[-1].append(place)
        room -= len(text)
    return requests
