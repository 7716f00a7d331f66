"""Cards from disk; a bad one is refused with every fault's file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from prefixbench.errors import CardError, describe_unknown_name
from prefixbench.faults import Fault, list_faults
from prefixbench.prefixes.card import CardFile, CardRule, ModelCard
from prefixbench.prefixes.toml_lines import LineIndex, UnreadableTomlError, read_toml
from prefixbench.prefixes.uses import SYMMETRIC_TASK_TYPES, Use
from prefixbench.spec.conditions import Mechanism
from prefixbench.spec.tasks import ROLE_TASK_TYPES

_TYPES_OF_GROUP = {"asymmetric": frozenset(ROLE_TASK_TYPES), "symmetric": frozenset(SYMMETRIC_TASK_TYPES)}


@dataclass(frozen=True, slots=True)
class FamilyCard:
    """A model's card with the family whose file it stands in."""

    family: str
    card: ModelCard


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


def load_own_cards(folder: Path) -> dict[str, FamilyCard]:
    """Read a folder of the user's own cards.

    Raises:
        CardError: There is no such folder, no card in it, or a card with a fault.
    """
    if not folder.is_dir():
        raise CardError(f"--cards {folder}: no such folder; it holds one TOML file a model family (tasks/README.md).")
    cards = load_cards(folder)
    if not cards:
        raise CardError(f"--cards {folder}: holds no card; give it one TOML file a model family (tasks/README.md).")
    return cards


def read_card_file(path: Path) -> tuple[CardFile, LineIndex]:
    """Read and check one family's file.

    Raises:
        CardError: Every fault found, each with file and line.
    """
    try:
        document, index = read_toml(path)
    except UnreadableTomlError as error:
        raise CardError(f"{path}: {error}") from error
    try:
        file = CardFile.model_validate(document)
        faults = [fault for position, card in enumerate(file.models) for fault in _card_faults(position, card)]
    except ValidationError as error:
        faults = list_faults(error, CardFile)
        file = None
    if faults or file is None:
        raise CardError([index.write(path, fault) for fault in faults])
    return file, index


def _card_faults(position: int, card: ModelCard) -> Iterator[Fault]:
    place: tuple[str | int, ...] = ("models", position)
    yield from (Fault((*place, name), said) for name, said in _mechanism_faults(card))
    if Use.NOTHING in card.uses:
        yield Fault((*place, "uses", "nothing"), "'nothing' is always there and sends nothing; give it no string")
    for number, rule in enumerate(card.rules):
        for use in rule.named_uses:
            if use is not Use.NOTHING and use not in card.uses:
                known = [*card.uses, Use.NOTHING]
                yield Fault((*place, "rules", number), describe_unknown_name("use of this card", use.value, known))
        for earlier in range(number):
            if clash := _clash(card.rules[earlier], rule):
                yield Fault((*place, "rules", number), f"this rule and rules[{earlier}] both match {clash}")


def _mechanism_faults(card: ModelCard) -> Iterator[tuple[str, str]]:
    """Field and sentence where the mechanism and what the card holds do not go together."""
    if card.in_repository:
        if card.uses or card.rules:
            yield "in_repository", "a card whose strings stand in the repository has no uses and no rules"
        return
    if card.mechanism is Mechanism.NONE and (card.uses or card.rules):
        yield "mechanism", "a model without prefixes (mechanism none) has no uses and no rules"
    if card.mechanism is not Mechanism.NONE and not (card.uses and card.rules):
        yield "mechanism", f"the mechanism {card.mechanism.value} needs uses and rules"
    if card.mechanism is Mechanism.TEMPLATE and not any(use.template for use in card.uses.values()):
        yield "mechanism", "the mechanism template needs a use with a template"


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
