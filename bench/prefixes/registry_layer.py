"""The second layer: mteb's registry, asked through mteb's own resolvers, without weights and without torch."""

from __future__ import annotations

import importlib.metadata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from bench.errors import InexpressibleError, PrefixNotFoundError
from bench.prefixes.card_layer import as_prefix
from bench.prefixes.documentation import plain_side, spoken
from bench.prefixes.registry_models import API_PARAMETER, NOT_ONE_VECTOR, READERS, Reader
from bench.prefixes.sources import SideSource, SourcedPair, SourcedSide
from bench.prefixes.uses import TASK_TYPE_OF_USE, Use
from bench.spec.conditions import Mechanism, Role, Side
from bench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder

_MECHANISMS = {
    Reader.TEXT: Mechanism.PREFIX,
    Reader.API: Mechanism.API,
    Reader.ADAPTER: Mechanism.ADAPTER,
    Reader.INSTRUCTION: Mechanism.TEMPLATE,
}
_NOTHING = SourcedSide(Side(), SideSource("rule", "nothing is sent, by definition of the baseline"), Use.NOTHING)


@dataclass(frozen=True, slots=True)
class TaskStub:
    """As much of a task's metadata as mteb's resolvers read."""

    name: str
    type: str
    prompt: str | dict[str, str] | None


def registered_models() -> Mapping[str, ModelMeta]:
    """Mteb's registry by model name; importing mteb takes seconds."""
    from mteb.models.model_implementations import MODEL_REGISTRY

    return cast("Mapping[str, ModelMeta]", MODEL_REGISTRY)


def registry_documentation(model: str) -> RegistryDocumentation:
    """What mteb's registry says of a model.

    Raises:
        PrefixNotFoundError: It says nothing that can be used, with the reason.
    """
    meta = registered_models().get(model)
    if meta is None:
        raise PrefixNotFoundError(f"{model} is not in mteb's registry")
    if refusal := refusal_of(meta):
        raise PrefixNotFoundError(f"{model} {refusal}")
    return RegistryDocumentation(model, meta)


def refusal_of(meta: ModelMeta) -> str | None:
    """Why a registered model has no prefix that could be varied here, as the rest of a sentence."""
    for model_type in meta.model_type:
        if model_type in NOT_ONE_VECTOR:
            return NOT_ONE_VECTOR[model_type]
    if "text" not in meta.modalities:
        return f"embeds {spoken(meta.modalities)}, not text"
    if meta.loader is None:
        return "has no loader in mteb"
    loader = loader_name(meta)
    if _prompts_of(meta) is None and meta.use_instructions is not False:
        if READERS.get(loader) is Reader.TEXT:
            return "has no prompts in mteb's registry; mteb takes those of its repository, which is not at hand"
        return f"keeps its prompts in the code of mteb's {loader}, where they cannot be read without running it"
    return None


def loader_name(meta: ModelMeta) -> str:
    """The name of the class or function that loads a registered model."""
    loader = meta.loader
    return str(getattr(getattr(loader, "func", loader), "__name__", ""))


def _prompts_of(meta: ModelMeta) -> Mapping[str, Any] | None:
    """The prompts an entry holds: ``{}`` for an instruction model without any of its own, ``None`` for none at all."""
    reader = READERS.get(loader_name(meta))
    if reader is Reader.INSTRUCTION:
        return cast("Mapping[str, Any]", meta.loader_kwargs.get("prompts_dict") or {})
    prompts = meta.loader_kwargs.get("model_prompts") if reader else None
    return cast("Mapping[str, Any]", prompts) if prompts else None


@dataclass(frozen=True, slots=True)
class RegistryDocumentation:
    """A registry entry, answering the rules' questions.

    Attributes:
        model: The name asked for.
        meta: mteb's entry.
    """

    model: str
    meta: ModelMeta

    @property
    def family(self) -> None:
        """The registry knows no families."""
        return

    @property
    def wording(self) -> str:
        """``label`` or ``sentence``, told by length."""
        prompts = self._prompts or {}
        longest = max((len(str(text).split()) for text in prompts.values()), default=0)
        return "sentence" if longest > 4 else "label"

    @property
    def mechanism(self) -> Mechanism:
        """How the model takes its task."""
        return Mechanism.NONE if self._prompts is None or self._reader is None else _MECHANISMS[self._reader]

    @property
    def adapters(self) -> tuple[str, ...]:
        """Adapters named by the entry."""
        if self._reader is not Reader.ADAPTER:
            return ()
        return tuple(dict.fromkeys(str(value) for value in (self._prompts or {}).values()))

    @property
    def borrowable(self) -> tuple[str, ...]:
        """Uses for which the entry has a string of its own."""
        if self._prompts is None:
            return ()
        if self._reader is Reader.INSTRUCTION:
            return tuple(use.value for use in TASK_TYPE_OF_USE)
        keys = {Use.QUERY: "query", Use.DOCUMENT: "document", **TASK_TYPE_OF_USE}
        keys[Use.QUERY] = "query"
        return tuple(use.value for use, key in keys.items() if self._prompts.get(key))

    def nothing(self) -> SourcedSide:
        """What sending no prefix is."""
        if loader_name(self.meta) == "CohereTextEmbeddingModel":
            raise InexpressibleError(f"{self.model} cannot be sent nothing: its interface demands an input_type")
        bare = Side(adapter="none") if self._reader is Reader.ADAPTER else Side()
        return SourcedSide(bare, _NOTHING.source, Use.NOTHING)

    def documented(self, task: TaskFacts) -> SourcedPair:
        """What mteb applies to this task."""
        query, rule = self._ask(task, Role.QUERY if task.has_roles else None)
        if not task.has_roles:
            return SourcedPair.same(query, rule, self._notes)
        document, document_rule = self._ask(task, Role.DOCUMENT)
        return SourcedPair(query, document, f"queries: {rule}; documents: {document_rule}", self._notes)

    def borrowed(self, use: str, task: TaskFacts) -> SourcedPair:
        """What mteb applies to another kind of task."""
        if use not in self.borrowable:
            raise InexpressibleError(
                f"{self.model} has no prefix for {use!r} in mteb's registry; it has {spoken(self.borrowable) or 'none'}"
            )
        named = Use(use)
        if self._reader is not Reader.INSTRUCTION and named in {Use.QUERY, Use.DOCUMENT}:
            side, _ = self._ask(_stand_in("Retrieval"), Role(use))
        else:
            side, _ = self._ask(_stand_in(TASK_TYPE_OF_USE[named]), Role.QUERY if named is Use.QUERY else None)
        if task.has_roles and self._reader is Reader.INSTRUCTION:
            document, _ = self._ask(task, Role.DOCUMENT)
            return SourcedPair(side, document, f"mteb's {use} instruction is borrowed for queries")
        return SourcedPair.same(side, f"mteb's {use} prompt is borrowed")

    def instructed(
        self, instruction: str, document_instruction: str, source: SideSource, task: TaskFacts
    ) -> SourcedPair:
        """A natural-language instruction, in the entry's template where it has one."""
        template = self.meta.loader_kwargs.get("instruction_template")
        base = self.nothing()

        def side(words: str, role: Role | None) -> SourcedSide:
            filled = (
                self._asker(template).format_instruction(words, _prompt_type(role)) if template else as_prefix(words)
            )
            return SourcedSide(plain_side(filled, base.side), source, "instruction", words)

        query = side(instruction, Role.QUERY if task.has_roles else None)
        if not task.has_roles:
            return SourcedPair.same(query, "the instruction before the text")
        on_documents = template is not None and self.meta.loader_kwargs.get("apply_instruction_to_passages", True)
        document = side(document_instruction, Role.DOCUMENT) if on_documents else base
        return SourcedPair(query, document, "the instruction before the query; documents as mteb's entry rules")

    @property
    def _reader(self) -> Reader | None:
        return READERS.get(loader_name(self.meta))

    @property
    def _prompts(self) -> Mapping[str, Any] | None:
        return _prompts_of(self.meta)

    @property
    def _notes(self) -> tuple[str, ...]:
        if self._prompts is None:
            return (f"mteb's registry says {self.model} uses no instructions, so correct is the same as none",)
        return ()

    def _asker(self, template: object = None, prompts: Mapping[str, Any] | None = None) -> AbsEncoder:
        asker = _asker_class()()
        asker.instruction_template = cast("Any", template)
        asker.prompts_dict = cast("Any", dict(prompts) if prompts else None)
        return asker

    def _ask(self, task: TaskFacts, role: Role | None) -> tuple[SourcedSide, str]:
        if self._prompts is None:
            return SourcedSide(Side(), _cite("use_instructions is false"), Use.NOTHING), "no instructions are used"
        if self._reader is Reader.INSTRUCTION:
            return self._ask_instruction(task, role)
        prompts = _valid_prompts(self.meta, self._reader)
        asker = self._asker()
        asker.model_prompts = prompts
        key = asker.get_prompt_name(_stub(task), _prompt_type(role))
        if key is None and loader_name(self.meta) == "NomicWrapper":
            key = Role.DOCUMENT.value
        if key is None:
            cited = _cite(f"no key of {spoken(list(prompts))} matches {task.task_type}", certain=False)
            return SourcedSide(self.nothing().side, cited, Use.NOTHING), "no key matches, so mteb sends nothing"
        value = prompts[key]
        return SourcedSide(self._as_side(value), _cite(f"the key {key!r}"), key), f"the key {key!r} matches"

    def _as_side(self, value: str) -> Side:
        if self._reader is Reader.API:
            return Side(api=((API_PARAMETER[loader_name(self.meta)], value),))
        if self._reader is Reader.ADAPTER:
            texts = getattr(self.meta.loader, "jina_task_to_prompt", {})
            return Side(texts.get(value, ""), adapter=value)
        return Side(value)

    def _ask_instruction(self, task: TaskFacts, role: Role | None) -> tuple[SourcedSide, str]:
        kwargs = self.meta.loader_kwargs
        if role is Role.DOCUMENT and not kwargs.get("apply_instruction_to_passages", True):
            cited = _cite("apply_instruction_to_passages is false")
            return SourcedSide(Side(), cited, Use.NOTHING), "passages take no instruction"
        asker = self._asker(kwargs.get("instruction_template"), self._prompts)
        if priority := kwargs.get("prompt_priority"):
            asker.prompt_priority = tuple(_prompt_sources(priority))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            stub = _stub(task)
            words = asker.get_instruction(stub, _prompt_type(role))
            if not words and task.prompt is None:
                stub = _stub(task, default=_class_prompt(task.task_type))
                words = asker.get_instruction(stub, _prompt_type(role))
            filled = asker.get_task_instruction(stub, _prompt_type(role))
        place = "prompts_dict" if words in (self._prompts or {}).values() else "the task's prompt"
        return (
            SourcedSide(Side(filled), _cite(f"{place} in instruction_template"), "instruction", words),
            f"{place} in the template",
        )


def _stub(task: TaskFacts, default: str | None = None) -> TaskMetadata:
    prompt = dict(task.prompt) if isinstance(task.prompt, tuple) else task.prompt
    return cast("TaskMetadata", TaskStub(task.name, task.task_type, prompt or default))


def _stand_in(task_type: str) -> TaskFacts:
    return TaskFacts(name="", task_type=task_type, main_score="")


def _cite(detail: str, *, certain: bool = True) -> SideSource:
    return SideSource("mteb", f"mteb {importlib.metadata.version('mteb')}, registry: {detail}", certain)


def _prompt_type(role: Role | None) -> Any:  # noqa: ANN401 mteb's enum, imported only when it is needed
    from mteb.types import PromptType

    return None if role is None else PromptType(role.value)


def _prompt_sources(names: object) -> list[Any]:
    from mteb.models.abs_encoder import PromptSource

    return [PromptSource.from_str(str(name)) for name in cast("list[str]", names)]


def _valid_prompts(meta: ModelMeta, reader: Reader | None) -> dict[str, str]:
    """The prompts mteb keeps after its own check of their keys."""
    prompts = dict(meta.loader_kwargs["model_prompts"])
    if reader is not Reader.TEXT:
        return prompts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        valid, _ = _asker_class()().validate_task_to_prompt_name(prompts, raise_for_invalid_keys=False)
    return dict(valid or {})


@cache
def _class_prompt(task_type: str) -> str | None:
    """The instruction of mteb's task class for a type, which it uses for a task without one of its own."""
    import mteb.abstasks

    name = {"InstructionRetrieval": "Retrieval", "InstructionReranking": "Retrieval", "Reranking": "Retrieval"}.get(
        task_type, task_type
    )
    task_class = getattr(mteb.abstasks, f"AbsTask{name}", None)
    return cast("str | None", getattr(task_class, "abstask_prompt", None))


@cache
def _asker_class() -> Callable[[], AbsEncoder]:
    """A model in name only: mteb's resolvers with nothing loaded behind them."""
    from mteb.models.abs_encoder import AbsEncoder

    class Asker(AbsEncoder):
        def encode(self, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401 mteb's signature
            raise TypeError("a model in name only embeds nothing")

    return cast("Callable[[], AbsEncoder]", Asker)
