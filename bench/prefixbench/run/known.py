"""What a model turned out to be when it was last loaded, so that it need not be loaded to be named."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from prefixbench.encode.weights import compute_weights_digest
from prefixbench.files import read_memo, write_memo
from prefixbench.spec.conditions import PrefixPair, Role, Side
from prefixbench.spec.sweep import EncoderSettings, ModelSpec
from prefixbench.vectors.embedder import EmbedderIdentity


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model as loaded.

    Attributes:
        identity: What its vectors depend on.
        dim: Length of a vector.
        device: Where it ran.
        is_role_aware: Whether queries and documents take different ways through it.
        notes: Why its engine was taken, where that is worth a reader's notice.
    """

    identity: EmbedderIdentity
    dim: int
    device: str
    is_role_aware: bool
    notes: tuple[str, ...] = ()

    def sent_side(self, side: Side, role: Role | None) -> Side:
        """The side as this model is sent it: with the role, where that decides the way."""
        return replace(side, route=role) if self.is_role_aware else side

    def sent_pair(self, pair: PrefixPair) -> PrefixPair:
        """Both sides as this model is sent them."""
        query, document = self.sent_side(pair.query, Role.QUERY), self.sent_side(pair.document, Role.DOCUMENT)
        mixture = pair.mixture and replace(pair.mixture, document=self.sent_side(pair.mixture.document, Role.DOCUMENT))
        return replace(pair, query=query, document=document, mixture=mixture)


def recall_model(model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path) -> KnownModel | None:
    """What these files were found to be under these settings; ``None`` where they were never loaded here."""
    if folder is None:
        return None
    remembered = read_memo(_path(model, settings, folder, cache))
    try:
        notes = tuple(remembered.get("notes", ()))
        return KnownModel(**{**remembered, "identity": EmbedderIdentity(**remembered["identity"]), "notes": notes})
    except (KeyError, TypeError):
        return None


def remember_model(
    known: KnownModel, model: ModelSpec, settings: EncoderSettings, folder: Path | None, cache: Path
) -> None:
    """Keep what a model was found to be."""
    if folder is not None:
        write_memo(_path(model, settings, folder, cache), asdict(known))


def _path(model: ModelSpec, settings: EncoderSettings, folder: Path, cache: Path) -> Path:
    files = compute_weights_digest(folder, cache)
    subject = [model.model_dump(mode="json"), settings.model_dump(mode="json"), files]
    return cache / "models" / f"{hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()[:32]}.json"
