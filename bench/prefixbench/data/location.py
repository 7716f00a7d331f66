"""Where data lie: on this machine, or on a hub, from which they are fetched once."""

from __future__ import annotations

import re
from pathlib import Path

from prefixbench.errors import HubUnreachableError, SpecError

HUB_ADDRESS = re.compile(r"hf://datasets/(?P<name>[\w.-]+/[\w.-]+?)(?:@(?P<revision>[\w.-]+))?(?:/(?P<path>.+))?")


def locate_data(path: str) -> Path:
    """Return the file or folder on this machine, fetched from the hub where it is an ``hf://`` address.

    Raises:
        SpecError: There is nothing there.
        HubUnreachableError: The hub did not answer for the repository.
    """
    if not path.startswith("hf://"):
        found = Path(path).expanduser()
        if not found.exists():
            raise SpecError(f"{path}: there is no such file or folder.")
        return found
    address = HUB_ADDRESS.fullmatch(path)
    if address is None:
        raise SpecError(f"{path}: expected hf://datasets/ORG/NAME, hf://datasets/ORG/NAME@REVISION/FILE or the like.")
    folder = _fetch(address["name"], address["revision"], (address["path"] or "").rstrip("/"))
    found = folder / (address["path"] or "")
    if not found.exists() or (found.is_dir() and not any(found.iterdir())):
        raise SpecError(f"{path}: the repository has no such file or folder.")
    return found


def _fetch(name: str, revision: str | None, path: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    wanted = [path, f"{path}/*"] if path else None
    try:
        return Path(snapshot_download(name, repo_type="dataset", revision=revision, allow_patterns=wanted))
    except RevisionNotFoundError:
        raise SpecError(f"hf://datasets/{name}: has no revision {revision!r}.") from None
    except RepositoryNotFoundError:
        raise SpecError(f"hf://datasets/{name}: there is no such repository, or it is not yours to read.") from None
    except (OSError, ValueError) as error:
        first = str(error).strip().split("\n")[0].rstrip(".")
        raise HubUnreachableError(f"the data set {name} cannot be fetched ({first}). Check HF_ENDPOINT.") from None
