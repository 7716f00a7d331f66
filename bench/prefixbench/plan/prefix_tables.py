"""What ``prefixbench prefixes`` answers: the catalogue, with tasks looked up by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prefixbench.errors import SpecError
from prefixbench.plan.tasks import expand_tasks
from prefixbench.prefixes.book import PrefixBook
from prefixbench.prefixes.catalog import (
    SHOWN_CONDITIONS,
    ConditionRow,
    as_json,
    facts_of_type,
    list_models,
    tabulate_model,
)
from prefixbench.prefixes.disagreements import find_disagreements
from prefixbench.prefixes.repository_layer import find_vocabulary
from prefixbench.prefixes.tables import render_decision, render_disagreements, render_model, render_models
from prefixbench.spec.load import parse_custom_prefix, split_names
from prefixbench.spec.sweep import CustomPrefix, TaskSpec
from prefixbench.spec.tasks import TaskFacts


@dataclass(frozen=True, slots=True)
class PrefixRequest:
    """What was asked on the command line.

    Attributes:
        model: A model's name, or ``None`` for all.
        tasks: Tasks to resolve by name; every task type where empty.
        conditions: Conditions to show, separated by commas; all where absent.
        prefixes: The user's own, as ``NAME:query="…",document="…"``.
        disagreements: Whether to compare mteb with the cards instead.
        everything: Whether the text is all there is, however long.
        embedded: Facts of the tasks that come with the project.
        folders: Folders of models whose files are at hand.
        cards: The user's own folder of cards.
    """

    model: str | None
    tasks: tuple[str, ...] = ()
    conditions: str | None = None
    prefixes: tuple[str, ...] = ()
    disagreements: bool = False
    everything: bool = False
    embedded: Mapping[str, TaskFacts] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    cards: Path | None = None


@dataclass(frozen=True, slots=True)
class PrefixAnswer:
    """The same answer twice: as data and as text."""

    data: list[dict[str, object]]
    text: str


def answer_prefixes(request: PrefixRequest) -> PrefixAnswer:
    """Answer a request.

    Raises:
        SpecError: A task, condition or flag that does not exist or does not go together.
        PrefixNotFoundError: No layer knows the model.
    """
    book = PrefixBook.load(folders=request.folders, own_cards=request.cards)
    if request.model is None:
        if request.tasks or request.conditions or request.prefixes:
            raise SpecError("--task, --conditions and --prefix need a model: prefixbench prefixes MODEL --task TASK.")
        answer = _answer_disagreements if request.disagreements else _answer_models
        return answer(book, request.everything)
    if request.disagreements:
        raise SpecError("--disagreements is about all models; leave the model out.")
    rows = tabulate_request(request, book)
    render = render_decision if request.tasks else render_model
    return PrefixAnswer(as_json(rows), render(request.model, rows, everything=request.everything))


def tabulate_request(request: PrefixRequest, book: PrefixBook | None = None) -> tuple[ConditionRow, ...]:
    """Return the rows of a request for one model.

    Raises:
        SpecError: A task, condition or flag that does not exist.
        PrefixNotFoundError: No layer knows the model.
    """
    assert request.model is not None
    custom = {name: CustomPrefix(**sides) for name, sides in map(parse_custom_prefix, request.prefixes)}
    conditions = split_names(request.conditions) if request.conditions else SHOWN_CONDITIONS
    conditions += tuple(f"custom:{name}" for name in custom if f"custom:{name}" not in conditions)
    return tabulate_model(
        book or PrefixBook.load(folders=request.folders, own_cards=request.cards),
        request.model,
        expand_tasks([TaskSpec(name=name) for name in request.tasks], request.embedded) if request.tasks else (),
        conditions=conditions,
        custom=custom,
        vocabulary=find_vocabulary(request.model, request.folders),
    )


def _answer_models(book: PrefixBook, everything: bool) -> PrefixAnswer:
    rows = list_models(book)
    retrieval = [facts_of_type("Retrieval")]
    families = {
        family: tabulate_model(book, model, retrieval, conditions=("correct",))[0]
        for family, model in sorted(book.families.items())
    }
    return PrefixAnswer(as_json(rows), render_models(rows, families, everything=everything))


def _answer_disagreements(book: PrefixBook, everything: bool) -> PrefixAnswer:
    rows = find_disagreements(book)
    return PrefixAnswer(as_json(rows), render_disagreements(rows, everything=everything))
