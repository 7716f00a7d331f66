"""The second layer: mteb's registry, asked through mteb's own resolvers, without weights and without torch."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes.documentation import as_prefix, is_sentence, plain_side, spoken
from prefixbench.prefixes.registry_asker import (
    fill_template,
    instruction_for,
    instructs_passages,
    loader_name,
    prompt_key,
    registered_models,
    template_of,
    valid_prompts,
)
from prefixbench.prefixes.registry_values import INSTRUCTION_LOADERS, NOT_ONE_VECTOR, TEXT, VALUE_READERS, ValueReader
from prefixbench.prefixes.sources import NOTHING_SOURCE, SideSource, SourcedPair, SourcedSide
from prefixbench.prefixes.uses import TASK_TYPE_OF_USE, Use
from prefixbench.spec.conditions import Mechanism, Role, Side
from prefixbench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    from mteb.models import ModelMeta

_ROLE_KEYS = {Use.QUERY: "query", Use.DOCUMENT: "document"}


class NoEmbeddingError(PrefixNotFoundError):
    """A registered model that makes no dense vector of a text; no other layer could help."""


def registry_documentation(model: str, repository_prompts: Mapping[str, str]) -> RegistryDocumentation:
    """What mteb's registry says of a model.

    Args:
        model: Its name.
        repository_prompts: The prompts in its repository's own config, as far as they are known.

    Raises:
        PrefixNotFoundError: It says nothing that can be used, with the reason.
    """
    meta = registered_models().get(model)
    if meta is None:
        raise PrefixNotFoundError(f"{model} is not in mteb's registry")
    _check_embeds_text(model, meta)
    if meta.loader is None:
        raise PrefixNotFoundError(f"{model} has no loader in mteb")
    name = loader_name(meta)
    reader = VALUE_READERS.get(name)
    if name in INSTRUCTION_LOADERS:
        return RegistryDocumentation(model, meta, None, {})
    if reader is not None:
        prompts = valid_prompts(meta, repository_prompts if reader is TEXT else {})
        if prompts or not reader.needs_prompts:
            return RegistryDocumentation(model, meta, reader, prompts)
    if meta.use_instructions is False:
        return RegistryDocumentation(model, meta, TEXT, {})
    if reader is TEXT:
        raise PrefixNotFoundError(
            f"{model} has no prompts in mteb's registry; mteb takes those of its repository, which is not at hand"
        )
    raise PrefixNotFoundError(
        f"{model} keeps its prompts in the code of mteb's {name}, where they cannot be read without running it"
    )


def _check_embeds_text(model: str, meta: ModelMeta) -> None:
    for model_type in meta.model_type:
        if model_type in NOT_ONE_VECTOR:
            raise NoEmbeddingError(f"{model} {NOT_ONE_VECTOR[model_type]}")
    if "text" not in meta.modalities:
        raise NoEmbeddingError(f"{model} embeds {spoken(sorted(meta.modalities))}, not text")


@dataclass(frozen=True, slots=True)
class RegistryDocumentation:
    """A registry entry, answering the rules' questions.

    Attributes:
        model: The name asked for.
        meta: mteb's entry.
        reader: What its values are; ``None`` for a model instructed per task.
        prompts: Its values by key, as mteb keeps them after its own check.
    """

    model: str
    meta: ModelMeta
    reader: ValueReader | None
    prompts: Mapping[str, str]

    @property
    def family(self) -> None:
        """The registry knows no families."""
        return

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``, told by length."""
        return "sentence" if any(is_sentence(text) for text in self.prompts.values()) else "label"

    @property
    def layer(self) -> str:
        """The name of this layer."""
        return "mteb"

    @property
    def mechanism(self) -> Mechanism:
        """How the model takes its task."""
        if self.reader is None:
            return Mechanism.TEMPLATE
        return self.reader.mechanism if self._has_prompts else Mechanism.NONE

    @property
    def adapters(self) -> Sequence[str]:
        """Adapters named by the entry."""
        if self.reader is None or self.reader.mechanism is not Mechanism.ADAPTER:
            return ()
        sides = [self.reader.read(value, None) for value in self.prompts.values()]
        return tuple(dict.fromkeys(side.adapter for side in sides if side.adapter))

    @property
    def borrowable(self) -> Sequence[str]:
        """Uses for which the entry has a string of its own."""
        if self.reader is None:
            return tuple(use.value for use in TASK_TYPE_OF_USE)
        keys = {**TASK_TYPE_OF_USE, **_ROLE_KEYS}
        return tuple(use.value for use, key in keys.items() if self.prompts.get(key))

    def nothing(self) -> SourcedSide:
        """What sending no prefix is.

        Raises:
            InexpressibleError: The interface demands a task.
        """
        if "ohere" in loader_name(self.meta):
            raise InexpressibleError(f"{self.model} cannot be sent nothing: its interface demands an input_type")
        bare = Side(adapter="none") if self.mechanism is Mechanism.ADAPTER else Side()
        return SourcedSide(bare, NOTHING_SOURCE, Use.NOTHING)

    def documented(self, task: TaskFacts) -> SourcedPair:
        """What mteb applies to this task."""
        notes: tuple[str, ...] = ()
        if self.mechanism is Mechanism.NONE:
            notes = (f"mteb's registry says {self.model} uses no instructions, so correct is the same as none",)
        query, rule = self._ask(task, Role.QUERY if task.has_roles else None)
        if not task.has_roles:
            return SourcedPair.same(query, rule, notes)
        document, document_rule = self._ask(task, Role.DOCUMENT)
        return SourcedPair(query, document, f"queries: {rule}; documents: {document_rule}", notes)

    def borrowed(self, use: str, task: TaskFacts) -> SourcedPair:
        """What mteb applies to another kind of task.

        Raises:
            InexpressibleError: The entry has nothing for that use.
        """
        if use not in self.borrowable:
            raise InexpressibleError(
                f"{self.model} has no prefix for {use!r} in mteb's registry; it has {spoken(self.borrowable) or 'none'}"
            )
        named = Use(use)
        role = Role(use) if named in _ROLE_KEYS else None
        stand_in = TaskFacts(name="", task_type=TASK_TYPE_OF_USE.get(named, "Retrieval"), main_score="")
        side, _ = self._ask(stand_in, role)
        if task.has_roles and self.reader is None:
            document, _ = self._ask(task, Role.DOCUMENT)
            return SourcedPair(side, document, f"mteb's {use} instruction is borrowed for queries")
        return SourcedPair.same(side, f"mteb's {use} prompt is borrowed")

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """A natural-language instruction, in the entry's template where it has one."""
        has_template = self.reader is None and template_of(self.meta) is not None

        def side(words: str, role: Role | None) -> SourcedSide:
            filled = fill_template(self.meta, words, role) if has_template else as_prefix(words)
            return SourcedSide(plain_side(filled, self.nothing().side), source, "instruction", words)

        query = side(instruction, Role.QUERY if task.has_roles else None)
        if not task.has_roles:
            return SourcedPair.same(query, "the instruction before the text")
        on_documents = has_template and instructs_passages(self.meta)
        document = side(document_instruction, Role.DOCUMENT) if on_documents else self.nothing()
        return SourcedPair(query, document, "the instruction before the query; documents as mteb's entry rules")

    @property
    def _has_prompts(self) -> bool:
        return bool(self.prompts) or (self.reader is not None and not self.reader.needs_prompts)

    def _ask(self, task: TaskFacts, role: Role | None) -> tuple[SourcedSide, str]:
        if self.reader is None:
            return self._ask_instruction(task, role)
        if not self._has_prompts:
            cited = _cite("use_instructions is false")
            return SourcedSide(Side(), cited, Use.NOTHING), "no instructions are used"
        key = prompt_key(self.prompts, task, role) or self.reader.fallback_key
        side = self.reader.read(self.prompts.get(key) if key else None, role)
        if key is not None:
            return SourcedSide(side, _cite(f"the key {key!r}"), key), f"the key {key!r} matches"
        cited = _cite("no key matches", certain=False)
        sent = "sends nothing" if side in {Side(), Side(adapter="none")} else "falls back on its wrapper's own"
        return SourcedSide(side, cited, Use.NOTHING), f"no key matches, so mteb {sent}"

    def _ask_instruction(self, task: TaskFacts, role: Role | None) -> tuple[SourcedSide, str]:
        if role is Role.DOCUMENT and not instructs_passages(self.meta):
            cited = _cite("passages take no instruction")
            return SourcedSide(Side(), cited, Use.NOTHING), "passages take no instruction"
        found = instruction_for(self.meta, task, role)
        rule = f"{found.place} in the template"
        return SourcedSide(Side(found.filled), _cite(rule), "instruction", found.words), rule


def _cite(detail: str, *, certain: bool = True) -> SideSource:
    return SideSource("mteb", f"mteb {importlib.metadata.version('mteb')}, registry: {detail}", certain)
