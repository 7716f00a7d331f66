"""What a prefix does to the space that vectors lie in: a sample of a place's texts, with it and under ``none``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from prefixbench.encode.cached import StoredEmbedder
from prefixbench.errors import CacheError
from prefixbench.plan.cell import Cell
from prefixbench.results.records import GeometrySummary
from prefixbench.score import TextPart, embed_part
from prefixbench.score.geometry import compute_geometry
from prefixbench.spec.conditions import PrefixPair
from prefixbench.vectors.keys import find_repeats, join_digests

GEOMETRY_SAMPLE = 1000
"""Texts of each role that geometry is computed on; neighbours cost the square of it."""


def compare_with_baseline(
    cell: Cell, samples: Sequence[TextPart], stored: StoredEmbedder, baseline: PrefixPair | None
) -> tuple[GeometrySummary, ...]:
    """Geometry of each role that the condition changes, against the texts under ``none`` where those are stored."""
    if baseline is None or baseline == cell.pair:
        return ()
    rows: list[GeometrySummary] = []
    for sample in samples:
        if _sends_alike(sample, cell.pair, baseline):
            continue
        after = embed_part(stored.embed, cell.pair, sample)
        try:
            before = embed_part(stored.embed, baseline, sample)
        except CacheError:
            return ()  # vectors may be deleted at any time; the score rests on the cell's own
        summary = compute_geometry(
            after, before, sample.role.value if sample.role else "text", np.random.default_rng(cell.seed)
        )
        if summary is not None:
            rows.append(summary)
    return tuple(rows)


def _sends_alike(part: TextPart, one: PrefixPair, other: PrefixPair) -> bool:
    """Whether every text is sent with the same side by both."""
    sides, others = part.split(one), part.split(other)
    return sides.keys() == others.keys() and all(np.array_equal(rows, others[side]) for side, rows in sides.items())


def sample_distinct(parts: Sequence[TextPart], rng: np.random.Generator) -> TextPart:
    """A seeded sample of the distinct texts of one role; the same ones whatever they are sent with."""
    repeats = find_repeats(join_digests([part.texts for part in parts]))
    ends = np.cumsum([len(part.texts) for part in parts])
    chosen = rng.permutation(int(ends[-1]) if repeats is None else len(repeats[0]))[:GEOMETRY_SAMPLE]
    if repeats is not None:
        place = np.empty(len(repeats[0]), dtype=np.int64)
        place[repeats[1]] = np.arange(len(repeats[1]))  # of several, the last
        chosen = place[chosen]
    picked = []
    for row in chosen.tolist():
        index = int(np.searchsorted(ends, row, side="right"))
        picked.append(parts[index].select(np.array([row - ends[index] + len(parts[index].texts)])))
    whole = TextPart(parts[0].role, tuple(part.texts[0] for part in picked))
    if any(part.bodies is None or part.titles is None for part in picked):
        return whole
    return replace(
        whole,
        bodies=tuple(part.bodies[0] for part in picked if part.bodies is not None),
        titles=tuple(part.titles[0] for part in picked if part.titles is not None),
    )
