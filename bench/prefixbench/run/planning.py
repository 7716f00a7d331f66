"""From a spec to a plan: facts of tasks, pinned revisions, prefixes and vocabularies."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from prefixbench.data import expand_data
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import PrefixbenchError, SpecError, UnknownNameError
from prefixbench.plan.expand import Plan, expand_plan
from prefixbench.plan.resolver import Resolver
from prefixbench.plan.tasks import expand_tasks
from prefixbench.prefixes import PrefixBook
from prefixbench.spec.conditions import PrefixPair
from prefixbench.spec.sweep import ModelSpec, SweepSpec
from prefixbench.spec.tasks import TaskFacts
from prefixbench.starter import embedded_models, locate_model, starter_facts

HUB_NAME = re.compile(r"[\w./-]+")

FindFolder = Callable[[ModelSpec], Path | None]


def make_plan(spec: SweepSpec, find_folder: FindFolder, cache: Path | None = None) -> tuple[Plan, Resolver]:
    """Lay out a sweep; the resolver that named its strings comes with it.

    Args:
        spec: What was asked for.
        find_folder: The folder with a model's files; a placebo can only be drawn from a tokenizer at hand.
        cache: The cache folder, in which tables of own data are kept; the user's where absent.

    Raises:
        SpecError: Unknown models, tasks or subsets; all at once.
    """
    faults = [fault for index, model in enumerate(spec.models) for fault in _model_faults(model, index)]
    tasks: tuple[TaskFacts, ...] = ()
    expansions: tuple[Callable[[], tuple[TaskFacts, ...]], ...] = (
        lambda: expand_tasks(spec.tasks, starter_facts()),
        lambda: expand_data(spec.data, cache),
    )
    for expand in expansions:
        try:
            tasks += expand()
        except SpecError as error:
            faults.extend(error.faults)
    faults += _shared_names(tasks)
    if faults:
        raise SpecError(faults)
    resolver = make_resolver(spec.models, find_folder, spec.cards)
    return expand_plan(spec, tasks, resolver, pin_revision), resolver


def _shared_names(tasks: tuple[TaskFacts, ...]) -> list[str]:
    """Own data must not go by the name of a task that the sweep has besides."""
    others = {task.name for task in tasks if task.origin.data is None}
    return [
        f"{own.path}: another task is named {task.name!r}; give it a name of its own."
        for task in tasks
        if (own := task.origin.data) is not None and task.name in others
    ]


def make_resolver(models: Iterable[ModelSpec], find_folder: FindFolder, own_cards: str | None = None) -> Resolver:
    """What knows the prefixes of these models, also of those only their repositories or the user's cards document."""
    find_once = functools.cache(find_folder)
    models = tuple(models)
    folders = {model.documented_as: folder for model in models if (folder := find_once(model)) is not None}
    book = PrefixBook.load(folders=folders, own_cards=None if own_cards is None else Path(own_cards).expanduser())
    _fetch_settings(one for one in models if one.documented_as not in folders and not book.knows(one.documented_as))
    return Resolver(book, find_once, _check_endpoint)


def _fetch_settings(models: Iterable[ModelSpec]) -> None:
    """What only a model's own repository documents is known before the model is: the first run is like the second."""
    elsewhere = [
        pin_revision(one) for one in models if "/" in one.documented_as and HUB_NAME.fullmatch(one.documented_as)
    ]
    if elsewhere:
        from prefixbench.encode.hub import fetch_settings

        fetch_settings(elsewhere)


def _check_endpoint(model: ModelSpec, pair: PrefixPair) -> None:
    """Refuse what the endpoint that a model is called at cannot be told."""
    if (endpoint := EndpointSettings.of(model)) is not None:
        mixed = pair.mixture.document if pair.mixture else pair.document
        for side in (pair.query, pair.document, mixed):
            endpoint.backend.check_side(side)


def _model_faults(model: ModelSpec, index: int) -> list[str]:
    """A name with a slash may be on a hub, and only loading it can tell; any other must be known."""
    try:
        if EndpointSettings.of(model) is not None:
            return []
    except SpecError as error:
        return [f"sweep.models[{index}]: {fault}" for fault in error.faults]
    if "/" in model.name or model.name in embedded_models() or Path(model.name).is_dir():
        return []
    from mteb.models.model_implementations import MODEL_REGISTRY

    known = [*embedded_models(), *MODEL_REGISTRY]
    return list(UnknownNameError("model", model.name, known, f"sweep.models[{index}]").faults)


def pin_revision(model: ModelSpec) -> ModelSpec:
    """The model with the revision it will be loaded at: as asked for, else as mteb's registry pins it."""
    if model.revision is not None or Path(model.name).is_dir() or EndpointSettings.of(model) is not None:
        return model
    from mteb.models.model_implementations import MODEL_REGISTRY

    registered = MODEL_REGISTRY.get(model.name)
    return model if registered is None else model.model_copy(update={"revision": registered.revision})


def find_local_folder(model: ModelSpec, cache: Path | None = None) -> Path | None:
    """The folder with a model's files, if they are on this machine: named, embedded, or in the hub's cache.

    For a model that is called, the files of the one it is like.

    Args:
        model: Which.
        cache: Where embedded models that are made on the machine are kept; the user's cache folder where absent.
    """
    if EndpointSettings.of(model) is not None:
        model = ModelSpec(name=model.documented_as, revision=model.revision)
        if EndpointSettings.of(model) is not None or HUB_NAME.fullmatch(model.name) is None:
            return None
    if Path(model.name).is_dir():
        return Path(model.name)
    embedded = locate_model(model.name, cache)
    if embedded is not None:
        return embedded
    if HUB_NAME.fullmatch(model.name) is None:
        return None  # a name of mteb's registry that no hub has
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model.name, "config.json", revision=pin_revision(model).revision)
    return Path(config).parent if isinstance(config, str) else None


def fetch_folder(model: ModelSpec, cache: Path | None = None) -> Path | None:
    """The folder with a model's files, downloaded if need be; ``None`` where that fails, as loading it will tell."""
    from prefixbench.encode.hub import locate_model as download_model

    local = find_local_folder(model, cache)
    if local is not None or EndpointSettings.of(model) is not None:
        return local
    try:
        return download_model(pin_revision(model))
    except PrefixbenchError:
        return None
