from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.errors import InexpressibleError, PrefixNotFoundError
from prefixbench.prefixes import PrefixBook
from prefixbench.prefixes.repository_layer import CONFIG_NAME, find_repository
from prefixbench.spec.conditions import Condition, Mechanism, Side
from prefixbench.spec.tasks import TaskFacts

SEARCH = TaskFacts("T", "Retrieval", "x")
STS = TaskFacts("T", "STS", "x")


def write_config(folder: Path, prompts: dict[str, str | None]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).write_text(json.dumps({"prompts": prompts}), encoding="utf-8")
    return folder


def test_a_local_folders_own_prompts_are_used_and_cited(tmp_path: Path) -> None:
    model = str(write_config(tmp_path / "model", {"query": "q: ", "passage": "p: ", "clustering": "c: "}))
    found = PrefixBook.load().resolve(model, SEARCH, Condition.parse("correct"))
    assert (found.pair.query, found.pair.document) == (Side("q: "), Side("p: "))
    assert found.sources[1].layer == "repository"
    assert found.sources[1].citation == f"{CONFIG_NAME} of {model}, key 'passage'"
    wrong = PrefixBook.load().resolve(model, SEARCH, Condition.parse("wrong"))
    assert wrong.pair.query == Side("c: ")


def test_a_prompt_that_is_not_there_is_an_error_and_never_empty(tmp_path: Path) -> None:
    model = str(write_config(tmp_path / "model", {"query": "q: ", "document": "d: "}))
    with pytest.raises(PrefixNotFoundError) as caught:
        PrefixBook.load().resolve(model, STS, Condition.parse("correct"))
    assert str(caught.value) == (
        f"{CONFIG_NAME} of {model} has prompts for query and document, and none for T of type STS"
    )
    with pytest.raises(InexpressibleError) as refused:
        PrefixBook.load().resolve(model, SEARCH, Condition.parse("wrong:clustering"))
    assert str(refused.value) == f"{model} has no prompt for 'clustering' in {CONFIG_NAME}; it has query and document"


def test_a_repository_whose_prompts_are_empty_documents_none(tmp_path: Path) -> None:
    model = str(write_config(tmp_path / "model", {"query": "", "document": None}))
    book = PrefixBook.load()
    found = book.resolve(model, SEARCH, Condition.parse("correct"))
    assert found.mechanism is Mechanism.NONE
    assert found.pair.query == Side()
    assert not found.sources[0].certain
    assert found.notes == (f"the repository of {model} brings no prompts, so correct is the same as none",)


def test_an_alias_with_words_wins_over_an_added_empty_one(tmp_path: Path) -> None:
    model = str(write_config(tmp_path / "model", {"query": "query: ", "passage": "passage: ", "document": ""}))
    pair = PrefixBook.load().resolve(model, SEARCH, Condition.parse("correct")).pair
    assert (pair.query.prefix, pair.document.prefix) == ("query: ", "passage: ")


def test_the_hubs_cache_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    write_config(tmp_path / "elsewhere/models--org--name/snapshots/abc", {"query": "q: "})
    found = find_repository("org/name", {})
    assert found is not None
    assert found.prompts == {"query": "q: "}


def test_the_hubs_cache_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    write_config(tmp_path / "hub/models--org--name/snapshots/abc", {"query": "q: "})
    found = find_repository("org/name", {})
    assert found is not None
    assert found.prompts == {"query": "q: "}
    assert find_repository("org/other", {}) is None


def test_a_model_that_nothing_documents_is_an_error_with_the_nearest_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(PrefixNotFoundError) as caught:
        PrefixBook.load().resolve("nomic-ai/nomic-embed-text-v1.4", SEARCH, Condition.parse("correct"))
    assert str(caught.value) == (
        "no prefix is known for nomic-ai/nomic-embed-text-v1.4: unknown model 'nomic-ai/nomic-embed-text-v1.4'; "
        "did you mean nomic-ai/nomic-embed-text-v1.5 or nomic-ai/nomic-embed-text-v1 or "
        f"nomic-ai/nomic-embed-text-v2-moe? Without a card (tasks/README.md) its {CONFIG_NAME} must be at hand; "
        "--like NAME takes another model's."
    )


def test_a_folder_given_by_name_comes_first(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "given", {"query": "q: ", "document": "d: "})
    book = PrefixBook.load(folders={"org/mine": folder})
    assert book.resolve("org/mine", SEARCH, Condition.parse("swapped")).pair.query == Side("d: ")


def test_a_prompt_that_libraries_send_unasked_is_told_of_with_none(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "model", {"query": "q: "})
    config = {"prompts": {"query": "q: "}, "default_prompt_name": "query"}
    (folder / CONFIG_NAME).write_text(json.dumps(config), encoding="utf-8")
    found = PrefixBook.load().resolve(str(folder), SEARCH, Condition.parse("none"))
    assert found.pair.query == Side()
    assert found.notes == (
        f"the repository of {folder} has default_prompt_name 'query' (q:·), which sentence-transformers sends "
        "unasked; none switches it off",
    )
