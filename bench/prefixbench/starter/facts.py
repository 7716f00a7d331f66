"""What each starter task is, without its data."""

from __future__ import annotations

from dataclasses import dataclass

from prefixbench.spec.tasks import TaskFacts
from prefixbench.starter.recipe import load_recipe, recipe_digest


@dataclass(frozen=True, slots=True)
class StarterTask:
    """One starter task in mteb's words."""

    name: str
    task_type: str
    main_score: str
    description: str
    subtypes: tuple[str, ...] = ()


STARTER_TASKS = (
    StarterTask(
        "StarterDocRetrieval",
        "Retrieval",
        "ndcg_at_10",
        "Find the rest of a function's documentation by its one-line summary.",
    ),
    StarterTask(
        "StarterCodeRetrieval",
        "Retrieval",
        "ndcg_at_10",
        "Find a function's source code by its one-line summary.",
        ("Code retrieval",),
    ),
    StarterTask(
        "StarterReranking",
        "Reranking",
        "map_at_1000",
        "Rank the functions that maintainers link under See Also above others of the same module.",
    ),
    StarterTask(
        "StarterPairClassification",
        "PairClassification",
        "max_ap",
        "Tell pairs of functions that maintainers link under See Also from others of the same module.",
    ),
    StarterTask(
        "StarterClassification",
        "Classification",
        "accuracy",
        "Tell the subpackage a function belongs to by its one-line summary.",
        ("Topic classification",),
    ),
    StarterTask(
        "StarterClustering",
        "Clustering",
        "v_measure",
        "Group functions by subpackage by their one-line summaries.",
        ("Thematic clustering",),
    ),
)


def describe_facts(task: StarterTask) -> TaskFacts:
    """A starter task's facts; the revision covers the recipe and the installed packages' versions."""
    return TaskFacts(
        name=task.name,
        task_type=task.task_type,
        main_score=task.main_score,
        dataset_revision=recipe_digest(),
        source="starter",
        license=load_recipe().test[0].license,
        subtypes=task.subtypes,
        languages=("eng",),
    )
