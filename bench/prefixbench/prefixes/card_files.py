"""Cards from disk; a bad one is refused with every fault's file and line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from prefixbench.errors import CardError, describe_unknown_name
from prefixbench.prefixes.card import CardFile, CardRule, CardUse, ModelCard
from prefixbench.prefixes.toml_lines import LineIndex
from prefixbench.prefixes.uses import SYMMETRIC_TASK_TYPES, Use
from prefixbench.spec.conditions import Mechanism
from prefixbench.spec.tasks import ROLE_TASK_TYPES

_FIELDS: tuple[type[BaseModel], ...] = (CardFile, ModelCard, CardUse, CardRule)
_TYPES_OF_GROUP = {"asymmetric": frozenset(ROLE_TASK_TYPES), "symmetric": frozenset(SYMMETRIC_TASK_TYPES)}


@dataclass(frozen=True, slots=True)
class FamilyCard:
    """A model's card with the family whose file it stands in."""

    family: str
    card: ModelCard


@dataclass(frozen=True, slots=True)
class _Fault:
    location: tuple[str | int, ...]
    sentence: str


def load_cards(folder: Path) -> dict[str, FamilyCard]:
    """Read every card file of a folder.

    Returns:
        Cards by model name, in the order of files and of models within.

    Raises:
        CardError: One or more faults, each with file and line.
    """
    cards: dict[str, FamilyCard] = {}
    faults: list[str] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            file, index = read_card_file(path)
        except CardError as error:
            faults.extend(error.faults)
            continue
        for position, card in enumerate(file.models):
            for name in card.names:
                if name in cards:
                    line = index.line_of(("models", position, "names"))
                    faults.append(f"{path}:{line}: {name!r} already has a card, in the family {cards[name].family!r}")
                cards.setdefault(name, FamilyCard(file.family, card))
    if faults:
        raise CardError(faults)
    return cards


def read_card_file(path: Path) -> tuple[CardFile, LineIndex]:
    """Read and check one family's file.

    Raises:
        CardError: Every fault found, each with file and line.
    """
    text = path.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CardError(f"{path}: not valid TOML: {error}") from error
    index = LineIndex.read(text)
    try:
        file = CardFile.model_validate(document)
        faults = [fault for position, card in enumerate(file.models) for fault in _card_faults(position, card)]
    except ValidationError as error:
        # A faulty item also makes its list too short; that is one fault, not two.
        told = [problem for problem in error.errors() if problem["type"] != "too_short"] or error.errors()
        faults = [_describe(dict(problem)) for problem in told]
        file = None
    if faults or file is None:
        raise CardError(
            [f"{path}:{index.line_of(fault.location)}: {_place(fault.location)}: {fault.sentence}" for fault in faults]
        )
    return file, index


def _place(location: Iterable[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "file"


def _describe(problem: Mapping[str, Any]) -> _Fault:
    location = tuple(part for part in problem["loc"] if part != "[key]")
    kind = problem["type"]
    if kind == "extra_forbidden":
        owner = _owner_of(location)
        return _Fault(location, describe_unknown_name("field", str(location[-1]), owner.model_fields))
    if kind == "missing":
        return _Fault(location[:-1], f"the field {location[-1]!r} is missing")
    if kind == "enum":
        name, valid = ("mechanism", Mechanism) if location[-1] == "mechanism" else ("use", Use)
        return _Fault(location, describe_unknown_name(name, str(problem["input"]), valid))
    return _Fault(location, str(problem["msg"]).removeprefix("Value error, ").rstrip("."))


def _owner_of(location: tuple[str | int, ...]) -> type[BaseModel]:
    """The class of the table a path's last key stands in."""
    if "uses" in location or "bare" in location:
        return CardUse
    if "rules" in location:
        return CardRule
    return ModelCard if "models" in location else CardFile


def _card_faults(position: int, card: ModelCard) -> Iterator[_Fault]:
    place: tuple[str | int, ...] = ("models", position)
    if card.mechanism is Mechanism.NONE and (card.uses or card.rules):
        yield _Fault((*place, "mechanism"), "a model without prefixes (mechanism none) has no uses and no rules")
    if card.mechanism is not Mechanism.NONE and not (card.uses and card.rules):
        yield _Fault((*place, "mechanism"), f"the mechanism {card.mechanism.value} needs uses and rules")
    if card.mechanism is Mechanism.TEMPLATE and not any(use.template for use in card.uses.values()):
        yield _Fault((*place, "mechanism"), "the mechanism template needs a use with a template")
    if Use.NOTHING in card.uses:
        yield _Fault((*place, "uses", "nothing"), "'nothing' is always there and sends nothing; give it no string")
    for number, rule in enumerate(card.rules):
        for use in rule.named_uses:
            if use is not Use.NOTHING and use not in card.uses:
                known = [*card.uses, Use.NOTHING]
                yield _Fault((*place, "rules", number), describe_unknown_name("use of this card", use.value, known))
        for earlier in range(number):
            if clash := _clash(card.rules[earlier], rule):
                yield _Fault((*place, "rules", number), f"this rule and rules[{earlier}] both match {clash}")


def _clash(one: CardRule, other: CardRule) -> str:
    """What two rules of the same rank both match, or nothing."""
    if bool(one.tasks) != bool(other.tasks) or bool(one.subtypes) != bool(other.subtypes):
        return ""
    if one.tasks:
        return _first(set(one.tasks) & set(other.tasks), "the task")
    if one.subtypes:
        types = {*one.types} & {*other.types} if one.types and other.types else {"any"}
        return _first(set(one.subtypes) & set(other.subtypes), "the subtype") if types else ""
    if bool(one.types) != bool(other.types):
        return ""
    if one.types:
        return _first(set(one.types) & set(other.types), "the task type")
    both = _TYPES_OF_GROUP[one.group or "asymmetric"] & _TYPES_OF_GROUP[other.group or "asymmetric"]
    return f"the group {one.group!r}" if both else ""


def _first(shared: set[str], kind: str) -> str:
    return f"{kind} {min(shared)!r}" if shared else ""
