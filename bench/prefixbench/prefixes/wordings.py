"""Sentences written by hand: instructions, rewordings, and whose prefix serves as the wrong one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from prefixbench.errors import CardError, PrefixNotFoundError
from prefixbench.faults import list_faults
from prefixbench.prefixes.sources import SideSource
from prefixbench.prefixes.toml_lines import LineIndex
from prefixbench.prefixes.uses import Use
from prefixbench.spec.conditions import Role
from prefixbench.spec.tasks import TaskFacts

N_PARAPHRASES = 5


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TypeInstruction(_Part):
    """One task type's instruction.

    Attributes:
        text: For queries, and for texts without a role.
        document: For documents, of models that take one there.
    """

    text: str = Field(min_length=1)
    document: str = Field(min_length=1)


class Mismatch(_Part):
    """Whose prefix a task of one type gets under ``wrong``.

    Attributes:
        borrow: Uses in order; the first that the model documents and that differs from the right one is taken.
        reason: Why this mix-up is the plausible one.
    """

    borrow: tuple[Use, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)


class Rewordings(_Part):
    """Five rewordings for one task type: of the labels, and of the sentence."""

    query: tuple[str, ...] = Field(min_length=N_PARAPHRASES, max_length=N_PARAPHRASES)
    document: tuple[str, ...] = Field(default=(), max_length=N_PARAPHRASES)
    instruction: tuple[str, ...] = Field(min_length=N_PARAPHRASES, max_length=N_PARAPHRASES)


class _Instructions(RootModel[dict[str, TypeInstruction]]):
    pass


class _Mismatches(RootModel[dict[str, Mismatch]]):
    pass


class _Paraphrases(RootModel[dict[str, Rewordings]]):
    pass


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Wordings:
    """All hand-written sentences, by task type."""

    instructions: Mapping[str, TypeInstruction]
    mismatches: Mapping[str, Mismatch]
    paraphrases: Mapping[str, Rewordings]

    @classmethod
    def load(cls, folder: Path) -> Wordings:
        """Read the three files of ``tasks/``.

        Raises:
            CardError: A file is missing a field, or has an unknown one; with file and line.
        """
        return cls(
            instructions=_read(folder / "instructions.toml", _Instructions).root,
            mismatches=_read(folder / "mismatches.toml", _Mismatches).root,
            paraphrases=_read(folder / "paraphrases.toml", _Paraphrases).root,
        )

    def instruction_for(self, task: TaskFacts, role: Role = Role.QUERY) -> tuple[str, SideSource]:
        """The task's own instruction as mteb words it, else its type's.

        Raises:
            PrefixNotFoundError: Neither exists.
        """
        own = task.prompt if isinstance(task.prompt, str) else dict(task.prompt or ()).get(role.value)
        if own and (role is Role.QUERY or not isinstance(task.prompt, str)):
            return own, SideSource("mteb", f"the prompt in the metadata of the task {task.name}")
        by_type = self.instructions.get(task.task_type)
        if by_type is None:
            raise PrefixNotFoundError(
                f"no instruction is known for the task {task.name} of type {task.task_type}; "
                "add its type to tasks/instructions.toml"
            )
        text = by_type.text if role is Role.QUERY else by_type.document
        return text, SideSource("instructions", f"tasks/instructions.toml, [{task.task_type}]")


def _read(path: Path, kind: type[Model]) -> Model:
    text = path.read_text(encoding="utf-8")
    try:
        return kind.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        index = LineIndex.read(text)
        faults = list_faults(error, kind)
        raise CardError([f"{path}:{index.line_of(fault.place)}: {fault.write()}" for fault in faults]) from error
