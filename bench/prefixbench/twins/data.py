"""Training batches: the same functions ask for different neighbours in each task, so that the tasks pull apart."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from prefixbench.errors import SpecError
from prefixbench.starter.corpus import deduplicate, group_near_duplicates, load_corpus, load_functions
from prefixbench.starter.documentation import DocumentedFunction
from prefixbench.starter.recipe import load_recipe
from prefixbench.starter.selection import group_by_module, resolve_links
from prefixbench.twins.config import BatchRules, TwinConfig


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One anchor, what it should lie near, and where the task has one, what it should not."""

    anchor: str
    positive: str
    negative: str | None = None


Batch = tuple[TrainingRow, ...]


def load_training_functions(
    config: TwinConfig, *, validation: bool = False, cache: Path | None = None
) -> list[DocumentedFunction]:
    """Functions of the training packages, without any that is nearly a text of the starter tasks.

    Args:
        config: Says which packages are kept for validation.
        validation: Load those instead of the others.
        cache: Folder of the extraction cache.
    """
    recipe = load_recipe()
    packages = [one for one in recipe.train if (one.module in config.validation_packages) is validation]
    found = deduplicate([one for package in packages for one in load_functions(package, cache)], recipe.texts)
    return drop_near_duplicates(found, load_corpus(recipe, cache), recipe.texts.near_duplicate)


def drop_near_duplicates(
    functions: Sequence[DocumentedFunction], held_out: Sequence[DocumentedFunction], threshold: float
) -> list[DocumentedFunction]:
    """Leave out functions whose summary is nearly that of a held-out one."""
    groups = group_near_duplicates([one.summary for one in (*functions, *held_out)], 2, threshold)
    forbidden = set(groups[len(functions) :].tolist())
    return [one for one, group in zip(functions, groups, strict=False) if int(group) not in forbidden]


class BatchMaker:
    """Draws batches of each task from one set of functions.

    Args:
        functions: Deduplicated.
        rules: What a batch is made of.
        size: Rows a batch.
    """

    def __init__(self, functions: Sequence[DocumentedFunction], rules: BatchRules, size: int) -> None:
        self.rules, self.size = rules, size
        self.by_name = {one.qualified_name: one for one in functions}
        self.functions = sorted(functions, key=lambda one: one.qualified_name)
        self.links = resolve_links(self.functions)
        self.documented = [
            one for one in self.functions if len(one.documentation.split()) >= rules.documentation_words // 2
        ]
        self.coded = [one for one in self.functions if len(one.code.split()) >= rules.documentation_words]
        self.modules = group_by_module(self.functions)
        topics: dict[str, list[DocumentedFunction]] = defaultdict(list)
        for one in self.functions:
            topics[one.subpackage].append(one)
        self.topics = {name: found for name, found in topics.items() if len(found) >= rules.least_per_subpackage}
        self._vectors = TfidfVectorizer(sublinear_tf=True).fit_transform([one.summary for one in self.functions])
        self._place = {one.qualified_name: place for place, one in enumerate(self.functions)}

    def makers(self) -> dict[str, Callable[[np.random.Generator], Batch]]:
        """The function that draws a batch, by task."""
        negatives = self.rules.negatives
        return {
            "search": self.draw_search,
            "clustering": functools.partial(self.draw_topic, kind=negatives.clustering),
            "classification": functools.partial(self.draw_topic, kind=negatives.classification),
            "similarity": self.draw_similarity,
        }

    def _draw_siblings(
        self, eligible: Sequence[DocumentedFunction], rng: np.random.Generator
    ) -> Iterator[DocumentedFunction]:
        """Handfuls of one module each, so that in-batch negatives are siblings."""
        modules = [found for _, found in sorted(group_by_module(eligible).items()) if len(found) >= 2]
        for place in rng.permutation(len(modules)):
            found = modules[place]
            for one in rng.choice(len(found), size=min(self.rules.siblings, len(found)), replace=False):
                yield found[one]

    def draw_search(self, rng: np.random.Generator) -> Batch:
        """Summary → own documentation, or own code; those of siblings are what it must not be."""
        is_code = bool(rng.random() < self.rules.code_share)
        drawn = itertools.islice(self._draw_siblings(self.coded if is_code else self.documented, rng), self.size)
        return tuple(TrainingRow(one.summary, self._cut(one.code if is_code else one.documentation)) for one in drawn)

    def _cut(self, text: str) -> str:
        return " ".join(text.split()[: self.rules.documentation_words])

    def draw_similarity(self, rng: np.random.Generator) -> Batch:
        """Summary → summary of a See Also neighbour; unlinked siblings are what it must not be.

        They are siblings that are in the batch, and with negatives of kind ``sibling`` one more for each row.
        """
        rows: list[TrainingRow] = []
        taken: set[str] = set()
        linked = [one for one in self.functions if self.links.get(one.qualified_name)]
        for one in self._draw_siblings(linked, rng):
            targets = sorted(self.links[one.qualified_name] - taken)
            if one.qualified_name in taken or not targets:
                continue
            target = targets[int(rng.integers(len(targets)))]
            # whatever is linked to either would be a false negative of this row
            close = {one.qualified_name, target} | self.links[one.qualified_name] | self.links[target]
            negative = None
            if self.rules.negatives.similarity == "sibling":
                unlinked = [other for other in self.modules[one.module] if other.qualified_name not in close]
                if not unlinked:
                    continue
                negative = unlinked[int(rng.integers(len(unlinked)))].summary
            taken |= close
            rows.append(TrainingRow(one.summary, self.by_name[target].summary, negative))
            if len(rows) == self.size:
                break
        return tuple(rows)

    def draw_topic(self, rng: np.random.Generator, kind: str = "lookalike") -> Batch:
        """Summary → another summary of its subpackage; the negative is what another task would call right.

        Args:
            rng: Of the draws.
            kind: ``lookalike``: of a subpackage that is not in the batch. ``documentation``: the anchor's own.
        """
        names = sorted(self.topics)
        chosen = [names[place] for place in rng.choice(len(names), size=min(self.size, len(names) // 2), replace=False)]
        rows = []
        for name in chosen:
            first, second = rng.choice(len(self.topics[name]), size=2, replace=False)
            anchor = self.topics[name][first]
            own = self._cut(
                anchor.code if anchor.code and rng.random() < self.rules.code_share else anchor.documentation
            )
            if kind == "documentation" and own:
                negative = own
            else:
                negative = self._draw_lookalike(anchor, set(chosen), rng).summary
            rows.append(TrainingRow(anchor.summary, self.topics[name][second].summary, negative))
        return tuple(rows)

    def _draw_lookalike(
        self, anchor: DocumentedFunction, topics: set[str], rng: np.random.Generator
    ) -> DocumentedFunction:
        similarity = (self._vectors @ self._vectors[self._place[anchor.qualified_name]].T).toarray().ravel()
        outside = [
            self.functions[place]
            for place in np.argsort(-similarity, kind="stable")[: 20 * self.rules.lookalikes]
            if self.functions[place].subpackage not in topics
        ]
        drawn: DocumentedFunction = outside[int(rng.integers(min(self.rules.lookalikes, len(outside))))]
        return drawn


def draw_batches(maker: BatchMaker, tasks: Sequence[str], steps: int, seed: int) -> dict[str, list[Batch]]:
    """The batches of each task, in the order they are seen; the same for every variant of one seed.

    Raises:
        SpecError: The functions do not fill a batch of some task.
    """
    rng = np.random.default_rng(seed)
    makers = maker.makers()
    drawn: dict[str, list[Batch]] = {task: [] for task in tasks}
    for step in range(steps):
        task = tasks[step % len(tasks)]
        batch = makers[task](rng)
        if len(batch) < maker.size:
            raise SpecError(
                f"twins.optimiser.batch_size: {maker.size} is more than the {len(batch)} pairs "
                f"that one batch of {task!r} can hold."
            )
        drawn[task].append(batch)
    return drawn
