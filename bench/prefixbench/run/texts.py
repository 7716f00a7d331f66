"""The texts of a place: as its data hold them, and by their digests as remembered, so that planning needs no data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from prefixbench.files import write_file
from prefixbench.plan.place import Place
from prefixbench.spec.conditions import Role
from prefixbench.vectors.keys import Digests, compute_text_digests, find_distinct, find_repeats, join_digests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from prefixbench.score import TextManifest, TextPart


FORMAT = 3
"""Part of the files' names; raised when they hold something else."""


@dataclass(frozen=True, slots=True)
class PlaceTexts:
    """What a place asks to have embedded, and what it is.

    Attributes:
        manifest: The texts by role, exactly as mteb will ask for them.
        dataset_sha256: Content hash of the data scored.
        item_texts: Texts of the items by id; empty where the data's licence forbids a copy.
        samples: Some of the distinct texts of each role, for the geometry.
    """

    manifest: TextManifest
    dataset_sha256: str
    item_texts: dict[str, str]
    samples: tuple[TextPart, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleTexts:
    """Digests of one role's distinct texts.

    Attributes:
        texts: As mteb joins them with their titles, shape ``(n_texts, TEXT_BYTES)``.
        bodies: Of distinct (title, body) pairs, where the corpus has titles, shape ``(n_pairs, TEXT_BYTES)``.
        titles: Their titles; ``n_pairs`` of them.
        lengths: Characters of each text, shape ``(n_texts,)``.
        body_lengths: Characters of each body and its title, shape ``(n_pairs,)``.
    """

    texts: Digests
    lengths: NDArray[np.int64]
    bodies: Digests | None = None
    titles: tuple[str, ...] | None = None
    body_lengths: NDArray[np.int64] | None = None

    def request(self, title_slot: bool) -> tuple[Digests, tuple[str, ...] | None]:
        """Digests and titles as a side with or without a slot for titles asks for them."""
        if title_slot and self.bodies is not None:
            return self.bodies, self.titles
        return self.texts, None

    def count_characters(self, title_slot: bool) -> NDArray[np.int64]:
        """Characters of each text that such a side asks for, in the order of ``request``."""
        return self.body_lengths if title_slot and self.body_lengths is not None else self.lengths


@dataclass(frozen=True, slots=True)
class RememberedTexts:
    """What a place asks for.

    Attributes:
        n_texts: Texts asked for, repeats included.
        by_role: ``None`` is a symmetric task's texts.
    """

    n_texts: int
    by_role: dict[Role | None, RoleTexts]


def remember_texts(cache: Path, place: Place, manifest: TextManifest) -> None:
    """Keep the digests of a place's texts."""
    path = _path(cache, place)
    if path.exists():
        return
    arrays: dict[str, NDArray[np.generic]] = {"n_texts": np.array(manifest.n_texts)}
    for role in dict.fromkeys(part.role for part in manifest.parts):
        name = role.value if role else "text"
        parts = [part for part in manifest.parts if part.role == role]
        digests = join_digests([part.texts for part in parts])
        lengths = np.concatenate([_count(part.texts) for part in parts])
        if (repeats := find_repeats(digests)) is not None:
            digests, lengths = digests[repeats[0]], lengths[repeats[0]]
        arrays |= {name: digests, f"{name}.lengths": lengths}
        if any(part.titles is not None for part in parts):
            arrays |= _digest_pairs(name, [part.request(title_slot=True) for part in parts])
    write_file(path, lambda file: np.savez(file, **arrays))  # type: ignore[arg-type]


def _digest_pairs(
    name: str, asked: Sequence[tuple[Sequence[str], Sequence[str] | None]]
) -> dict[str, NDArray[np.generic]]:
    """Distinct pairs of a title and a body."""
    bodies = np.concatenate([compute_text_digests(texts) for texts, _ in asked])
    titles = [title for texts, titles in asked for title in titles or [""] * len(texts)]
    lengths = np.concatenate([_count(texts) for texts, _ in asked]) + _count(titles)
    first, _ = find_distinct(np.concatenate([compute_text_digests(titles), bodies], axis=1))
    own = [titles[place] for place in first.tolist()]
    return {
        f"{name}.bodies": bodies[first],
        f"{name}.body_lengths": lengths[first],
        f"{name}.titles": np.frombuffer(json.dumps(own).encode(), np.uint8),
    }


def recall_texts(cache: Path, place: Place) -> RememberedTexts | None:
    """What a place asked for, or ``None`` where it was never read here."""
    path = _path(cache, place)
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as stored:
        n_texts = int(stored["n_texts"])
        names = [name for name in stored.files if name != "n_texts" and "." not in name]
        by_role = {None if name == "text" else Role(name): _read_role(stored, name) for name in names}
    return RememberedTexts(n_texts, by_role)


def _count(texts: Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _read_role(stored: Mapping[str, NDArray[Any]], name: str) -> RoleTexts:
    lengths = stored[f"{name}.lengths"]
    if f"{name}.bodies" not in stored:
        return RoleTexts(stored[name], lengths)
    titles = json.loads(stored[f"{name}.titles"].tobytes())
    return RoleTexts(stored[name], lengths, stored[f"{name}.bodies"], tuple(titles), stored[f"{name}.body_lengths"])


def _path(cache: Path, place: Place) -> Path:
    subject = [
        FORMAT,
        place.facts.name,
        place.facts.dataset_revision,
        place.hf_subset,
        place.hf_split,
        place.limit,
        place.seed,
        version("mteb"),
    ]
    return cache / "texts" / f"{hashlib.sha256(json.dumps(subject).encode()).hexdigest()[:32]}.npz"
