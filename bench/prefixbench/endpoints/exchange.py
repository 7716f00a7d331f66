"""The requests of one call: side by side, every reply checked and handed on at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.endpoints.wire import Reply, Request, check_reply
from prefixbench.errors import AuditError, EncodeError, EndpointError, PrefixbenchError
from prefixbench.vectors.embedder import Inputs, Vectors

if TYPE_CHECKING:
    from prefixbench.endpoints.remote import RemoteEmbedder

REFUSED = frozenset({400, 413, 422})
"""Answers that may be about one text of many; the request is sent again in halves."""

MOST_REFUSED = 8
"""Texts refused one by one after which no more are tried: it is not about the text."""


@dataclass
class _Job:
    """Texts of one request, by their places in the call, and the parameters they are sent with."""

    places: list[int]
    parameters: tuple[tuple[str, str], ...]
    reserved: tuple[int, float] = (0, 0.0)


class Exchange:
    """The requests of one call."""

    def __init__(self, embedder: RemoteEmbedder, inputs: Inputs) -> None:
        self._embedder = embedder
        self._texts = inputs.sent
        self._bare = tuple(sorted(inputs.side.api_for()))
        backend = embedder.settings.backend
        self._todo = deque(_list_jobs(inputs, self._texts, backend.max_texts, backend.max_characters))
        self._running: dict[Future[Reply], _Job] = {}
        self._refused: list[tuple[int, str]] = []
        self._ended: PrefixbenchError | None = None
        self._at_once = backend.concurrency
        self._added = embedder.count_added(inputs.side)

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
        self._embedder.keep_tally()
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
            self._running[pool.submit(self._embedder.probe.client.send, Request(texts, job.parameters))] = job

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
            vectors, faults = check_reply(reply, Request(texts, job.parameters))
        except AuditError as error:
            self._ended = self._ended or AuditError(f"{self._embedder.settings.place}: {error}")
            return
        self._compare_tokens(texts, job, reply)
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
            halves = job.places[middle:], job.places[:middle]
            self._todo.extendleft(_Job(places, job.parameters) for places in halves)
        else:
            self._ended = self._ended or error

    def _compare_tokens(self, texts: tuple[str, ...], job: _Job, reply: Reply) -> None:
        tokenizer = self._embedder.tokenizer
        if job.parameters != self._bare:
            return  # a title is read along with the text, and nobody knows how
        if tokenizer is not None and reply.prompt_tokens is not None and self._added is not None:
            sent = sum(tokenizer.count(texts)) + self._added * len(texts)
            self._embedder.tally.add(sent, reply.prompt_tokens)

    def _texts_of(self, job: _Job) -> tuple[str, ...]:
        return tuple(self._texts[place] for place in job.places)


def _list_jobs(inputs: Inputs, texts: Sequence[str], max_texts: int, max_characters: int) -> Iterator[_Job]:
    """The requests of a call: texts that share their parameters, in order, as many as one may hold."""
    groups: dict[tuple[tuple[str, str], ...], list[int]] = {}
    for place, parameters in enumerate(inputs.parameters):
        groups.setdefault(tuple(sorted(parameters)), []).append(place)
    for parameters, places in groups.items():
        for chosen in cut_requests([texts[place] for place in places], max_texts, max_characters):
            yield _Job([places[index] for index in chosen], parameters)


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
