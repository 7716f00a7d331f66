"""Embedders over a store: one that embeds only what is missing, one that never embeds."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from prefixbench.encode.alike import FirstAlike, digest_tokens
from prefixbench.encode.audit import N_SAMPLES, RoleCount, audit_role, check_not_inert
from prefixbench.encode.request import Request
from prefixbench.encode.writer import Writer, shorten
from prefixbench.errors import CacheError
from prefixbench.spec.conditions import Side
from prefixbench.vectors import VectorStore
from prefixbench.vectors.embedder import find_arrive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from prefixbench.encode.audit_memo import AuditMemo
    from prefixbench.spec.conditions import Role
    from prefixbench.vectors.embedder import Embedder, EmbedderIdentity, Inputs, RoleAudit, Vectors

FIRST_WINDOW, WINDOW_TEXTS = 256, 4096
"""Texts read at once, at first and at most; their token ids are all that is held ahead of the forward pass."""


SORTED_TEXTS = 1 << 18
"""Texts that are brought into the order of their lengths at once."""


@dataclass(frozen=True, slots=True)
class TextCounts:
    """What was asked of an embedder since it was made.

    Attributes:
        texts_asked: Vectors handed out, repeats counted.
        texts_embedded: Distinct inputs that went through the model.
    """

    texts_asked: int = 0
    texts_embedded: int = 0

    @property
    def texts_reused(self) -> int:
        """Vectors handed out without the model's doing."""
        return max(0, self.texts_asked - self.texts_embedded)


class CachedEmbedder:
    """An embedder that embeds each distinct (prefix, text) pair once, ever, and keeps it in the store.

    Texts of one call that the model cannot tell apart are embedded once, and share their vector to the last bit.

    Args:
        embedder: The model.
        store: Where vectors are kept.
        progress: Called with texts embedded and texts to embed since it was last called: once before the first chunk of
            a request, and after each chunk.
        memo: Where audits are remembered; nowhere where absent.
    """

    def __init__(
        self,
        embedder: Embedder,
        store: VectorStore,
        progress: Callable[[int, int], None] | None = None,
        memo: AuditMemo | None = None,
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._progress = progress
        self._memo = memo
        self._asked = self._embedded = 0

    @property
    def counts(self) -> TextCounts:
        """Texts asked for, embedded and reused so far."""
        return TextCounts(self._asked, self._embedded)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The vector of each text, in order, shape ``(n_texts, dim)``.

        Raises:
            AuditError: A vector holds a NaN or an infinite number; names the text.
            CacheError: The store cannot be written to, or does not give back what was written.
        """
        self._asked += len(texts)
        known = self._embedder.known
        request = Request(known.identity, texts, side, titles)
        # Twice, since records may turn out damaged on reading, or be pruned between the two steps.
        for _ in range(2):
            self._embed_missing(request)
            found, vectors = self._store.get_many(request.keys)
            if found.all():
                return request.expand(vectors, known.dim)
        raise CacheError(f"{self._store.folder}: {int((~found).sum())} vectors just stored cannot be read back.")

    def ensure(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> None:
        """Embed and store what is missing or damaged; memory stays flat however many texts.

        Raises:
            AuditError: As ``embed``.
            CacheError: As ``embed``.
        """
        self._embed_missing(Request(self._embedder.known.identity, texts, side, titles))

    def audit(
        self,
        texts: Sequence[str],
        side: Side,
        titles: Sequence[str] | None = None,
        *,
        role: Role | None = None,
        finish: Callable[[RoleAudit], RoleAudit] = lambda audit: audit,
    ) -> RoleAudit:
        """Do as ``ensure``, and prove what is sent: every text is read once, stored or not, unless it was before.

        Args:
            texts: What follows the prefix.
            side: What is sent with each.
            titles: For a side with a ``title_slot``.
            role: Names the record.
            finish: Adds to a new audit what others know of it, before it is remembered.

        Raises:
            AuditError: As ``embed``; or something else than prefix + text is sent, the prefix leaves no room for text,
                or prefix or parameters change no vector.
            CacheError: As ``embed``.
        """
        request = Request(self._embedder.known.identity, texts, side, titles)
        remembered = None if self._memo is None else self._memo.recall(request, role)
        if remembered is not None:
            self._embed_missing(request)
            return remembered
        count = RoleCount(side, len(request))
        tokens_sha256 = self._embed_missing(request, count)
        self._refuse_inert(request)
        audit = finish(audit_role(self._embedder, count, request, role, self._count_zeros(request), tokens_sha256))
        if self._memo is not None:
            self._memo.remember(request, role, audit)
        return audit

    def _embed_missing(self, request: Request, count: RoleCount | None = None) -> str | None:
        """Embed texts new to the store and to this call; where they are counted, read all and digest the tokens."""
        stored = self._store.check_many(request.keys)
        if stored.all() and count is None:
            return None
        writer = Writer(self._embedder, self._store, request, self._progress, int((~stored).sum()))
        alike = FirstAlike(len(request))
        for window, inputs in self._read_ahead(request, self._cut_windows(request, stored)):
            sources = window if inputs.tokens is None else alike.find(window, digest_tokens(inputs.tokens))
            if count is not None:
                count.add(window, inputs)
            own = np.flatnonzero((sources == window) & ~stored[window])
            copied = np.flatnonzero((sources != window) & ~stored[window])
            self._embedded += writer.embed(inputs.take(own.tolist()), window[own])
            writer.note_copies(window[copied], sources[copied])
        writer.publish()
        writer.copy()
        return None if count is None else count.digest_all(alike.digests)

    def _read_ahead(
        self, request: Request, windows: Iterator[NDArray[np.int64]]
    ) -> Iterator[tuple[NDArray[np.int64], Inputs]]:
        """Each window as read; a thread reads the next one while the caller embeds this one."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tokenise") as pool:
            waiting: list[tuple[NDArray[np.int64], Future[Inputs]]] = []
            for window in windows:
                waiting.append((window, pool.submit(request.read, self._embedder, window)))
                if len(waiting) > 1:
                    read, inputs = waiting.pop(0)
                    yield read, inputs.result()
            for read, inputs in waiting:
                yield read, inputs.result()

    def _cut_windows(self, request: Request, stored: NDArray[np.bool_]) -> Iterator[NDArray[np.int64]]:
        """Places of texts to be read at once, every place once.

        Stored texts first, so that others that are one with them take their vectors. Then longest first: chunks of
        like lengths pad little, memory runs out at once if ever, time left is no promise. Of a large corpus, longest
        first within a block: no order of all of it is held, and what is scored together is stored together. The first
        windows are small, since the model waits until one is read; an endpoint is asked for as much as it takes.
        """
        size = 0
        for is_stored in (True, False):
            for start in range(0, len(request), SORTED_TEXTS):
                places = start + np.flatnonzero(stored[start : start + SORTED_TEXTS] == is_stored)
                places = places[np.argsort(-request.count_characters(places), kind="stable")]
                while len(places):
                    size = size or (FIRST_WINDOW if find_arrive(self._embedder) is None else WINDOW_TEXTS)
                    yield places[:size]
                    places, size = places[size:], min(2 * size, WINDOW_TEXTS)

    def _refuse_inert(self, request: Request) -> None:
        """Refuse a prefix or a parameter that reaches the model and changes no vector."""
        side, bare = request.side, Side(route=request.side.route)
        if not (side.prefix or side.api) or find_arrive(self._embedder) is not None:
            return
        picked = np.arange(min(N_SAMPLES, len(request)))
        sent = request.read(self._embedder, picked)
        unsent = self._embedder.read(request.texts(picked), bare)
        if sent.tokens and unsent.tokens and not side.api and sent.tokens.ids == unsent.tokens.ids:
            return  # the tokenizer reads nothing of the prefix: the same strings to the model, which the audit shows
        # Both in batches of the same texts: in others, vectors would differ in the last bits for no reason.
        vectors = self._embedder.embed(unsent), self._embedder.embed(sent)
        check_not_inert(*vectors, bare, side, ("nothing", "this side"))

    def _count_zeros(self, request: Request) -> int:
        zeros = 0
        for start in range(0, len(request.keys), WINDOW_TEXTS):
            _, vectors = self._store.get_many(request.keys[start : start + WINDOW_TEXTS])
            zeros += int((~vectors.any(axis=1)).sum())
        return zeros


class StoredEmbedder:
    """An embedder that only reads; for scoring where the vectors are stored and no model is loaded.

    Args:
        identity: As the vectors were embedded.
        dim: Length of a vector.
        store: Where they are kept.
    """

    def __init__(self, identity: EmbedderIdentity, dim: int, store: VectorStore) -> None:
        self._identity = identity
        self._dim = dim
        self._store = store

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """The stored vector of each text, in order, shape ``(n_texts, dim)``.

        Raises:
            CacheError: A vector is missing; says how many, and of which text first.
        """
        request = Request(self._identity, texts, side, titles)
        found, vectors = self._store.get_many(request.keys)
        if not found.all():
            missing = np.flatnonzero(~found)
            raise CacheError(
                f"{self._store.folder}: {len(missing)} of {len(request.keys)} vectors of {self._identity.model} with "
                f"the prefix {side.prefix!r} are not stored, the first that of "
                f"{shorten(request.texts(missing[:1])[0])}."
            )
        return request.expand(vectors, self._dim)
