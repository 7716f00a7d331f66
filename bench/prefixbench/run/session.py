"""One model during a sweep: loaded only when a vector or an audit is missing, both remembered between runs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefixbench.encode.cached import CachedEmbedder
from prefixbench.files import read_memo, write_memo
from prefixbench.plan.cell import Cell
from prefixbench.results.records import Cost, RoleAudit
from prefixbench.run.known import KnownModel, recall_model, remember_model
from prefixbench.run.progress import Progress
from prefixbench.run.texts import PlaceTexts
from prefixbench.score import TextManifest, TextPart
from prefixbench.spec.conditions import PrefixPair, Role, Side
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore, changed_weights
from prefixbench.vectors.embedder import EmbedderIdentity, Tokenized, Vectors

if TYPE_CHECKING:
    from prefixbench.encode.local import LocalEmbedder


@dataclass(frozen=True, slots=True)
class EncodedCell:
    """A cell whose vectors are all in the store.

    Attributes:
        cell: The cell, its sides as the model was sent them.
        dataset_sha256: Content hash of the data its texts are from.
        known: The model.
        audit: Proof of what each role sent.
        cost: What embedding took; scoring is still to come.
    """

    cell: Cell
    dataset_sha256: str
    known: KnownModel
    audit: tuple[RoleAudit, ...]
    cost: Cost


class LazyEmbedder:
    """An embedder that loads its model at the first text that is not in the store."""

    def __init__(self, load: Callable[[], LocalEmbedder], known: KnownModel | None) -> None:
        self._load = load
        self._loaded: LocalEmbedder | None = None
        self._known = known

    @property
    def loaded(self) -> LocalEmbedder:
        """The model itself, loaded now if it was not."""
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    @property
    def known(self) -> KnownModel:
        """As remembered, else as loaded."""
        if self._known is None:
            model = self.loaded
            self._known = KnownModel(model.identity, model.dim, model.device, model.network.is_role_aware, model.notes)
        return self._known

    @property
    def identity(self) -> EmbedderIdentity:
        """What the vectors depend on."""
        return self.known.identity

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.known.dim

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """Embed with the loaded model."""
        return self.loaded.embed(texts, side, titles)

    def tokenize(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> list[Tokenized]:
        """Tokenize with the loaded model."""
        return self.loaded.tokenize(texts, side, titles)

    def input_digests(
        self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None
    ) -> list[bytes] | None:
        """What the loaded model reads of each text."""
        return self.loaded.input_digests(texts, side, titles)


class ModelSession:
    """Everything a sweep asks of one model."""

    def __init__(self, lazy: LazyEmbedder, cache: Path, progress: Progress) -> None:
        self._lazy = lazy
        self._cache = cache
        self._progress = progress
        self._told = (0, 0)
        self.embedder = CachedEmbedder(lazy, VectorStore.open(cache / STORE_FOLDER), self._tell)

    @property
    def known(self) -> KnownModel:
        """What the model is."""
        return self._lazy.known

    def encode_cell(self, cell: Cell, texts: PlaceTexts) -> EncodedCell:
        """Embed what the store does not hold of a cell's texts, and prove what was sent.

        Raises:
            AuditError: What reached the model is not what was planned.
            PrefixbenchError: The model cannot be loaded, or cannot embed a text.
        """
        began = time.monotonic()
        sent = replace(cell, pair=self.known.sent_pair(cell.pair))
        before = self.embedder.counts
        for part in texts.manifest.parts:
            side = sent.pair.side_for(part.role)
            asked_texts, titles = part.request(side.title_slot)
            self.embedder.ensure(asked_texts, side, titles)
        embedded = self.embedder.counts.texts_embedded - before.texts_embedded
        audit = tuple(self._audit(sent.pair, role, texts) for role in _roles(texts.manifest))
        asked = texts.manifest.n_texts
        cost = Cost(
            seconds_encode=time.monotonic() - began,
            seconds_score=0.0,
            texts_asked=asked,
            texts_embedded=embedded,
            texts_reused=asked - embedded,
        )
        return EncodedCell(sent, texts.dataset_sha256, self.known, audit, cost)

    def _tell(self, done: int, total: int) -> None:
        """Turn the counts of one call, which grow until it ends, into increments."""
        before, total_before = self._told
        if total != total_before or done <= before:
            before = 0
            self._progress.texts_planned(total)
        self._progress.texts_embedded(done - before)
        self._told = (done, total)

    def _audit(self, pair: PrefixPair, role: Role | None, texts: PlaceTexts) -> RoleAudit:
        """The audit of one role's distinct texts, computed once for a model, side and data set."""
        side = pair.side_for(role)
        subject = {
            "identity": asdict(self.known.identity),
            "side": asdict(side),
            "role": role,
            "data": texts.dataset_sha256,
        }
        memo = self._cache / "audits" / f"{_digest(subject)}.json"
        if remembered := read_memo(memo):
            return RoleAudit.model_validate(remembered)
        from prefixbench.encode.audit import audit_side

        distinct, titles = _distinct(texts.manifest.parts, role, side.title_slot)
        found = RoleAudit.model_validate(asdict(audit_side(self._lazy.loaded, distinct, side, titles, role=role)))
        write_memo(memo, found.model_dump(mode="json"))
        return found


def _roles(manifest: TextManifest) -> tuple[Role | None, ...]:
    return tuple(dict.fromkeys(part.role for part in manifest.parts))


def _distinct(parts: Sequence[TextPart], role: Role | None, title_slot: bool) -> tuple[list[str], list[str] | None]:
    """Distinct texts of a role, with their titles for a side that has a slot for them."""
    pairs: dict[tuple[str, str], None] = {}
    for part in parts:
        if part.role == role:
            texts, titles = part.request(title_slot)
            pairs |= dict.fromkeys(zip(texts, titles or [""] * len(texts), strict=True))
    return [text for text, _ in pairs], [title for _, title in pairs] if title_slot else None


def _digest(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def open_session(
    model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path, progress: Progress
) -> ModelSession:
    """Get ready to embed with one model; it is loaded when first needed.

    Args:
        model: Its name and revision.
        settings: How texts become vectors.
        folder: Its files, where they are on this machine.
        cache: Folder of the embedding store and of what is remembered.
        progress: Told of texts embedded.

    Raises:
        PrefixbenchError: The model was not known from a former run and cannot be loaded.
    """

    def load() -> LocalEmbedder:
        from prefixbench.encode.load import load_embedder

        progress.say(f"loading {model.name}")
        loaded = load_embedder(model, settings, folder, cache=cache)
        changed = changed_weights(VectorStore.open(cache / STORE_FOLDER), loaded.identity)
        for note in (*loaded.notes, *([changed] if changed else [])):
            progress.say(note)
        return loaded

    known = recall_model(model, settings, folder, cache)
    session = ModelSession(LazyEmbedder(load, known), cache, progress)
    if known is None:
        remember_model(session.known, model, settings, folder, cache)
    return session
