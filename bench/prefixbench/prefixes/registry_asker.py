"""Asking mteb's own resolvers which prompt a task gets, with no model behind them and no torch."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from prefixbench.prefixes.registry_values import INSTRUCTION_LOADERS, TEMPLATE_IN_MODULE
from prefixbench.spec.conditions import Role
from prefixbench.spec.tasks import TaskFacts

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models import ModelMeta
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.types import PromptType

_CLASS_OF_TYPE = {
    "InstructionRetrieval": "Retrieval",
    "InstructionReranking": "Retrieval",
    "Reranking": "Retrieval",
}


@dataclass(frozen=True, slots=True)
class TaskStub:
    """As much of a task's metadata as mteb's resolvers read."""

    name: str
    type: str
    prompt: str | dict[str, str] | None


@dataclass(frozen=True, slots=True)
class Instruction:
    """What mteb sends for a model that is instructed per task.

    Attributes:
        words: The instruction.
        filled: The instruction in the model's template.
        place: Where mteb found the words.
    """

    words: str
    filled: str
    place: str


def registered_models() -> Mapping[str, ModelMeta]:
    """Mteb's registry by model name; importing mteb takes seconds."""
    from mteb.models.model_implementations import MODEL_REGISTRY

    return cast("Mapping[str, ModelMeta]", MODEL_REGISTRY)


def loader_name(meta: ModelMeta) -> str:
    """The name of the class or function that loads a registered model."""
    loader = meta.loader
    return str(getattr(getattr(loader, "func", loader), "__name__", ""))


def template_of(meta: ModelMeta) -> Any:  # noqa: ANN401 mteb takes a string or a function
    """The instruction template of an entry, from its arguments or its loader's module."""
    name = loader_name(meta)
    if name in TEMPLATE_IN_MODULE:
        return getattr(sys.modules[meta.loader.__module__], TEMPLATE_IN_MODULE[name])
    return meta.loader_kwargs.get("instruction_template")


def instructs_passages(meta: ModelMeta) -> bool:
    """Whether passages get the instruction too."""
    by_default = INSTRUCTION_LOADERS[loader_name(meta)]
    return by_default and bool(meta.loader_kwargs.get("apply_instruction_to_passages", True))


def valid_prompts(meta: ModelMeta, repository_prompts: Mapping[str, str]) -> dict[str, str]:
    """The prompts mteb keeps after its own check of their keys; the repository's where the entry has none."""
    prompts = dict(meta.loader_kwargs.get("model_prompts") or repository_prompts)
    with _quiet():
        valid, _ = _asker().validate_task_to_prompt_name(prompts, raise_for_invalid_keys=False)
    return dict(valid or {})


def prompt_key(prompts: Mapping[str, str], task: TaskFacts, role: Role | None) -> str | None:
    """The key that mteb's resolver picks."""
    asker = _asker()
    asker.model_prompts = dict(prompts)
    return asker.get_prompt_name(_stub(task), _prompt_type(role))


def instruction_for(meta: ModelMeta, task: TaskFacts, role: Role | None) -> Instruction:
    """The instruction that mteb's resolver picks, and what its template makes of it."""
    prompts = meta.loader_kwargs.get("prompts_dict")
    asker = _asker()
    asker.instruction_template = template_of(meta)
    asker.prompts_dict = prompts
    if priority := meta.loader_kwargs.get("prompt_priority"):
        asker.prompt_priority = _prompt_sources(priority)
    with _quiet():
        stub = _stub(task)
        words = asker.get_instruction(stub, _prompt_type(role))
        if not words and task.prompt is None:
            # mteb looks a task's class up by its name, which a task of one's own is not found under.
            stub = _stub(task, _class_prompt(task.task_type))
            words = asker.get_instruction(stub, _prompt_type(role))
        filled = asker.get_task_instruction(stub, _prompt_type(role))
    keys = {task.name, task.task_type, role.value if role else None}
    place = "prompts_dict" if keys & set(prompts or {}) else "the task's prompt"
    return Instruction(str(words), filled, place)


def fill_template(meta: ModelMeta, words: str, role: Role | None) -> str:
    """Words of one's own in a registered model's template."""
    asker = _asker()
    asker.instruction_template = template_of(meta)
    return asker.format_instruction(words, _prompt_type(role))


@contextmanager
def _quiet() -> Iterator[None]:
    """Mteb warns of keys it drops and of sides without an instruction; here both are answers, and shown as such."""
    logger = logging.getLogger("mteb")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _stub(task: TaskFacts, default: str | None = None) -> TaskMetadata:
    prompt = dict(task.prompt) if isinstance(task.prompt, tuple) else task.prompt
    return cast("TaskMetadata", TaskStub(task.name, task.task_type, prompt or default))


def _prompt_type(role: Role | None) -> PromptType | None:
    from mteb.types import PromptType

    return None if role is None else PromptType(role.value)


def _prompt_sources(names: object) -> list[Any]:
    from mteb.models.abs_encoder import PromptSource

    return [PromptSource.from_str(str(name)) for name in cast("list[str]", names)]


@cache
def _class_prompt(task_type: str) -> str | None:
    """The instruction of mteb's task class for a type."""
    import mteb.abstasks

    task_class = getattr(mteb.abstasks, f"AbsTask{_CLASS_OF_TYPE.get(task_type, task_type)}", None)
    return cast("str | None", getattr(task_class, "abstask_prompt", None))


def _asker() -> AbsEncoder:
    return cast("AbsEncoder", _asker_class()())


@cache
def _asker_class() -> Any:  # noqa: ANN401 a class made when mteb is first needed
    """A model in name only: mteb's resolvers with nothing loaded behind them."""
    from mteb.models.abs_encoder import AbsEncoder

    class Asker(AbsEncoder):
        def encode(self, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401 mteb's signature
            raise TypeError("a model in name only embeds nothing")

    return Asker


def named_tasks(model: str) -> tuple[TaskFacts, ...]:
    """The text tasks that a registered model's entry has a prompt for by name."""
    import mteb

    prompts = registered_models()[model].loader_kwargs.get("model_prompts") or {}
    names = dict.fromkeys(key.removesuffix("-query").removesuffix("-document") for key in prompts)
    facts = []
    for name in names:
        try:
            metadata = mteb.get_task(name).metadata
        except KeyError:
            continue
        if metadata.modalities == ["text"]:
            subtypes = tuple(metadata.task_subtypes or ())
            facts.append(TaskFacts(name, metadata.type, metadata.main_score, subtypes=subtypes))
    return tuple(facts)
