"""What own data became, as planning needs to know it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from prefixbench.data.prepare import Prepared, prepare_data
from prefixbench.errors import HubUnreachableError, ScoreError, SpecError
from prefixbench.plan.tasks import LABELS, describe_label_task
from prefixbench.spec.sweep import DataSpec
from prefixbench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    import mteb

MAIN_SCORES = {
    "Retrieval": "ndcg_at_10",
    "Reranking": "map_at_1000",
    "STS": "cosine_spearman",
    "PairClassification": "max_ap",
    "BitextMining": "f1",
    "Clustering": "v_measure",
    "Classification": "accuracy",
    "MultilabelClassification": "accuracy",
}
"""The metric that verdicts are about, as in most of mteb's tasks of the type."""


def expand_data(specs: Iterable[DataSpec], cache: Path | None = None) -> tuple[TaskFacts, ...]:
    """Read and check own data; each becomes a task.

    Args:
        specs: Where they are, and what was said of them.
        cache: The cache folder, in which tables are kept; the user's where absent.

    Raises:
        SpecError: They cannot be read, fit no layout, are faulty, or share a name; all faults at once.
    """
    found: dict[str, TaskFacts] = {}
    faults: list[str] = []
    for spec in specs:
        try:
            facts = _expand_one(spec, cache)
        except (SpecError, HubUnreachableError) as error:
            faults.extend(error.faults if isinstance(error, SpecError) else [str(error)])
            continue
        if facts.name in found:
            faults.append(
                f"{spec.path}: its task would be named {facts.name!r} like another; give it a name of its own."
            )
        found[facts.name] = facts
    if faults:
        raise SpecError(faults)
    return tuple(found.values())


def _expand_one(spec: DataSpec, cache: Path | None) -> TaskFacts:
    """Data, or behind ``FILE@labels`` the retrieval of their labels; a file of that very name goes first."""
    path, marked, told = spec.path.rpartition(LABELS)
    if not marked or Path(spec.path).expanduser().exists():
        return _make_facts(spec, cache)
    return describe_label_task(_make_facts(spec.model_copy(update={"path": path}), cache), told, spec.path)


def _make_facts(spec: DataSpec, cache: Path | None) -> TaskFacts:
    from mteb.languages import check_language_code

    for code in spec.languages:
        try:
            check_language_code(code)
        except ValueError:
            raise SpecError(
                f"{spec.path}: language {code!r} is none that mteb knows; write it as in eng-Latn or deu-Latn."
            ) from None
    prepared = prepare_data(spec, cache)
    name = spec.name or _name_data(spec.path)
    told = spec.model_copy(
        update={"name": name, "type": prepared.task_type, "columns": tuple(prepared.columns.items())}
    )
    return TaskFacts(
        name=name,
        task_type=prepared.task_type,
        main_score=MAIN_SCORES[prepared.task_type],
        dataset_revision=prepared.sha256,
        source="data",
        languages=tuple(dict.fromkeys(code.split("-")[0] for code in spec.languages)),
        data=told,
    )


def _name_data(path: str) -> str:
    name = re.sub(r"(\.gz)?$", "", path.rstrip("/").rpartition("/")[2] or "data", count=1)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).stem if "." in name.strip(".") else name).strip("-.") or "data"


def describe_data(facts: TaskFacts, cache: Path | None = None) -> str:
    """Say what data were taken for, so that a wrong guess is seen before it costs anything."""
    if facts.base is not None:
        return f"{describe_data(facts.base, cache)}; {facts.name!r} retrieves its labels"
    assert facts.data is not None
    prepared = _find_prepared(facts.data, cache)
    columns = ", ".join(f"{part} = {column}" for part, column in facts.data.columns) or "corpus, queries and judgements"
    rows = ", ".join(f"{count:,} {name}" for name, count in prepared.rows.items())
    return (
        f"{facts.data.path}: {facts.task_type} task {facts.name!r} ({columns}; rows: {rows}; "
        f"{', '.join(facts.data.languages)}; revision {facts.dataset_revision[:8]})"
    )


@cache
def _find_prepared(spec: DataSpec, cache: Path | None) -> Prepared:
    return prepare_data(spec, cache)


def load_data_task(facts: TaskFacts, cache: Path | None = None) -> mteb.AbsTask:
    """A fresh task object over the data.

    Raises:
        SpecError: The data can no longer be read.
        ScoreError: They are others than when the sweep was planned.
    """
    from prefixbench.data.tasks import make_task  # mteb takes seconds to import

    assert facts.data is not None
    prepared = _find_prepared(facts.data, cache)
    if prepared.sha256 != facts.dataset_revision:
        raise ScoreError(f"{facts.name}: {facts.data.path} was changed while the sweep ran; start it again.")
    return make_task(facts, prepared)
