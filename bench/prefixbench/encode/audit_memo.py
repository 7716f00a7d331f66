"""Audits that need not be made again: of the same texts, sent with the same side, to the same model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from prefixbench.files import read_memo, write_memo
from prefixbench.vectors.embedder import RoleAudit

if TYPE_CHECKING:
    from prefixbench.encode.request import Request
    from prefixbench.spec.conditions import Role

_AUDIT = TypeAdapter(RoleAudit)


@dataclass(frozen=True, slots=True)
class AuditMemo:
    """A folder of audits, one file each, under a digest of all that an audit depends on."""

    folder: Path

    def recall(self, request: Request, role: Role | None) -> RoleAudit | None:
        """The audit of these texts, where it was made before and is still what was written."""
        try:
            audit = _AUDIT.validate_python(read_memo(self._path(request, role)))
        except ValidationError:
            return None
        side = request.side
        found = (audit.role, audit.prefix, audit.n_texts, audit.adapter, audit.api)
        return audit if found == (_name(role), side.prefix, len(request), side.adapter, dict(side.api)) else None

    def remember(self, request: Request, role: Role | None, audit: RoleAudit) -> None:
        """Keep an audit; a folder that cannot be written to only costs time later."""
        write_memo(self._path(request, role), _AUDIT.dump_python(audit, mode="json"))

    def _path(self, request: Request, role: Role | None) -> Path:
        # Keys cover the model as loaded, what is sent and every text in order, but for what decides no vector.
        digest = hashlib.sha256(request.keys.data)
        digest.update(json.dumps([_name(role), request.side.prefix, request.side.title_slot]).encode())
        return self.folder / f"{digest.hexdigest()}.json"


def _name(role: Role | None) -> str:
    return "text" if role is None else role.value
