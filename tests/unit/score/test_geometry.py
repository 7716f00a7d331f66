from __future__ import annotations

import numpy as np
import pytest
from prefixbench.errors import ScoreError
from prefixbench.score.geometry import compute_geometry
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors


def _draw(n: int, dim: int = 16, seed: int = 0) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


def test_the_baseline_against_itself_does_not_move() -> None:
    vectors = _draw(50)
    summary = compute_geometry(vectors, vectors, "text", np.random.default_rng(1))
    assert summary is not None
    assert summary.shift_mean == pytest.approx(0.0, abs=1e-9)
    assert summary.overlap_at_10 == 1.0
    assert summary.shared_offset == 0.0
    assert summary.n_sampled == 50
    assert summary.role == "text"


def test_figures_equal_those_of_scikit_learn() -> None:
    after, before = _draw(80, seed=1), _draw(80, seed=2)
    summary = compute_geometry(after, before, "query", np.random.default_rng(1))
    assert summary is not None
    cosines = np.diag(cosine_similarity(after, before))
    assert summary.shift_mean == pytest.approx(np.mean(1 - cosines), abs=1e-6)
    pairs = cosine_similarity(after)[np.triu_indices(80, k=1)]
    assert summary.anisotropy == pytest.approx(pairs.mean(), abs=1e-6)
    neighbours = [
        NearestNeighbors(n_neighbors=10, metric="cosine").fit(space).kneighbors(return_distance=False)
        for space in (after, before)
    ]
    shares = [len(set(new) & set(old)) / 10 for new, old in zip(*neighbours, strict=True)]
    assert summary.overlap_at_10 == pytest.approx(np.mean(shares))


def test_one_offset_for_all_texts_is_told_from_scattered_movement() -> None:
    before = _draw(200, dim=64)
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    offset = np.zeros(64, dtype=np.float32)
    offset[0] = 0.4
    shared = compute_geometry(before + offset, before, "text", np.random.default_rng(0))
    scattered = compute_geometry(before + 0.05 * _draw(200, 64, seed=9), before, "text", np.random.default_rng(0))
    assert shared is not None
    assert scattered is not None
    assert shared.shared_offset > 0.8
    assert scattered.shared_offset < 0.1
    assert shared.anisotropy > scattered.anisotropy


def test_length_of_vectors_does_not_count() -> None:
    after, before = _draw(40, seed=1), _draw(40, seed=2)
    plain = compute_geometry(after, before, "text", np.random.default_rng(0))
    scaled = compute_geometry(after * 7, before * 3, "text", np.random.default_rng(0))
    assert plain is not None
    assert scaled is not None
    assert scaled.shift_mean == pytest.approx(plain.shift_mean, abs=1e-6)
    assert scaled.overlap_at_10 == plain.overlap_at_10


def test_the_sample_is_seeded_and_capped() -> None:
    after, before = _draw(300, seed=1), _draw(300, seed=2)
    first = compute_geometry(after, before, "text", np.random.default_rng(5), n_sample=100)
    again = compute_geometry(after, before, "text", np.random.default_rng(5), n_sample=100)
    other = compute_geometry(after, before, "text", np.random.default_rng(6), n_sample=100)
    assert first == again
    assert first != other
    assert first is not None
    assert first.n_sampled == 100


def test_ten_texts_have_too_few_neighbours() -> None:
    assert compute_geometry(_draw(10), _draw(10), "text", np.random.default_rng(0)) is None
    assert compute_geometry(_draw(11), _draw(11), "text", np.random.default_rng(0)) is not None


def test_unequal_shapes_are_refused() -> None:
    with pytest.raises(ScoreError) as caught:
        compute_geometry(_draw(20), _draw(21), "text", np.random.default_rng(0))
    assert str(caught.value) == (
        "geometry needs the same texts twice, but there are vectors of shape (20, 16) "
        "and baseline vectors of shape (21, 16)."
    )


def test_of_neighbours_equally_near_the_first_count() -> None:
    before = _draw(30, seed=1)
    after = np.repeat(_draw(10, seed=2), 3, axis=0)
    summary = compute_geometry(after, before, "text", np.random.default_rng(0))
    assert summary is not None
    marked = []
    for space in (after, before):
        unit = space.astype(np.float64) / np.linalg.norm(space.astype(np.float64), axis=1, keepdims=True)
        cosine = unit @ unit.T
        np.fill_diagonal(cosine, -np.inf)
        marked.append(np.argsort(-cosine, axis=1, kind="stable")[:, :10])
    shares = [len(set(new) & set(old)) / 10 for new, old in zip(*marked, strict=True)]
    assert summary.overlap_at_10 == pytest.approx(np.mean(shares))
