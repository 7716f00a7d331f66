"""Each model's prefixes, with the vocabulary that a placebo is drawn from where the model's files are at hand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prefixbench.errors import ModelLoadError, PrefixNotFoundError
from prefixbench.prefixes import PrefixBook, Resolution, TokenizerVocabulary
from prefixbench.spec.conditions import Condition, PrefixPair
from prefixbench.spec.sweep import CustomPrefix, ModelSpec
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True)
class Resolver:
    """Knows the strings of each model under each condition: ``PrefixBook`` as planning asks it.

    Attributes:
        book: The cards, mteb's registry and repository configs.
        find_folder: The folder with a model's files, ``None`` where they are not at hand yet.
        check: Told what was resolved; raises ``InexpressibleError`` where a model cannot be told it.
    """

    book: PrefixBook
    find_folder: Callable[[ModelSpec], Path | None]
    check: Callable[[ModelSpec, PrefixPair], None]

    def expand(self, model: ModelSpec, task: TaskFacts, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        """Conditions that stand for several as the several they stand for; as they are for an undocumented model."""
        try:
            return self.book.expand(model.documented_as, task, conditions)
        except PrefixNotFoundError:
            return conditions

    def resolve(
        self, model: ModelSpec, task: TaskFacts, condition: Condition, custom: Mapping[str, CustomPrefix], seed: int
    ) -> Resolution:
        """The strings of one condition.

        Raises:
            InexpressibleError: The model, or the endpoint it is called at, cannot be told this.
            PrefixNotFoundError: Nothing documents the model's strings.
        """
        folder = self.find_folder(model)
        vocabulary = _load_vocabulary(folder) if folder is not None else None
        name = model.documented_as
        found = self.book.resolve(name, task, condition, custom=custom, vocabulary=vocabulary, seed=seed)
        self.check(model, found.pair)
        return found


@functools.cache
def _load_vocabulary(folder: Path) -> TokenizerVocabulary | None:
    try:
        return TokenizerVocabulary.load(folder)
    except ModelLoadError:
        return None  # a model without a tokenizer has no placebo; loading it tells what is wrong with its file
