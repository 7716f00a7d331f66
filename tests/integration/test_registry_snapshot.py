"""What every model of mteb's registry resolves to; an upgrade of mteb shows here as a difference to read.

After reading it: ``PREFIXBENCH_UPDATE_SNAPSHOT=1 python -m pytest tests/integration/test_registry_snapshot.py``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prefixbench.errors import PrefixNotFoundError
from prefixbench.prefixes import PrefixBook
from prefixbench.prefixes.catalog import facts_of_type
from prefixbench.prefixes.documentation import Documentation
from prefixbench.prefixes.registry_asker import registered_models
from prefixbench.prefixes.uses import TEXT_TASK_TYPES
from prefixbench.prefixes.visible import show_side

SNAPSHOT = Path(__file__).parents[1] / "data" / "registry_prefixes.txt"


def describe(book: PrefixBook, model: str) -> list[str]:
    """A model's mechanism and layer, then each distinct pair of strings with the task types it is for."""
    try:
        documentation = book.documentation(model)
    except PrefixNotFoundError as error:
        return [f"{model}: {str(error.__cause__ or error).removeprefix(model).strip()}"]
    types_of: dict[str, list[str]] = {}
    for task_type in TEXT_TASK_TYPES:
        types_of.setdefault(strings(documentation, task_type), []).append(task_type)
    lines = [f"{model}: {documentation.mechanism.value}, from {documentation.layer}"]
    if list(types_of) != ["∅"]:
        lines += [f"  {', '.join(types)}: {sent}" for sent, types in types_of.items()]
    return lines


def strings(documentation: Documentation, task_type: str) -> str:
    try:
        pair = documentation.documented(facts_of_type(task_type, "INSTRUCTION"))
    except PrefixNotFoundError:
        return "not documented"
    query, document = (show_side(side) for side in pair.sides)
    return query if query == document else f"{query} | {document}"


def test_the_whole_registry_resolves_as_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another machine's cache of models must not answer for their repositories.
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    book = PrefixBook.load()
    lines = [line for model in sorted(registered_models()) for line in describe(book, model)]
    if os.environ.get("PREFIXBENCH_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_no_model_is_recorded_as_unknown_without_a_reason() -> None:
    recorded = [line for line in SNAPSHOT.read_text(encoding="utf-8").splitlines() if not line.startswith("  ")]
    assert len(recorded) == len(registered_models())
    for line in recorded:
        name, _, said = line.partition(": ")
        assert name in registered_models()
        known = said.endswith((", from card", ", from mteb"))
        unread = f"no prefix is known for {name}: its strings stand in its "
        reasons = ("is a ", "embeds ", "has no ", "keeps its prompts in the code of mteb's ", unread)
        assert known or said.startswith(reasons), line
