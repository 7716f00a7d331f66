"""Whether a model that nobody here knows is on the hub, asked before anything is planned to be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.encode.hub import bound_waiting
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.run.planning import find_local_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prefixbench.spec.sweep import ModelSpec

SECONDS = 5.0
"""How long the hub may take to answer; a plan is not worth waiting longer for."""


def check_names(models: Iterable[ModelSpec], cache: Path) -> tuple[str, ...]:
    """Ask the hub for models that are neither on this machine nor known by a card or mteb's registry.

    Args:
        models: Of the sweep, in its order.
        cache: Where merged twins are kept.

    Returns:
        The names that could not be checked, since no hub answered.

    Raises:
        SpecError: The hub has no such model, or not at the revision asked for; all faults at once.
    """
    elsewhere = [
        (index, model)
        for index, model in enumerate(models)
        if EndpointSettings.of(model) is None and find_local_folder(model, cache) is None
    ]
    known = _known_models() if elsewhere else frozenset[str]()
    faults: list[str] = []
    unchecked: list[str] = []
    for index, model in elsewhere:
        if model.name in known:
            continue
        found = None if unchecked else _ask_hub(model, known)  # a hub that is silent once is not asked again
        if found is None:
            unchecked.append(model.name)
        elif found:
            faults.append(f"sweep.models[{index}]: {found}")
    if faults:
        raise SpecError(faults)
    return tuple(unchecked)


def _known_models() -> frozenset[str]:
    from prefixbench.prefixes.book import PrefixBook
    from prefixbench.prefixes.registry_asker import registered_models

    return frozenset({*PrefixBook.load().cards, *registered_models()})


def _ask_hub(model: ModelSpec, known: Iterable[str]) -> str | None:
    """Return what is wrong with a name, nothing where it is right; ``None`` where no hub answered."""
    bound_waiting()
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        HfApi().model_info(model.name, revision=model.revision, timeout=SECONDS)
    except GatedRepoError:
        return ""
    except RevisionNotFoundError:
        return f"model {model.name!r} has no revision {model.revision!r} on the hub."
    except (RepositoryNotFoundError, HFValidationError):
        return f"{describe_unknown_name('model', model.name, known)} The hub has none of this name, or it is private."
    except Exception:  # noqa: BLE001 no answer is whatever the client's own HTTP library raises
        return None
    return ""
