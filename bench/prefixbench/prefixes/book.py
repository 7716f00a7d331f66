"""The prefix book: any model, any task, any condition, and exactly what is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefixbench.errors import InexpressibleError, PrefixNotFoundError, UnknownNameError, describe_unknown_name
from prefixbench.prefixes.card_files import FamilyCard, load_cards, load_own_cards
from prefixbench.prefixes.card_layer import CardDocumentation
from prefixbench.prefixes.documentation import Documentation, spoken
from prefixbench.prefixes.lineage import list_ancestors
from prefixbench.prefixes.registry_asker import registered_models
from prefixbench.prefixes.registry_layer import NoEmbeddingError, registry_documentation
from prefixbench.prefixes.repository_layer import CONFIG_NAME, find_repository
from prefixbench.prefixes.rule_context import RuleContext
from prefixbench.prefixes.rules import RULES
from prefixbench.prefixes.sources import Resolution, SourcedPair, resolution_of
from prefixbench.prefixes.undocumented import Undocumented
from prefixbench.prefixes.vocabulary import Vocabulary
from prefixbench.prefixes.wordings import Wordings
from prefixbench.spec.conditions import Condition, ConditionKind, Mechanism, Side
from prefixbench.spec.data import tasks_folder
from prefixbench.spec.sweep import CustomPrefix
from prefixbench.spec.tasks import TaskFacts
from prefixbench.spec.visible import show_whitespace

EVERY_ADAPTER = "*"
NO_ADAPTER = "none"


@dataclass(frozen=True)
class PrefixBook:
    """All three layers and the hand-written sentences.

    Attributes:
        cards: Our cards by model name.
        wordings: Instructions, rewordings and mismatches.
        folders: Folders of models whose files are at hand.
    """

    cards: Mapping[str, FamilyCard]
    wordings: Wordings
    folders: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        folder: Path | None = None,
        folders: Mapping[str, Path] | None = None,
        own_cards: Path | None = None,
    ) -> PrefixBook:
        """Read the cards and sentences.

        Args:
            folder: Holds ``prefixes/`` and the sentence files; the project's own ``tasks/`` where absent.
            folders: Folders of models whose files are at hand, by name; the hub's cache is looked at besides.
            own_cards: The user's own folder of cards; one of a model that has a card already replaces it.

        Raises:
            CardError: A card or a sentence file has a fault; every one is named with file and line.
        """
        root = folder or tasks_folder()
        own = {} if own_cards is None else load_own_cards(own_cards)
        return cls({**load_cards(root / "prefixes"), **own}, Wordings.load(root), dict(folders or {}))

    @property
    def families(self) -> Mapping[str, str]:
        """The first model of each family of cards whose strings are known, by family."""
        first: dict[str, str] = {}
        for name, entry in self.cards.items():
            if not entry.card.in_repository:
                first.setdefault(entry.family, name)
        return first

    def knows(self, model_name: str) -> bool:
        """Whether a card holds the model's strings, so that its repository need not be asked."""
        return model_name in self.cards and not self.cards[model_name].card.in_repository

    def documentation(self, model_name: str) -> Documentation:
        """What is known of a model: its card, else mteb's registry, else its repository's own config.

        Raises:
            PrefixNotFoundError: No layer documents it; the sentence names what each layer said.
        """
        entry = self.cards.get(model_name)
        if entry is not None and entry.card.in_repository:
            return self._read_repository(model_name, entry.card.note)
        if entry is not None:
            return CardDocumentation(model_name, entry.family, entry.card, self.wordings)
        try:
            return self.registry(model_name)
        except NoEmbeddingError:
            raise
        except PrefixNotFoundError as error:
            if repository := find_repository(model_name, self.folders):
                suggestion = "" if repository.prompts_sent else self.suggest(model_name)
                return replace(repository, suggestion=suggestion)
            suggestion = self.suggest(model_name)
            if model_name not in registered_models():
                known = {*self.cards, *registered_models()}
                raise PrefixNotFoundError(
                    f"no prefix is known for {model_name}: {describe_unknown_name('model', model_name, known)} "
                    f"Without a card (tasks/README.md) its {CONFIG_NAME} must be at hand; "
                    + (suggestion or "--like NAME takes another model's.")
                ) from error
            raise PrefixNotFoundError(
                f"no prefix is known for {model_name}: it has no card in tasks/prefixes, and {error}; "
                f"add a card (tasks/README.md) to run it{suggestion and f'; {suggestion}'}"
            ) from error

    def _read_repository(self, model_name: str, note: str) -> Documentation:
        if repository := find_repository(model_name, self.folders):
            return repository
        raise PrefixNotFoundError(
            f"no prefix is known for {model_name}: its strings stand in its {CONFIG_NAME}, which is not at hand. {note}"
        )

    def suggest(self, model_name: str) -> str:
        """One sentence on the nearest model with documented prefixes that this one was made from; empty without one."""
        for ancestor in list_ancestors(model_name, self.folders):
            entry = self.cards.get(ancestor.name)
            try:
                known = CardDocumentation(ancestor.name, entry.family, entry.card, self.wordings) if entry else None
                mechanism = (known or self.registry(ancestor.name)).mechanism
            except PrefixNotFoundError:
                continue
            if mechanism is not Mechanism.NONE:
                return (
                    f"it looks like a fine-tune of {ancestor.name} ({ancestor.said_by}); add --like {ancestor.name} to "
                    "take its prefixes."
                )
        return ""

    def registry(self, model_name: str) -> Documentation:
        """What mteb's registry says of a model, also where a card says otherwise.

        mteb reads a model's repository where its own entry holds no prompts; what that brings is known where the
        files are at hand, or where the card records it.

        Raises:
            PrefixNotFoundError: Nothing that can be used, with the reason.
        """
        repository = find_repository(model_name, self.folders)
        entry = self.cards.get(model_name)
        recorded = entry.card.repository_prompts if entry else {}
        return registry_documentation(model_name, repository.prompts if repository else recorded)

    def mechanism(self, model_name: str) -> Mechanism:
        """How a model takes its task.

        Raises:
            PrefixNotFoundError: No layer documents it.
        """
        return self.documentation(model_name).mechanism

    def resolve(
        self,
        model_name: str,
        task: TaskFacts,
        condition: Condition,
        *,
        custom: Mapping[str, CustomPrefix] | None = None,
        vocabulary: Vocabulary | None = None,
        seed: int = 42,
    ) -> Resolution:
        """What a model sends for a task under a condition.

        Args:
            model_name: A hub name, an embedded model's, or a local folder.
            task: The task.
            condition: A concrete condition; ``cross`` and ``adapter:*`` are expanded first.
            custom: The user's own prefixes by name.
            vocabulary: The model's tokenizer, which ``placebo`` needs.
            seed: The run's seed.

        Raises:
            InexpressibleError: The model cannot express the condition on this task; the text is the skip's reason.
            PrefixNotFoundError: No layer documents a prefix; never read as the empty one.
            SpecError: The condition names something that does not exist.
        """
        documentation: Documentation
        notes: tuple[str, ...] = ()
        try:
            documentation = self.documentation(model_name)
        except NoEmbeddingError:
            raise
        except PrefixNotFoundError as error:
            documentation, notes = Undocumented(model_name, str(error)), (str(error),)
        context = RuleContext(
            documentation=documentation,
            task=task,
            condition=condition,
            wordings=self.wordings,
            custom=custom or {},
            vocabulary=vocabulary,
            seed=seed,
            foreign=lambda family: self._foreign(documentation, family),
            registry=lambda: self._registry_or_skip(model_name),
        )
        pair = _apply_modifiers(RULES[condition.kind](context), condition, documentation)
        notes += self._warn_of_default(model_name) if condition.kind is ConditionKind.NONE else ()
        pair = replace(pair, notes=(*pair.notes, *notes))
        return resolution_of(pair, documentation.mechanism)

    def _warn_of_default(self, model_name: str) -> tuple[str, ...]:
        """Say that a library would send a prompt unasked, where the model's repository makes it."""
        repository = find_repository(model_name, self.folders)
        if repository is None or not repository.default_prompt:
            return ()
        sent = show_whitespace(repository.prompts.get(repository.default_prompt, ""))
        return (
            f"the repository of {model_name} has default_prompt_name {repository.default_prompt!r} ({sent}), which "
            "sentence-transformers sends unasked; none switches it off",
        )

    def expand(self, model_name: str, task: TaskFacts, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
        """Turn ``cross`` into every use the model has and ``adapter:*`` into every adapter, keeping the order.

        A condition with nothing to expand into stays as it is, so that resolving it says why.

        Raises:
            PrefixNotFoundError: No layer documents the model.
        """
        del task  # every use a model has is crossed with every task, whatever its type
        documentation = self.documentation(model_name)
        expanded: dict[Condition, None] = {}
        for condition in conditions:
            kinds = [condition]
            if condition.kind is ConditionKind.CROSS and condition.argument is None:
                kinds = [replace(condition, argument=use) for use in documentation.borrowable] or kinds
            for one in kinds:
                if one.adapter == EVERY_ADAPTER and documentation.adapters:
                    names = dict.fromkeys([*documentation.adapters, NO_ADAPTER])
                    expanded.update(dict.fromkeys(replace(one, adapter=name) for name in names))
                else:
                    expanded[one] = None
        return tuple(expanded)

    def _foreign(self, documentation: Documentation, family: str) -> Documentation:
        families = self.families
        if family not in families:
            raise UnknownNameError("family", family, families)
        if family == documentation.family:
            raise InexpressibleError(f"{documentation.model} is of the family {family}; its prefix is not foreign")
        return self.documentation(families[family])

    def _registry_or_skip(self, model_name: str) -> Documentation:
        try:
            return self.registry(model_name)
        except PrefixNotFoundError as error:
            raise InexpressibleError(f"mteb's registry has no prefix to apply: {error}") from error


def _apply_modifiers(pair: SourcedPair, condition: Condition, documentation: Documentation) -> SourcedPair:
    if condition.adapter is not None:
        known = [*documentation.adapters, NO_ADAPTER]
        if not documentation.adapters:
            raise InexpressibleError(f"{documentation.model} has no adapters, so {condition} cannot be expressed")
        if condition.adapter not in known:
            raise InexpressibleError(
                f"{documentation.model} has no adapter {condition.adapter!r}; it has {spoken(known)}"
            )
    query, document = (
        replace(sourced, side=_modified(sourced.side, condition)) for sourced in (pair.query, pair.document)
    )
    mixture = pair.mixture and replace(pair.mixture, document=_modified(pair.mixture.document, condition))
    return replace(pair, query=query, document=query if pair.document is pair.query else document, mixture=mixture)


def _modified(side: Side, condition: Condition) -> Side:
    if condition.adapter is not None:
        side = replace(side, adapter=condition.adapter)
    # Without a prefix there is nothing to pool or leave out, and the side is the same as without the modifier.
    if condition.pooling is not None and side.prefix:
        side = replace(side, pooling=condition.pooling)
    return side
