"""Finding a model's files: a folder, or a pinned revision on the hub."""

from __future__ import annotations

import fnmatch
import functools
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prefixbench.encode.repository import CODE_SUFFIX, READ_SUFFIXES, SETTINGS_NAME
from prefixbench.errors import HubUnreachableError, ModelLoadError
from prefixbench.plain import strip_credentials
from prefixbench.prefixes.vocabulary import TOKENIZER_NAME
from prefixbench.spec.sweep import ModelSpec

WANTED = tuple(f"*{suffix}" for suffix in (*READ_SUFFIXES, CODE_SUFFIX))
SERVICES = (
    "openai/text-embedding-*",
    "cohere/*embed-*",
    "voyageai/voyage-*[!o]",
    "mongodb/voyage-*[!o]",
    "google/text-embedding-*",
    "google/text-multilingual-embedding-*",
    "google/gemini-embedding-*",
    "bedrock/*",
)
"""Models that are reached through a vendor's interface; the hub has files of ``voyage-4-nano`` alone."""

UNWANTED = ("onnx/*", "openvino/*", "coreml/*")

ASKING_SECONDS = 5.0
"""How long the hub may take to tell of a file that can be done without."""

SILENT_SECONDS = 20.0
"""How long a hub may say nothing before it counts as unreachable; its client would wait for minutes, or without end."""


@functools.cache
def bound_waiting() -> None:
    """Let no request to the hub wait longer than ``SILENT_SECONDS`` for a sign of life, in this process."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory  # the public factories all build on it

    def bound(request: Any) -> None:  # noqa: ANN401 - of the client's own HTTP library
        asked = request.extensions.get("timeout") or {}
        kinds = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = {kind: min(asked.get(kind) or SILENT_SECONDS, SILENT_SECONDS) for kind in kinds}

    def make_client() -> Any:  # noqa: ANN401 - of the client's own HTTP library
        client = default_client_factory()
        client.event_hooks["request"].append(bound)
        return client

    set_client_factory(make_client)
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_strip_record)


def _strip_record(record: logging.LogRecord) -> bool:
    """Take passwords out of the addresses that the client logs."""
    record.msg, record.args = strip_credentials(record.getMessage()), ()
    return True


def fetch_settings(models: Iterable[ModelSpec]) -> None:
    """Fetch the small file in which a repository names its own prompts, into the hub's cache, where planning looks.

    A hub that does not answer once is not asked again, and nothing is said of it: loading the model will tell.
    """
    for model in models:
        try:
            _fetch_small(model.documented_as, SETTINGS_NAME, model.revision)
        except Exception:  # noqa: BLE001 - no answer is whatever the client's own HTTP library raises
            return


def fetch_tokenizer(name: str) -> Path | None:
    """The file of a model's tokenizer, from the hub's cache or the hub; ``None`` where it cannot be had."""
    if is_service(name):
        return None
    try:
        return _fetch_small(name, TOKENIZER_NAME)
    except Exception:  # noqa: BLE001 - no answer is whatever the client's own HTTP library raises
        return None


def is_service(name: str) -> bool:
    """Whether a model is reached through a vendor's interface, and has no files on the hub."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in SERVICES)


def _fetch_small(name: str, file: str, revision: str | None = None) -> Path | None:
    """A file that can be done without; ``None`` where there is none.

    Raises:
        Exception: The hub gives no answer; of any kind.
    """
    bound_waiting()
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, HFValidationError, RepositoryNotFoundError

    hub = HfApi()
    try:
        if isinstance(found := try_to_load_from_cache(name, file, revision=revision), str):
            return Path(found)
        # One request that is not repeated, where a download would try a dead network for half a minute.
        hub.model_info(name, revision=revision, timeout=ASKING_SECONDS)
        return Path(hub.hf_hub_download(name, file, revision=revision))
    except (EntryNotFoundError, GatedRepoError, HFValidationError, RepositoryNotFoundError):
        return None


def locate_model(model: ModelSpec) -> Path:
    """The folder with a model's files, downloaded at its revision where it is no folder.

    Raises:
        ModelLoadError: The repository or its revision does not exist, or is closed to this account.
        HubUnreachableError: The hub does not answer, or is switched off, and the files are not here.
    """
    folder = Path(model.name).expanduser()
    if folder.is_dir():
        return folder
    bound_waiting()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if is_service(model.name):
        raise ModelLoadError(
            f"model {model.name!r} is a vendor's service without weights; this version embeds with local models only."
        )
    at = f" at revision {model.revision}" if model.revision else ""
    try:
        return Path(
            snapshot_download(
                model.name,
                revision=model.revision,
                allow_patterns=list(WANTED),
                ignore_patterns=list(UNWANTED),
                max_workers=1,  # the client's threads share a session that one of them may close after a fault
            )
        )
    except GatedRepoError as error:
        raise ModelLoadError(
            f"model {model.name!r}{at} is closed: accept its terms on the hub and set HF_TOKEN."
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelLoadError(
            f"model {model.name!r} does not exist on the hub, is private, or is no folder here."
        ) from error
    except RevisionNotFoundError as error:
        raise ModelLoadError(f"model {model.name!r} has no revision {model.revision!r} on the hub.") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise HubUnreachableError(
            f"the hub cannot be reached for {model.name!r}{at}, and its files are not on this machine; download them "
            "where there is a network, or name a local folder with the model instead."
        ) from error
