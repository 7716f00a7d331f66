"""What planning needs to know of a task, without its data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefixbench.spec.sweep import DataSpec

ROLE_TASK_TYPES = frozenset({"Retrieval", "Reranking", "InstructionRetrieval", "InstructionReranking"})
"""mteb passes a ``prompt_type`` for these alone; every other type's texts have no role."""

PAIR_TASK_TYPES = frozenset({"STS", "PairClassification", "BitextMining"})
"""Types whose items are two texts that are compared with each other."""


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """One task's metadata, in mteb's spelling.

    Attributes:
        name: mteb's task name, or the embedded task's.
        task_type: mteb's ``metadata.type``.
        main_score: The metric verdicts are about.
        hf_subsets: Every subset to run.
        eval_splits: Every split to run.
        dataset_revision: The commit, or the content hash of embedded data.
        prompt: mteb's own instruction, for all texts (``str``) or by role (pairs).
        source: ``mteb``, ``starter``, ``data``, ``labels`` or ``package.module.Class``.
        license: The data's licence, which decides whether a report may carry its text.
        subtypes: mteb's ``task_subtypes``, which some cards use to tell question answering from fact checking.
        languages: ISO codes, as mteb gives them.
        data: The user's own data that the task is made of, with its guesses filled in.
        base: The task whose labels are retrieved, for ``TASK@labels``.
        labels: What each label means, by its name; the names themselves where empty.
    """

    name: str
    task_type: str
    main_score: str
    hf_subsets: tuple[str, ...] = ("default",)
    eval_splits: tuple[str, ...] = ("test",)
    dataset_revision: str = ""
    prompt: str | tuple[tuple[str, str], ...] | None = None
    source: str = "mteb"
    license: str | None = None
    subtypes: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    data: DataSpec | None = None
    base: TaskFacts | None = None
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def origin(self) -> TaskFacts:
        """The task that its data are of: itself, but for the retrieval of another's labels."""
        return self if self.base is None else self.base.origin

    @property
    def has_roles(self) -> bool:
        """Whether texts are told apart as queries and documents."""
        return self.task_type in ROLE_TASK_TYPES
