"""How far two conditions find the same documents: rank-biased overlap, query by query.

A score may stay where it was while every hit is another document, and nobody who looks at scores will notice; whoever
shows the hits to people, or feeds them to a model, will.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from prefixbench.analysis.inference import infer_mean
from prefixbench.analysis.names import format_contrast
from prefixbench.analysis.rules import ALPHA
from prefixbench.errors import ResultsError
from prefixbench.items.hits import Hits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from prefixbench.analysis.blocks import Block, RunLike
    from prefixbench.analysis.names import Pair

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

PERSISTENCE = 0.9
"""The chance that a reader of a ranking goes on to the next document: the first ten carry 86% of the weight."""


def overlap_rankings(first: Codes, second: Codes, persistence: float = PERSISTENCE) -> Floats:
    """Return the extrapolated rank-biased overlap of rankings, row by row: 1 for the same, 0 for nothing shared.

    ``RBO_EXT`` of Webber, Moffat and Zobel 2010, A similarity measure for indefinite rankings, ACM Transactions on
    Information Systems 28(4), equation 32: the agreement seen at each depth, weighted by ``persistence ** depth``, and
    what lies below the shorter list and the longer one taken to agree as the lists do there.

    Args:
        first: Documents best first, shape ``(n, depth)``; −1 from where a ranking ends, no other number twice in a row.
        second: The same for the other rankings, of any depth.
        persistence: Between 0 and 1, both excluded.

    Returns:
        Shape ``(n,)``. Two empty rankings are the same, an empty one and another share nothing.
    """
    depth = max(first.shape[1], second.shape[1])
    lengths = np.sort(np.stack([(one >= 0).sum(axis=1) for one in (first, second)]), axis=0)
    short, long = lengths.astype(np.float64)
    if not depth:
        return np.ones(len(first))
    shared = _count_shared(first, second, depth)
    at = np.arange(1.0, depth + 1)
    weight = persistence**at
    last = np.arange(len(first)), np.maximum(lengths - 1, 0)
    of_short, of_long = (np.where(lengths[n] > 0, shared[last[0], last[1][n]], 0.0) for n in (0, 1))
    safe = np.maximum(short, 1.0)
    seen = np.where(at <= long[:, None], shared / at * weight, 0.0).sum(axis=1)
    beyond = (at > short[:, None]) & (at <= long[:, None])
    grown = np.where(beyond, of_short[:, None] * (at - short[:, None]) / (safe[:, None] * at) * weight, 0.0).sum(axis=1)
    tail = ((of_long - of_short) / np.maximum(long, 1.0) + of_short / safe) * persistence**long
    overlap = (1 - persistence) / persistence * (seen + grown) + tail
    return np.where(long == 0, 1.0, np.clip(overlap, 0.0, 1.0))


def _count_shared(first: Codes, second: Codes, depth: int) -> Floats:
    """Documents that stand in both rankings up to each depth, shape ``(n, depth)``."""
    n_codes = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    places = []
    for one in (first, second):
        row, place = np.nonzero(one >= 0)
        places.append((row * n_codes + one[row, place], place))
    _, left, right = np.intersect1d(places[0][0], places[1][0], assume_unique=True, return_indices=True)
    reached = np.maximum(places[0][1][left], places[1][1][right])
    row = places[0][0][left] // max(n_codes, 1)
    found = np.bincount(row * depth + reached, minlength=len(first) * depth).reshape(len(first), depth)
    return np.cumsum(found, axis=1).astype(np.float64)


def describe_overlap(run: RunLike, block: Block, pairs: Iterable[Pair]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return one row a pair of conditions whose hits a run kept: the mean overlap over queries, with its interval.

    Nothing is returned for a pair of which a condition was not run, is the same cell, or has no hits that can be read.

    Returns:
        The rows, and a sentence for each cell whose hits cannot be read.
    """
    faults: list[str] = []
    kept: dict[int, Hits | None] = {}
    rows = []
    for pair in pairs:
        first, second = (block.row_of.get(name) for name in pair)
        if first is None or second is None or first == second:
            continue
        for number in (first, second):
            if number not in kept:
                try:
                    kept[number] = _read(run, block, number)
                except ResultsError as error:
                    kept[number] = None
                    faults.append(str(error))
        one, other = kept[first], kept[second]
        if one is not None and other is not None:
            rows.append(_describe(block, pair, one, other))
    return rows, faults


def _read(run: RunLike, block: Block, number: int) -> Hits | None:
    """A cell's hits in the order of the block's items."""
    hits = run.hits(block.cells[number].cell_id)
    if hits is None or not len(hits.item_id):
        return None
    order = np.argsort(hits.item_id, kind="stable")
    place = np.searchsorted(hits.item_id[order], block.item_id)
    found = order[np.minimum(place, len(order) - 1)]
    document = np.where((hits.item_id[found] == block.item_id)[:, None], hits.document[found], -1)
    return Hits(block.item_id, document.astype(np.int32), hits.names)


def _describe(block: Block, pair: Pair, one: Hits, other: Hits) -> dict[str, Any]:
    first, second = _share_codes(one, other)
    overlap = overlap_rankings(first, second)
    same_first = (first[:, 0] == second[:, 0]) if first.shape[1] and second.shape[1] else np.zeros(len(first), np.bool_)
    place = block.place
    low, high = (end / 100 for end in infer_mean(block, overlap).estimate.interval(ALPHA))
    return {
        "model": place.model, "task": place.task, "task_type": place.task_type, "hf_subset": place.hf_subset,
        "hf_split": place.hf_split, "contrast": format_contrast(pair), "condition": pair[0], "baseline": pair[1],
        "n_items": len(block.item_id), "n_units": block.n_units, "depth": max(first.shape[1], second.shape[1]),
        "persistence": PERSISTENCE, "overlap": float(overlap.mean()), "overlap_low": max(0.0, low),
        "overlap_high": min(1.0, high), "same_first": float(same_first.mean()),
    }  # fmt: skip


def _share_codes(one: Hits, other: Hits) -> tuple[Codes, Codes]:
    """The documents of two cells in codes that mean the same."""
    codes = {name: code for code, name in enumerate(one.names.tolist())}
    own = np.array([codes.setdefault(name, len(codes)) for name in other.names.tolist()] + [-1], dtype=np.int64)
    return one.document.astype(np.int64), own[other.document]
