"""The recipe of the starter tasks as a value, read from ``tasks/starter.toml``."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import tomllib

from pydantic import Field

from prefixbench.spec.data import tasks_folder
from prefixbench.spec.sweep import Frozen


class SourcePackage(Frozen):
    """One installed package whose documentation is read.

    Attributes:
        distribution: The name it is installed under.
        module: The folder it is imported from.
        version: The version the committed figures come from.
        license: Of its documentation, in mteb's spelling.
        exclude: Paths inside the package that are left out.
        transparent: Path parts that group nothing, so that the part after them names the subpackage.
    """

    distribution: str
    module: str
    version: str
    license: str
    exclude: tuple[str, ...] = ()
    transparent: tuple[str, ...] = ()


class TextRules(Frozen):
    """What counts as a documented function.

    Attributes:
        summary_words: Fewest and most words of a one-line summary.
        documentation_words: Fewest words of the rest of a docstring, and the number kept.
        code_words: The same for source code.
        near_duplicate: Jaccard similarity from which two texts count as one.
        leaked_share: Share of the query's word pairs that may not be exceeded in its own answer.
    """

    summary_words: tuple[int, int]
    documentation_words: tuple[int, int]
    code_words: tuple[int, int]
    near_duplicate: float = Field(gt=0, le=1)
    leaked_share: float = Field(gt=0, le=1)


class RetrievalSize(Frozen):
    """How many queries and documents a retrieval task has."""

    queries: int
    documents: int


class RerankingSize(Frozen):
    """How many queries, and how many candidates each."""

    queries: int
    positives: int
    negatives: int
    least_negatives: int


class PairSize(Frozen):
    """How many pairs, half of them linked."""

    pairs: int


class ClassificationSize(Frozen):
    """Which labels are kept, and how many texts."""

    least_per_label: int
    train_per_label: int
    test: int


class ClusteringSize(Frozen):
    """Which labels are kept, how many texts, and how often they are drawn and clustered."""

    least_per_label: int
    texts: int
    draws: int


class Recipe(Frozen):
    """Everything that decides the items of the starter tasks."""

    recipe: int
    test: tuple[SourcePackage, ...]
    train: tuple[SourcePackage, ...]
    texts: TextRules
    doc_retrieval: RetrievalSize
    code_retrieval: RetrievalSize
    reranking: RerankingSize
    pair_classification: PairSize
    classification: ClassificationSize
    clustering: ClusteringSize


@functools.cache
def load_recipe() -> Recipe:
    """The recipe in ``tasks/starter.toml``."""
    return Recipe.model_validate(tomllib.loads((tasks_folder() / "starter.toml").read_text(encoding="utf-8")))


def installed_version(package: SourcePackage) -> str | None:
    """The version found on this machine without any local suffix (``+cpu``); ``None`` where it is not installed."""
    try:
        return importlib.metadata.version(package.distribution).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def version_deviations() -> tuple[str, ...]:
    """One sentence for each test package whose installed version is not the recipe's."""
    sentences = []
    for package in load_recipe().test:
        found = installed_version(package)
        if found is None:
            sentences.append(
                f"{package.distribution} is not installed; the starter tasks are made without its documentation."
            )
        elif found != package.version:
            sentences.append(
                f"{package.distribution} is installed as {found}, not {package.version}; "
                "the starter tasks have other items than those of the committed results."
            )
    return tuple(sentences)


@functools.cache
def recipe_digest() -> str:
    """Sixteen hex digits over the recipe and the installed versions of the test packages: the tasks' revision."""
    recipe = load_recipe()
    identity = {
        "recipe": recipe.model_dump(mode="json", exclude={"train"}),
        "installed": {package.distribution: installed_version(package) for package in recipe.test},
    }
    encoded = json.dumps(identity, sort_keys=True, allow_nan=False).encode()
    return hashlib.sha256(encoded).hexdigest()[:16]
