"""A readable record beside the vectors of each namespace: which model made them, and how."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bench.encode.keys import Namespace
from bench.encode.protocol import EmbedderIdentity
from bench.encode.store.publish import publish_file
from bench.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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


def write_record(folder: Path, namespace: Namespace, dim: int) -> None:
    """Publish the record of a namespace's folder, where there is none yet.

    Raises:
        CacheError: The folder cannot be written to, or holds vectors of another length.
    """
    path = folder / RECORD_NAME
    if path.exists():
        known = load_record(folder)
        if known.dim != dim:
            raise CacheError(
                f"{folder}: vectors of {namespace.identity.model} have {known.dim} numbers here, "
                f"and {dim} now; the model changed without its weights' digest changing."
            )
        return
    stated = {**asdict(namespace.identity), **asdict(namespace)}
    del stated["identity"]
    stated |= {"dim": dim, "created": datetime.now(UTC).isoformat(timespec="seconds")}
    content = json.dumps(stated, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
    publish_file(path, lambda file: file.write(content + b"\n"))


def load_record(folder: Path) -> NamespaceRecord:
    """Read the record of a namespace's folder.

    Raises:
        CacheError: It is missing or damaged; names the file.
    """
    path = folder / RECORD_NAME
    try:
        stated: dict[str, Any] = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        identity = EmbedderIdentity(**{field.name: stated[field.name] for field in fields(EmbedderIdentity)})
        api = tuple((str(name), str(value)) for name, value in stated["api"])
        namespace = Namespace(identity, stated["adapter"], api, stated["prefix_pooling"])
        return NamespaceRecord(namespace, int(stated["dim"]), str(stated["created"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CacheError(f"{path}: no readable record of a namespace ({error}).") from error


def describe_changed_weights(records: Iterable[NamespaceRecord], identity: EmbedderIdentity) -> str | None:
    """A sentence where the same model at the same revision was seen with other weights, else nothing."""
    for record in records:
        known = record.namespace.identity
        same_name = (known.model, known.revision) == (identity.model, identity.revision)
        if same_name and known.weights_digest != identity.weights_digest:
            at = f" at revision {identity.revision}" if identity.revision else ""
            return (
                f"The weights of {identity.model}{at} changed under the same name: they were "
                f"{known.weights_digest[:12]} on {record.created[:10]} and are {identity.weights_digest[:12]} now; "
                "nothing embedded with the old ones is reused."
            )
    return None
