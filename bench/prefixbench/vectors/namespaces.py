"""A readable record beside the vectors of each namespace: which model made them, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from prefixbench.errors import CacheError
from prefixbench.vectors.keys import Namespace
from prefixbench.vectors.publish import publish_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prefixbench.vectors.embedder import EmbedderIdentity

RECORD_NAME = "namespace.json"


@dataclass(frozen=True, slots=True)
class NamespaceRecord:
    """What ``namespace.json`` says.

    Attributes:
        namespace: Model, adapter, parameters and pooling.
        dim: Length of a vector.
        created: ISO 8601 time in UTC.
    """

    namespace: Namespace
    dim: int
    created: str


_RECORD = TypeAdapter(NamespaceRecord)


def write_record(folder: Path, namespace: Namespace, dim: int) -> None:
    """Publish the record of a namespace's folder, where there is no readable one yet.

    Raises:
        CacheError: The folder cannot be written to, or holds vectors of another length.
    """
    known = load_record(folder)
    if known is None:
        created = datetime.now(UTC).isoformat(timespec="seconds")
        content = _RECORD.dump_json(NamespaceRecord(namespace, dim, created), indent=2)
        publish_file(folder / RECORD_NAME, lambda file: file.write(content + b"\n"))
    elif known.dim != dim:
        raise CacheError(
            f"{folder}: vectors of {namespace.identity.model} have {known.dim} numbers here and {dim} now; "
            "the model changed, though the digest of its weights did not."
        )


def load_record(folder: Path) -> NamespaceRecord | None:
    """Read the record of a namespace's folder; ``None`` where there is none that can be read."""
    path = folder / RECORD_NAME
    try:
        return _RECORD.validate_json(path.read_bytes()) if path.is_file() else None
    except (OSError, ValidationError):
        return None


def describe_changed_weights(records: Iterable[NamespaceRecord], identity: EmbedderIdentity) -> str | None:
    """A sentence where the same model at the same revision was last seen with other weights, else nothing."""
    for record in sorted(records, key=lambda one: one.created, reverse=True):
        known = record.namespace.identity
        if (known.model, known.revision) != (identity.model, identity.revision):
            continue
        if known.weights_digest == identity.weights_digest:
            return None
        at = f" at revision {identity.revision}" if identity.revision else ""
        return (
            f"The weights of {identity.model}{at} changed under the same name: they were "
            f"{known.weights_digest[:12]} on {record.created[:10]} and are {identity.weights_digest[:12]} now; "
            "nothing embedded with the old ones is reused."
        )
    return None
