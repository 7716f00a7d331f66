"""Faults that pydantic found, as sentences: the field's place, what it must be, and what was given."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from prefixbench.errors import describe_unknown_name

Place = tuple[str | int, ...]

_MAX_SHOWN = 60
_KINDS = {
    "bool_type": "true or false",
    "string_type": "a string",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "date_type": "a date",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a value.

    Attributes:
        place: The field, as keys and indices from the outside in.
        sentence: What is wrong.
    """

    place: Place
    sentence: str

    def write(self, root: str = "") -> str:
        """The place and the sentence."""
        end = "" if self.sentence.endswith((".", "?")) else "."
        return f"{write_place(self.place, root)}: {self.sentence}{end}"


def list_faults(error: ValidationError, model: type[BaseModel] | None = None) -> list[Fault]:
    """Every fault pydantic found in a value of ``model``, each once; valid fields are named where a model is given."""
    problems: list[dict[str, Any]] = [dict(problem) for problem in error.errors(include_url=False)]
    told: dict[str, Fault] = {}
    for problem in problems:
        # A faulty item also makes its list too short; that is one fault, not two.
        within = (other["loc"][: len(problem["loc"])] == problem["loc"] for other in problems if other is not problem)
        if problem["type"] != "too_short" or not any(within):
            fault = _describe(problem, model)
            told.setdefault(fault.write(), fault)
    return list(told.values())


def write_place(place: Place, root: str = "") -> str:
    """A place as a person writes it: ``sweep.models[1].dtype``."""
    text = root
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "file"


def show_value(value: object) -> str:
    """A value as it was given, cut where it is long."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    try:
        shown = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    except ValueError:  # a whole number with more digits than Python writes
        return "a very long number"
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"


def _describe(problem: Mapping[str, Any], model: type[BaseModel] | None) -> Fault:
    place: Place = tuple(part for part in problem["loc"] if part != "[key]")
    kind, given = str(problem["type"]), problem.get("input")
    if kind == "extra_forbidden":
        owner = _table_at(model, place[:-1]) if model else None
        return Fault(place, describe_unknown_name("field", str(place[-1]), owner.model_fields if owner else ()))
    if kind == "enum" and isinstance(given, str):
        name = str(place[-2]).rstrip("s") if problem["loc"][-1] == "[key]" else str(place[-1])
        return Fault(place, describe_unknown_name(name, given, re.findall(r"'([^']+)'", problem["ctx"]["expected"])))
    if kind == "missing":
        return Fault(place[:-1], f"the field {place[-1]!r} is missing")
    if kind == "value_error":
        return Fault(place, str(problem["ctx"]["error"]).rstrip("."))
    if kind == "too_short" and given is not None and not given:
        return Fault(place, "must not be empty")
    said = str(problem["msg"])
    wanted = _KINDS.get(kind)
    said = (
        f"must be {wanted}" if wanted else said.replace("Input should be", "must be").replace("String should", "must")
    )
    if isinstance(given, BaseModel):
        return Fault(place, said)
    return Fault(place, f"{said} (given: {show_value(given)})")


def _table_at(model: type[BaseModel], place: Place) -> type[BaseModel] | None:
    """The kind of the table that stands at a place."""
    kinds: list[Any] = [model]
    for part in place:
        kinds = [inner for kind in kinds for inner in _step(kind, part)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _step(kind: Any, part: str | int) -> Iterator[Any]:  # noqa: ANN401 - any annotation
    """The annotations that may stand behind one more key or index."""
    if isinstance(kind, type) and issubclass(kind, RootModel):
        yield from _step(kind.model_fields["root"].annotation, part)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        if part in kind.model_fields:
            yield kind.model_fields[str(part)].annotation
    elif typing.get_origin(kind) in {typing.Annotated, typing.Union, types.UnionType}:
        for inner in typing.get_args(kind):
            yield from _step(inner, part)
    elif typing.get_origin(kind) is dict:
        yield _bare(typing.get_args(kind)[1])
    elif typing.get_origin(kind) in {tuple, list}:
        yield _bare(typing.get_args(kind)[0])


def _bare(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    return typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
