"""What a prefix does to the space: how far vectors move, which neighbours stay, how much of it is one shared offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from prefixbench.errors import ScoreError
from prefixbench.results.records import GeometrySummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from prefixbench.vectors.embedder import Vectors

NEIGHBOURS = 10
"""Neighbours compared; with fewer texts than one more than this there is nothing to compare."""


def compute_geometry(
    vectors: Vectors,
    baseline_vectors: Vectors,
    role: Literal["query", "document", "text"],
    rng: np.random.Generator,
    *,
    n_sample: int = 1000,
) -> GeometrySummary | None:
    """Compare the vectors of one role with those the same texts have without any prefix.

    Every figure rests on one seeded sample of the texts and on unit vectors, so that only directions count.
    Anisotropy is the mean cosine over *all* pairs of the sample (Ethayarajh 2019, https://arxiv.org/abs/1909.00512,
    takes random pairs), from the squared length of the sum: ``(|Σu|² − n) / (n (n − 1))``. The shared offset is the
    share of the squared movement that its mean explains: ``n |mean(d)|² / Σ|d|²``; 0 where nothing moved.

    Args:
        vectors: Shape ``(n_texts, dim)``, under the condition.
        baseline_vectors: Shape ``(n_texts, dim)``, the same texts in the same order under ``none``.
        role: Whose texts they are.
        rng: Draws the sample.
        n_sample: Texts sampled at most; neighbours cost the square of it.

    Returns:
        The summary, or ``None`` where there are too few texts for ten neighbours.

    Raises:
        ScoreError: The two sets of vectors are not of one shape.
    """
    if vectors.shape != baseline_vectors.shape:
        raise ScoreError(
            f"geometry needs the same texts twice, but there are vectors of shape {vectors.shape} "
            f"and baseline vectors of shape {baseline_vectors.shape}."
        )
    n_texts = len(vectors)
    if n_texts <= NEIGHBOURS:
        return None
    chosen = np.sort(rng.choice(n_texts, size=min(n_sample, n_texts), replace=False))
    after = _normalise(vectors[chosen])
    before = _normalise(baseline_vectors[chosen])
    return GeometrySummary(
        role=role,
        shift_mean=float(np.clip(1.0 - np.einsum("ij,ij->i", after, before), 0.0, 2.0).mean()),
        overlap_at_10=_compute_overlap(after, before),
        shared_offset=_compute_shared_offset(after - before),
        anisotropy=_compute_anisotropy(after),
        n_sampled=len(chosen),
    )


def _normalise(vectors: Vectors) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths == 0.0, 1.0, lengths)


def _compute_overlap(after: NDArray[np.float64], before: NDArray[np.float64]) -> float:
    """Mean share of each text's ten nearest neighbours (itself left out) that both spaces agree on."""
    kept = np.logical_and(_mark_neighbours(after), _mark_neighbours(before))
    return float(kept.sum(axis=1).mean() / NEIGHBOURS)


def _mark_neighbours(unit: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A ``(n, n)`` mask of each row's ten nearest; ties go to the text that comes first, in both spaces alike."""
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    tenth = np.partition(cosine, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS, None]
    nearer, tied = cosine > tenth, cosine == tenth
    room = NEIGHBOURS - nearer.sum(axis=1, keepdims=True)
    return np.asarray(nearer | (tied & (tied.cumsum(axis=1) <= room)), dtype=np.bool_)


def _compute_shared_offset(movement: NDArray[np.float64]) -> float:
    total = float(np.square(movement).sum())
    if total < 1e-12 * len(movement):
        return 0.0
    shared = float(np.square(movement.mean(axis=0)).sum()) * len(movement)
    return min(1.0, shared / total)


def _compute_anisotropy(unit: NDArray[np.float64]) -> float:
    n = len(unit)
    squared_sum = float(np.square(unit.sum(axis=0)).sum())
    own = float(np.square(unit).sum())
    return (squared_sum - own) / (n * (n - 1))
