"""Claims from disk; a bad one is refused with every fault's file and line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from prefixbench.claims.claim import Claim, ClaimFile
from prefixbench.errors import SpecError
from prefixbench.faults import list_faults
from prefixbench.prefixes.toml_lines import UnreadableTomlError, read_toml
from prefixbench.spec.data import tasks_folder

if TYPE_CHECKING:
    from pathlib import Path


def load_claims(folder: Path | None = None) -> tuple[Claim, ...]:
    """Read every file of a folder, the project's own where absent, in the order of their names.

    Raises:
        SpecError: One or more faults, each with file and line.
    """
    folder = folder or tasks_folder() / "claims"
    claims: dict[str, Claim] = {}
    paths = sorted(folder.glob("*.toml"))
    faults = [] if paths else [f"{folder}: holds no claims; they stand in files named *.toml."]
    for path in paths:
        try:
            own = read_claim_file(path)
        except SpecError as error:
            faults += error.faults
            continue
        faults += [f"{path}: the claim {one.id!r} stands in another file too." for one in own if one.id in claims]
        claims |= {one.id: one for one in own}
    if faults:
        raise SpecError(faults)
    return tuple(claims.values())


def read_claim_file(path: Path) -> tuple[Claim, ...]:
    """Read and check one file.

    Raises:
        SpecError: Every fault found, each with file and line.
    """
    try:
        document, index = read_toml(path)
    except UnreadableTomlError as error:
        raise SpecError(f"{path}: {error}.") from None
    try:
        claims = ClaimFile.model_validate(document).claims
    except ValidationError as error:
        raise SpecError([index.write(path, fault) for fault in list_faults(error, ClaimFile)]) from None
    names = [claim.id for claim in claims]
    twice = [number for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise SpecError(
            [
                f"{path}:{index.line_of(('claims', one, 'id'))}: the claim {names[one]!r} stands here twice"
                for one in twice
            ]
        )
    return claims
