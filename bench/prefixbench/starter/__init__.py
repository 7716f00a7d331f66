"""Embedded tasks and models, made on the user's machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.errors import UnknownNameError
from prefixbench.spec.tasks import TaskFacts
from prefixbench.starter.facts import STARTER_TASKS, describe_facts
from prefixbench.starter.models import EmbeddedModel, embedded_models, locate_model
from prefixbench.starter.recipe import version_deviations

if TYPE_CHECKING:
    from pathlib import Path

    import mteb

__all__ = [
    "EmbeddedModel",
    "embedded_models",
    "load_starter_task",
    "locate_model",
    "starter_facts",
    "starter_task_names",
    "version_deviations",
]


def starter_task_names() -> tuple[str, ...]:
    """Names of the starter tasks, in the order they are run."""
    return tuple(task.name for task in STARTER_TASKS)


def starter_facts() -> dict[str, TaskFacts]:
    """Facts of every starter task, known without reading any documentation."""
    return {task.name: describe_facts(task) for task in STARTER_TASKS}


def load_starter_task(name: str, cache: Path | None = None) -> mteb.AbsTask:
    """A fresh task object with its data loaded; ``dataset_sha256`` is the content hash of its items.

    Args:
        name: One of ``starter_task_names()``.
        cache: Folder of the extraction cache; ``prefixbench/starter`` in the user's cache folder where absent.

    Raises:
        UnknownNameError: No starter task has this name.
    """
    if name not in starter_task_names():
        raise UnknownNameError("starter task", name, starter_task_names())
    from prefixbench.starter.tasks import task_classes  # mteb takes seconds to import; facts must not pay for it

    task = task_classes(cache)[name]()
    task.load_data()
    return task
