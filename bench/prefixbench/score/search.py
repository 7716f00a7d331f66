"""Retrieval from vectors in memory: mteb's ranking without its data-set copies and per-document heap pushes."""

from __future__ import annotations

import contextlib
import heapq
import secrets
from abc import ABC, abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mteb._create_dataloaders import _retrieval_texts
from mteb.types import PromptType

from prefixbench.errors import ScoreError
from prefixbench.score.data import ROWS_AT_ONCE, find_rows, read_column
from prefixbench.score.parts import TextPart, check_texts, make_part
from prefixbench.spec.conditions import Role
from prefixbench.vectors.mapped_texts import HELD_SUFFIX, MappedTexts, write_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from numpy.typing import NDArray

    from prefixbench.vectors.embedder import Vectors

    Ranking = dict[str, dict[str, float]]

CORPUS_CHUNK = 50_000
"""Documents scored at once; mteb's own number, since the rounding of a product depends on its shape."""

LARGE_CORPUS = 50_000
"""More documents than this are held in a file while they are embedded."""


class SearchByVectors(ABC):
    """mteb's ``SearchProtocol``: index a corpus, rank its documents for each query.

    The rankings, their scores and the order of their dictionaries are those of mteb's ``SearchEncoderWrapper``.
    """

    _corpus: Dataset | None = None

    @abstractmethod
    def embed_texts(self, part: TextPart, place: str) -> Vectors:
        """Vectors of texts, shape ``(n_texts, dim)``."""

    @abstractmethod
    def similarity(self, embeddings1: NDArray[np.float32], embeddings2: NDArray[np.float32]) -> torch.Tensor:
        """Similarity of every pair."""

    def index(self, corpus: Dataset, **kwargs: Any) -> None:  # noqa: ANN401 - the protocol's
        """Keep the corpus until the search."""
        self._corpus = corpus

    def search(
        self,
        queries: Dataset,
        *,
        task_metadata: TaskMetadata,
        hf_split: str,
        hf_subset: str,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,  # noqa: ANN401 - the protocol's
    ) -> Ranking:
        """The best ``top_k`` documents of each query, or the scores of its ``top_ranked`` ones.

        Raises:
            ScoreError: Nothing was indexed, or a vector is not finite.
        """
        if self._corpus is None:
            raise ScoreError("a corpus must be indexed before it is searched.")
        corpus, self._corpus = self._corpus, None
        place = f"{task_metadata.name} ({hf_subset}, {hf_split})"
        query_texts = make_part(Role.QUERY, _retrieval_texts(queries, PromptType.query))
        query_vectors = self.embed_texts(query_texts, f"{place} queries")
        query_ids = read_column(queries, "id")
        if top_ranked is not None:
            return self._rerank(query_ids, query_vectors, corpus, top_ranked, place, top_k)
        return self._search_all(query_ids, query_vectors, corpus, place, top_k)

    def _embed_documents(self, corpus: Dataset, place: str) -> Vectors:
        return self.embed_texts(make_part(Role.DOCUMENT, *join_titles(corpus)), f"{place} documents")

    def _search_all(
        self, query_ids: Sequence[str], query_vectors: Vectors, corpus: Dataset, place: str, top_k: int
    ) -> Ranking:
        heaps: dict[str, list[tuple[float, str]]] = {query_id: [] for query_id in query_ids}
        for start in range(0, len(corpus), CORPUS_CHUNK):
            stop = min(start + CORPUS_CHUNK, len(corpus))
            chunk = corpus if stop - start == len(corpus) else corpus.select(range(start, stop))
            ids = np.array(read_column(chunk, "id"), dtype=object)
            values, indices = self._find_best(query_vectors, chunk, place, top_k)
            for row, query_id in enumerate(query_ids):
                heaps[query_id] = _merge(heaps[query_id], values[row], ids[indices[row]], top_k)
        return {query_id: {document: score for score, document in heap} for query_id, heap in heaps.items()}

    def _find_best(
        self, query_vectors: Vectors, chunk: Dataset, place: str, top_k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows of each query's best documents; the scores of all go before those of the next chunk come."""
        scores = torch.as_tensor(self.similarity(query_vectors, self._embed_documents(chunk, place)))
        best = torch.topk(scores, min(top_k + 1, scores.shape[1]), dim=1, largest=True)
        return best.values.cpu().numpy(), best.indices.cpu().numpy()

    def _rerank(
        self,
        query_ids: Sequence[str],
        query_vectors: Vectors,
        corpus: Dataset,
        top_ranked: Mapping[str, Sequence[str]],
        place: str,
        top_k: int,
    ) -> Ranking:
        row_of = find_rows(corpus, {document for own in top_ranked.values() for document in own or ()})
        vectors = self._embed_documents(corpus, place)
        ranking: Ranking = {query_id: {} for query_id in query_ids}
        for row, query_id in enumerate(query_ids):
            candidates = top_ranked.get(query_id) or ()
            if not candidates:
                continue
            rows = [row_of[document] for document in candidates]
            scores = torch.as_tensor(self.similarity(query_vectors[row : row + 1], vectors[rows]))
            best = torch.topk(scores, min(top_k, len(rows)), dim=1, largest=True)
            heap: list[tuple[float, str]] = []
            for index, score in zip(best.indices[0].tolist(), best.values[0].tolist(), strict=True):
                heapq.heappush(heap, (score, candidates[index]))
            ranking[query_id] = {document: score for score, document in heap}
        return ranking


def hold_documents(corpus: Dataset, folder: Path | None) -> TextPart:
    """The texts of a corpus: in memory, or where there are many, in a file of a name of its own.

    Args:
        corpus: The documents.
        folder: Where such a file may be made; whoever asked deletes it.

    Raises:
        ScoreError: A text or a title is none, such as a null.
    """
    if folder is not None and len(corpus) > LARGE_CORPUS:
        path = folder / f"{secrets.token_hex(8)}{HELD_SUFFIX}"
        columns = ("text", "body", "title") if "title" in corpus.column_names else ("text",)
        # A full or read-only disk costs memory, and so does half a surrogate pair, which such a file does not hold.
        with contextlib.suppress(OSError, UnicodeEncodeError):
            write_texts(path, columns, _read_blocks(corpus))
            return TextPart(Role.DOCUMENT, *(MappedTexts(path, name) for name in columns))
    return make_part(Role.DOCUMENT, *join_titles(corpus))


def _read_blocks(corpus: Dataset) -> Iterator[list[list[str]]]:
    for start in range(0, len(corpus), ROWS_AT_ONCE):
        block = corpus.select(range(start, min(start + ROWS_AT_ONCE, len(corpus))))
        texts, bodies, titles = join_titles(block, start, len(corpus))
        yield [texts] if bodies is None or titles is None else [texts, [body.strip() for body in bodies], titles]


def join_titles(
    corpus: Dataset, before: int = 0, total: int | None = None
) -> tuple[list[str], list[str] | None, list[str] | None]:
    """A corpus' texts as mteb joins them with their titles; and, where it has titles, bodies and titles apart.

    Args:
        corpus: The documents, or some of them.
        before: How many stand before these.
        total: How many there are, where these are not all.

    Raises:
        ScoreError: A text or a title is none, such as a null.
    """
    bodies = read_column(corpus, "text")
    check_texts(bodies, "document", before, total)
    if "title" not in corpus.column_names:
        return [body.strip() for body in bodies], None, None
    titles = read_column(corpus, "title")
    check_texts(titles, "title", before, total)
    texts = [f"{title} {body}".strip() if title else body.strip() for title, body in zip(titles, bodies, strict=True)]
    return texts, bodies, titles


def _merge(
    heap: list[tuple[float, str]], scores: NDArray[np.float32], ids: NDArray[np.object_], top_k: int
) -> list[tuple[float, str]]:
    """What pushing the scores one by one, best first, onto a heap of ``top_k`` leaves, in the heap's own order.

    Pushes of strictly falling scores onto an empty heap end in a fixed arrangement, so they need not be made one
    by one. Ties are told apart by document id, and go through the heap itself, as does every later chunk.
    """
    if not heap and not np.any(scores[1:] == scores[:-1]):
        order = _heap_order(min(top_k, len(scores)))
        return list(zip(scores[order].tolist(), ids[order].tolist(), strict=True))
    if len(heap) == top_k:
        promising = scores >= heap[0][0]
        scores, ids = scores[promising], ids[promising]
    for score, document in zip(scores.tolist(), ids.tolist(), strict=True):
        if len(heap) < top_k:
            heapq.heappush(heap, (score, document))
        else:
            heapq.heappushpop(heap, (score, document))
    return heap


@cache
def _heap_order(size: int) -> NDArray[np.int64]:
    """Where falling values end up in a heap they are pushed onto one by one."""
    heap: list[tuple[int, int]] = []
    for position in range(size):
        heapq.heappush(heap, (-position, position))
    return np.array([position for _, position in heap], dtype=np.int64)
