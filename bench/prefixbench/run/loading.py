"""Task objects with their data: from the hub, from the embedded starter, or from a class handed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.encode.hub import bound_waiting
from prefixbench.errors import HubUnreachableError, ScoreError
from prefixbench.plain import first_line

if TYPE_CHECKING:
    from pathlib import Path

    import mteb

    from prefixbench.spec.tasks import TaskFacts


def load_task(facts: TaskFacts, cache: Path | None = None) -> mteb.AbsTask:
    """One task with the data of every subset and split in ``facts``.

    Args:
        facts: Which.
        cache: The cache folder, in which tables of own data are kept; the user's where absent.

    Raises:
        HubUnreachableError: The data are not at hand and the hub does not answer; names the repository.
        ScoreError: The data came, but are not what the task expects.
    """
    task = _build_task(facts, cache)
    if task.data_loaded:
        return task
    bound_waiting()
    try:
        task.load_data()
    except (ConnectionError, OSError) as error:
        raise HubUnreachableError(describe_unreachable(facts, task.metadata.dataset["path"], error)) from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ScoreError(f"{facts.name}: its data cannot be loaded: {first_line(error)}") from error
    return task


def _build_task(facts: TaskFacts, cache: Path | None) -> mteb.AbsTask:
    if facts.source == "starter":
        from prefixbench.starter import load_starter_task

        return load_starter_task(facts.name)
    if facts.source == "data":
        from prefixbench.data import load_data_task

        return load_data_task(facts, cache)
    if facts.base is not None:
        from prefixbench.score.label_retrieval import make_label_task

        return make_label_task(facts, load_task(facts.base, cache))
    import mteb

    if facts.source == "mteb":
        task = mteb.get_task(facts.name, eval_splits=list(facts.eval_splits))
    else:
        from prefixbench.plan.tasks import import_task_class

        task = import_task_class(facts.source)()
        task.filter_eval_splits(list(facts.eval_splits))
    if task.metadata.is_multilingual:
        task = task.filter_languages(None, hf_subsets=list(facts.hf_subsets))
    return task


def describe_unreachable(facts: TaskFacts, repository: str, error: BaseException) -> str:
    """One sentence that names the repository and what to do."""
    return (
        f"{facts.name}: the data set {repository} cannot be fetched ({first_line(error)}). Check HF_ENDPOINT and the "
        "network; offline, run the sweep `starter`, which needs no hub, or fetch the data once while online."
    )
