"""One model during a sweep: loaded only when a vector or an audit is missing, both remembered between runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.encode.audit_memo import AuditMemo
from prefixbench.encode.cached import CachedEmbedder
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.plan.cell import Cell
from prefixbench.results.records import Cost
from prefixbench.run.known import recall_model, remember_model
from prefixbench.run.progress import Progress
from prefixbench.run.served import open_served
from prefixbench.run.texts import PlaceTexts
from prefixbench.score import TextManifest, TextPart
from prefixbench.spec.conditions import PrefixPair, Role, Side
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors import STORE_FOLDER, VectorStore, changed_weights
from prefixbench.vectors.embedder import Arrive, Embedder, Inputs, KnownModel, RoleAudit, Vectors, find_arrive

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EncodedCell:
    """A cell whose vectors are all in the store.

    Attributes:
        cell: The cell, its sides as the model was sent them.
        dataset_sha256: Content hash of the data its texts are from.
        known: The model.
        audit: Proof of what each role sent.
        notes: What a reader of the score should know of the model and of what was sent.
        cost: What embedding took; scoring is still to come.
    """

    cell: Cell
    dataset_sha256: str
    known: KnownModel
    audit: tuple[RoleAudit, ...]
    notes: tuple[str, ...]
    cost: Cost


class ChangedModelError(Exception):
    """The model is not what was remembered of it; what was begun under the old identity is to be begun anew."""


class LazyEmbedder:
    """An embedder that loads its model at the first text that has to be read.

    Args:
        load: Loads it.
        known: What is remembered of it, if anything.
        changed: Told of the model as loaded where it is new, or not what was remembered.
    """

    def __init__(
        self, load: Callable[[], Embedder], known: KnownModel | None, changed: Callable[[KnownModel], None]
    ) -> None:
        self._load = load
        self._loaded: Embedder | None = None
        self._remembered = known
        self._changed = changed

    @property
    def loaded(self) -> Embedder:
        """The model itself, loaded now if it was not.

        Raises:
            ChangedModelError: It is not what was remembered; from now on ``known`` tells what it is.
        """
        if self._loaded is None:
            self._loaded = self._load()
            remembered, self._remembered = self._remembered, self._loaded.known
            if remembered != self._remembered:
                self._changed(self._remembered)
            if remembered is not None and remembered.identity != self._remembered.identity:
                raise ChangedModelError
        return self._loaded

    @property
    def known(self) -> KnownModel:
        """As remembered, else as loaded."""
        return self._remembered or self.loaded.known

    @property
    def tokens_used(self) -> int:
        """Of the loaded model; 0 as long as there is none."""
        return 0 if self._loaded is None else self._loaded.tokens_used

    def read(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Inputs:
        """Read with the loaded model."""
        return self.loaded.read(texts, side, titles)

    def embed(self, inputs: Inputs) -> Vectors:
        """Embed with the loaded model."""
        return self.loaded.embed(inputs)

    @property
    def arrive(self) -> Arrive | None:
        """That of the loaded model; see ``find_arrive``."""
        return find_arrive(self.loaded)

    @property
    def remote(self) -> RemoteEmbedder | None:
        """The endpoint, where the model is one; an endpoint is asked as soon as its session is opened."""
        return self._loaded if isinstance(self._loaded, RemoteEmbedder) else None

    def close(self) -> None:
        """Let go of the model."""
        if self.remote is not None:
            self.remote.close()


class ModelSession:
    """Everything a sweep asks of one model."""

    def __init__(self, lazy: LazyEmbedder, cache: Path, progress: Progress) -> None:
        self._lazy = lazy
        self._progress = progress
        store, memo = VectorStore.open(cache / STORE_FOLDER), AuditMemo(cache / "audits")
        self.embedder = CachedEmbedder(lazy, store, self._tell, memo)

    @property
    def known(self) -> KnownModel:
        """What the model is."""
        return self._lazy.known

    def close(self) -> None:
        """Let go of the model."""
        self._lazy.close()

    @property
    def remote(self) -> RemoteEmbedder | None:
        """The endpoint, where the model is one."""
        return self._lazy.remote

    def encode_cell(self, cell: Cell, texts: PlaceTexts) -> EncodedCell:
        """Embed what the store does not hold of a cell's texts, and prove what was sent.

        Raises:
            AuditError: What reached the model is not what was planned, or moves no vector.
            PrefixbenchError: The model cannot be loaded, or cannot embed a text.
        """
        self._progress.cell_started()
        try:
            return self._encode_cell(cell, texts)
        except ChangedModelError:
            return self._encode_cell(cell, texts)

    def embed(self, texts: Sequence[str], side: Side, titles: Sequence[str] | None = None) -> Vectors:
        """A few texts' vectors, shape ``(n_texts, dim)``; raises as ``encode_cell``."""
        try:
            return self.embedder.embed(texts, side, titles)
        except ChangedModelError:
            return self.embedder.embed(texts, side, titles)

    def _encode_cell(self, cell: Cell, place_texts: PlaceTexts) -> EncodedCell:
        began = time.monotonic()
        roles = tuple(dict.fromkeys(part.role for part in place_texts.manifest.parts))
        sent = replace(cell, pair=self.known.sent_pair(cell.pair, symmetric=None in roles))
        embedded, tokens = self.embedder.counts.texts_embedded, self._lazy.tokens_used
        groups = [(role, *group) for role in roles for group in group_texts(place_texts.manifest, sent.pair, role)]
        remote = self._lazy.remote
        inert = () if remote is None else remote.prove_levers([side for _, side, _, _ in groups])
        audit = tuple(self._encode_texts(role, side, texts, titles) for role, side, texts, titles in groups)
        embedded = self.embedder.counts.texts_embedded - embedded
        asked = place_texts.manifest.n_texts
        cost = Cost(
            seconds_encode=time.monotonic() - began,
            seconds_score=0.0,
            texts_asked=asked,
            texts_embedded=embedded,
            texts_reused=asked - embedded,
            tokens_used=self._lazy.tokens_used - tokens,
        )
        notes = self.known.notes + inert + tuple(note for one in audit for note in _describe_notes(one))
        return EncodedCell(sent, place_texts.dataset_sha256, self.known, audit, notes, cost)

    def _tell(self, n_embedded: int, n_planned: int) -> None:
        self._progress.texts_planned(n_planned)
        self._progress.texts_embedded(n_embedded)

    def _encode_texts(
        self, role: Role | None, side: Side, texts: Sequence[str], titles: Sequence[str] | None
    ) -> RoleAudit:
        """Embed one role's distinct texts; the audit of the same texts sent with the same side is remembered."""
        remote = self._lazy.remote
        before = None if remote is None else replace(remote.tally)

        def add_notes(found: RoleAudit) -> RoleAudit:
            if remote is None or before is None:
                return found
            told = remote.tally.since(before).describe(f"{remote.settings.model}, {remote.settings.place}")
            return replace(found, notes=tuple(f"{found.role} texts: {note}" for note in told))

        return self.embedder.audit(texts, side, titles, role=role, finish=add_notes)


def group_texts(
    manifest: TextManifest, pair: PrefixPair, role: Role | None
) -> Iterator[tuple[Side, Sequence[str], Sequence[str] | None]]:
    """The texts of a role by the side they are sent with, and their titles for a side that has a slot for them.

    Args:
        manifest: The texts of a place.
        pair: As the model is sent it.
        role: Whose texts.
    """
    parts = [part for part in manifest.parts if part.role == role]
    split = [part.split(pair) for part in parts]
    sides = [pair.side_for(role)]
    if role is Role.DOCUMENT and pair.mixture is not None:
        sides.append(pair.mixture.document)
    for side in dict.fromkeys(sides):
        sent = [_take(part, rows[side]) for part, rows in zip(parts, split, strict=True) if side in rows]
        asked = [part.request(side.title_slot) for part in sent]
        if len(asked) == 1:
            yield side, *asked[0]
            continue
        titles = [title for texts, titles in asked for title in titles or [""] * len(texts)]
        yield side, [text for texts, _ in asked for text in texts], titles if side.title_slot else None


def _take(part: TextPart, rows: NDArray[np.int64]) -> TextPart:
    return part if len(rows) == len(part.texts) else part.select(rows)


def _describe_notes(audit: RoleAudit) -> Iterator[str]:
    yield from audit.notes
    if audit.n_zero_vectors:
        yield (
            f"{audit.n_zero_vectors:,} of {audit.n_texts:,} {audit.role} vectors are zeros, as empty texts get them "
            "from this model; mteb scores them as they are."
        )
    if audit.n_prefix_cut:
        yield (
            f"The tokenizer cuts long texts at their beginning: of {audit.n_prefix_cut:,} of {audit.n_texts:,} "
            f"{audit.role} texts the prefix is cut away, in part or whole."
        )


def open_session(
    model: ModelSpec,
    settings: EncoderSettings,
    folder: Path | None,
    cache: Path,
    progress: Progress,
    meter: Meter | None = None,
    make_room: Callable[[], None] = lambda: None,
) -> ModelSession:
    """Get ready to embed with one model; it is loaded when first needed.

    Args:
        model: Its name and revision.
        settings: How texts become vectors.
        folder: Its files, where they are on this machine.
        cache: Folder of the embedding store and of what is remembered.
        progress: Told of texts embedded.
        meter: What may be spent on models that are called; these are asked at once whether they are what they were.
        make_room: Called before a model is loaded into this process.

    Raises:
        PrefixbenchError: The model was not known from a former run and cannot be loaded.
    """
    endpoint = EndpointSettings.of(model)

    def load() -> Embedder:
        if endpoint is not None:
            return open_served(endpoint, folder, cache, meter or Meter(), progress)
        make_room()
        from prefixbench.encode.load import load_embedder

        progress.say(f"loading {model.name}")
        loaded = load_embedder(model, settings, folder, cache=cache)
        changed = changed_weights(VectorStore.open(cache / STORE_FOLDER), loaded.known.identity)
        for note in (*loaded.known.notes, *([changed] if changed else [])):
            progress.say(note)
        return loaded

    def remember(known: KnownModel) -> None:
        remember_model(known, model, settings, folder, cache)

    known = recall_model(model, settings, folder, cache) if endpoint is None else None
    session = ModelSession(LazyEmbedder(load, known, remember), cache, progress)
    if known is None:
        _ = session.known
    return session
