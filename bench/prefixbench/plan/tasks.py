"""From the names of a spec to task facts: mteb's registry, benchmarks, embedded tasks and classes handed in."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.errors import SpecError, UnknownNameError, describe_unknown_name
from prefixbench.spec.load import find_module
from prefixbench.spec.sweep import TaskSpec
from prefixbench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    import mteb

LABELS = "@labels"
"""Behind a task's name: its texts search for what its labels mean; ``@labels=FILE`` says what they mean."""

LABELLED_TYPES = {
    "Classification": "ndcg_at_1",
    "PairClassification": "ndcg_at_1",
    "MultilabelClassification": "map_at_1000",
}
"""Types of tasks whose labels can be retrieved, and the metric: whether the label is first, or how far up all are."""

TEXT_TASK_TYPES = frozenset(
    {
        "BitextMining",
        "Classification",
        "Clustering",
        "InstructionReranking",
        "InstructionRetrieval",
        "MultilabelClassification",
        "PairClassification",
        "Regression",
        "Reranking",
        "Retrieval",
        "STS",
        "Summarization",
        "ZeroShotClassification",
    }
)


def expand_tasks(specs: Iterable[TaskSpec], embedded: Mapping[str, TaskFacts]) -> tuple[TaskFacts, ...]:
    """Look up every task, a benchmark or an aggregate being the tasks it is made of.

    Args:
        specs: What was asked for.
        embedded: Facts of the tasks that come with the project.

    Raises:
        SpecError: Unknown tasks or subsets, or tasks that are not about text; all at once.
    """
    found: dict[str, TaskFacts] = {}
    faults: list[str] = []
    for index, spec in enumerate(specs):
        try:
            for facts in _expand_one(spec, embedded, f"sweep.tasks[{index}]"):
                found[facts.name] = _merge(found.get(facts.name), facts)
        except SpecError as error:
            faults.extend(error.faults)
    if faults:
        raise SpecError(faults)
    return tuple(found.values())


def _merge(known: TaskFacts | None, facts: TaskFacts) -> TaskFacts:
    if known is None:
        return facts
    return replace(known, hf_subsets=tuple(dict.fromkeys(known.hf_subsets + facts.hf_subsets)))


def _expand_one(spec: TaskSpec, embedded: Mapping[str, TaskFacts], place: str) -> list[TaskFacts]:
    name, marked, told = spec.name.partition(LABELS)
    if marked:
        bases = _expand_one(TaskSpec(name=name, subsets=spec.subsets), embedded, place)
        return [describe_label_task(base, told, place) for base in bases]
    if spec.name in embedded:
        return [_restrict(embedded[spec.name], spec.subsets, place)]
    tasks = _find_tasks(spec.name, embedded, place)
    facts = [task_facts(task, source) for task, source in tasks]
    if wrong := [f.name for f in facts if f.task_type not in TEXT_TASK_TYPES]:
        raise SpecError(
            f"{place}: {', '.join(wrong)} is not a text task; valid types: {', '.join(sorted(TEXT_TASK_TYPES))}."
        )
    if spec.subsets and len(facts) > 1:
        raise SpecError(f"{place}: {spec.name!r} is a benchmark; name the subsets of its tasks one by one.")
    return [_restrict(one, spec.subsets, place) for one in facts]


def describe_label_task(base: TaskFacts, told: str, place: str) -> TaskFacts:
    """The facts of the retrieval of a task's labels.

    Args:
        base: Of the task.
        told: What stands behind ``@labels``: nothing, or ``=FILE`` with what the labels mean.
        place: Where it was asked for.

    Raises:
        SpecError: The task has no labels, or the file cannot be read.
    """
    if base.task_type not in LABELLED_TYPES:
        raise SpecError(
            f"{place}: {base.name} is of type {base.task_type}; labels can be retrieved for "
            f"{', '.join(LABELLED_TYPES)}."
        )
    if told and not told.startswith("="):
        raise SpecError(f"{place}: {base.name}{LABELS}{told}: write {base.name}{LABELS} or {base.name}{LABELS}=FILE.")
    labels = _read_labels(Path(told[1:]).expanduser(), place) if told else ()
    digest = hashlib.sha256(repr(labels).encode()).hexdigest()[:8]
    return TaskFacts(
        name=f"{base.name}{LABELS}",
        task_type="Retrieval",
        main_score=LABELLED_TYPES[base.task_type],
        hf_subsets=base.hf_subsets,
        eval_splits=base.eval_splits,
        dataset_revision=f"{base.dataset_revision}-labels-{digest}",
        source="labels",
        license=base.license,
        languages=base.languages,
        base=base,
        labels=labels,
    )


def _read_labels(path: Path, place: str) -> tuple[tuple[str, str], ...]:
    """What labels mean: one table of TOML, or one object of JSON, from names to descriptions."""
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SpecError(f"{place}: {path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise SpecError(f"{place}: {path}: is neither TOML nor, named .json, JSON ({error}).") from None
    if (
        not isinstance(content, dict)
        or not content
        or not all(isinstance(one, str) and one for one in content.values())
    ):
        raise SpecError(f'{place}: {path}: must hold one description a label, as in similar = "The two say the same.".')
    return tuple(sorted(content.items()))


def _restrict(facts: TaskFacts, subsets: tuple[str, ...], place: str) -> TaskFacts:
    if not subsets:
        return facts
    if unknown := [name for name in subsets if name not in facts.hf_subsets]:
        raise SpecError([describe_unknown_name(f"subset of {facts.name}", u, facts.hf_subsets, place) for u in unknown])
    return replace(facts, hf_subsets=subsets)


def _find_tasks(name: str, embedded: Mapping[str, TaskFacts], place: str) -> list[tuple[mteb.AbsTask, str]]:
    import mteb
    from mteb.get_tasks import _TASKS_REGISTRY

    if name in _TASKS_REGISTRY:
        return [(member, "mteb") for member in _members(_TASKS_REGISTRY[name]())]
    if "." in name and importable(name):
        return [(import_task_class(name)(), name)]
    # Last, since it makes an object of every task of every benchmark.
    benchmarks = {benchmark.name: benchmark for benchmark in mteb.get_benchmarks()}
    if name in benchmarks:
        return [(member, "mteb") for task in benchmarks[name].tasks for member in _members(task)]
    raise UnknownNameError("task", name, [*_TASKS_REGISTRY, *benchmarks, *embedded], place)


def _members(task: mteb.AbsTask) -> list[mteb.AbsTask]:
    from mteb.abstasks.aggregated_task import AbsTaskAggregate

    return list(task.metadata.tasks) if isinstance(task, AbsTaskAggregate) else [task]


def importable(path: str) -> bool:
    """Whether the module of ``package.module.ClassName`` may be there to be imported."""
    return find_module(path) is not None


def import_task_class(path: str) -> type[mteb.AbsTask]:
    """The task class at ``package.module.ClassName``.

    Raises:
        SpecError: There is no such module, or no task class of that name in it.
    """
    import mteb

    module_name, _, class_name = path.rpartition(".")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last, so that a module of the working directory hides none that is installed
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 the module is the user's own code
        raise SpecError(f"task class {path!r}: {module_name} cannot be imported: {error}.") from None
    if inspect.isclass(found) and issubclass(found, mteb.AbsTask):
        return found
    raise SpecError(f"task class {path!r}: {module_name} has no task class {class_name}.")


def task_facts(task: mteb.AbsTask, source: str = "mteb") -> TaskFacts:
    """The facts of one mteb task object, with the subsets and splits it is set to."""
    metadata = task.metadata
    prompt = metadata.prompt
    return TaskFacts(
        name=metadata.name,
        task_type=metadata.type,
        main_score=metadata.main_score,
        hf_subsets=tuple(task.hf_subsets),
        eval_splits=tuple(task.eval_splits),
        dataset_revision=str(metadata.revision),
        prompt=tuple(sorted(prompt.items())) if isinstance(prompt, dict) else prompt,  # type: ignore[arg-type]
        source=source,
        license=metadata.license,
        subtypes=tuple(metadata.task_subtypes or ()),
        languages=tuple(metadata.languages),
    )
