"""Which texts a place asked for when it was last rehearsed on this machine, so that planning needs no data."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.encode.keys import Digests, compute_text_digests
from bench.plan.place import Place
from bench.spec.conditions import Role
from bench.store.items import publish_bytes

if TYPE_CHECKING:
    from bench.run.jobs import Rehearsal


@dataclass(frozen=True, slots=True)
class RememberedTexts:
    """Digests of the distinct texts of each role, as mteb joins them.

    Attributes:
        n_texts: Texts asked for, repeats included.
        by_role: Shape ``(n_distinct, TEXT_BYTES)`` each; ``None`` is a symmetric task's texts.
    """

    n_texts: int
    by_role: dict[Role | None, Digests]


def remember_texts(cache: Path, place: Place, rehearsal: Rehearsal) -> None:
    """Keep the digests of a place's texts."""
    path = _path(cache, place)
    if path.exists():
        return
    arrays: dict[str, Digests] = {}
    for role in dict.fromkeys(part.role for part in rehearsal.manifest.parts):
        texts = dict.fromkeys(text for part in rehearsal.manifest.parts if part.role == role for text in part.texts)
        arrays[role.value if role else "text"] = compute_text_digests(list(texts))
    buffer = io.BytesIO()
    np.savez(buffer, n_texts=np.int64(rehearsal.manifest.n_texts), **arrays)  # type: ignore[arg-type]
    publish_bytes(path, buffer.getvalue())


def recall_texts(cache: Path, place: Place) -> RememberedTexts | None:
    """What a place asked for, or ``None`` where it was never rehearsed here."""
    path = _path(cache, place)
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as stored:
        n_texts = int(stored["n_texts"])
        by_role = {None if name == "text" else Role(name): stored[name] for name in stored.files if name != "n_texts"}
    return RememberedTexts(n_texts, by_role)


def _path(cache: Path, place: Place) -> Path:
    subject = [
        place.facts.name,
        place.facts.dataset_revision,
        place.hf_subset,
        place.hf_split,
        place.limit,
        place.seed,
        version("mteb"),
    ]
    return cache / "texts" / f"{hashlib.sha256(json.dumps(subject).encode()).hexdigest()[:32]}.npz"
