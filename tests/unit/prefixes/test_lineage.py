from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefixbench.errors import CardError, PrefixNotFoundError
from prefixbench.prefixes import PrefixBook
from prefixbench.prefixes.lineage import list_ancestors
from prefixbench.prefixes.repository_layer import CONFIG_NAME
from prefixbench.spec.conditions import Condition
from prefixbench.spec.tasks import TaskFacts

from tests.unit.prefixes.test_card_files import GOOD

SEARCH = TaskFacts("T", "Retrieval", "x")
CORRECT = Condition.parse("correct")
E5 = "intfloat/multilingual-e5-small"


def make_model(folder: Path, files: dict[str, object]) -> str:
    folder.mkdir()
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"README.md": f"---\nbase_model: {E5}\n---\nMine."}, "its README.md"),
        ({"README.md": f"---\nbase_model:\n- {E5}\n---\nMine."}, "its README.md"),
        ({"adapter_config.json": {"base_model_name_or_path": E5}}, "its adapter_config.json"),
        ({"config.json": {"_name_or_path": E5}}, "its config.json"),
    ],
)
def test_what_a_folder_was_made_from_is_suggested_and_not_applied(
    tmp_path: Path, files: dict[str, object], place: str
) -> None:
    model = make_model(tmp_path / "mine", files)
    with pytest.raises(PrefixNotFoundError) as caught:
        PrefixBook.load().documentation(model)
    assert f"it looks like a fine-tune of {E5} ({place}); add --like {E5} to take its prefixes." in str(caught.value)
    assert PrefixBook.load().resolve(model, SEARCH, Condition.parse("none")).pair.query.prefix == ""


def test_a_config_that_holds_no_prompts_is_taken_at_its_word_with_the_suggestion_beside(tmp_path: Path) -> None:
    model = make_model(tmp_path / "mine", {CONFIG_NAME: {"prompts": {}}, "config.json": {"_name_or_path": E5}})
    found = PrefixBook.load().resolve(model, SEARCH, CORRECT)
    assert found.pair.query.prefix == ""
    assert found.notes[0].endswith(
        f"it looks like a fine-tune of {E5} (its config.json); add --like {E5} to take its prefixes."
    )


def test_the_line_is_followed_through_mtebs_registry_to_a_model_with_prefixes(tmp_path: Path) -> None:
    name = "iara-project/e5-large-matryoshka-sts-pt"  # adapted from multilingual-e5-large, says mteb's registry
    model = make_model(tmp_path / "mine", {"config.json": {"_name_or_path": name}})
    ancestors = [ancestor.name for ancestor in list_ancestors(model, {})]
    assert ancestors[:2] == [name, "intfloat/multilingual-e5-large"]
    assert "fine-tune of intfloat/multilingual-e5-large (mteb's registry)" in PrefixBook.load().suggest(model)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"README.md": "---\nbase_model: [\n---"},
        {"README.md": "---\nbase_model: 3\n---", "config.json": "{", "adapter_config.json": [1]},
        {"config.json": {"_name_or_path": "sentence-transformers/all-MiniLM-L6-v2"}},  # takes no prefix itself
        {"config.json": {"_name_or_path": "./checkpoint-500"}},
    ],
)
def test_what_cannot_be_read_or_has_no_prefix_suggests_nothing(tmp_path: Path, files: dict[str, object]) -> None:
    assert PrefixBook.load().suggest(make_model(tmp_path / "mine", files)) == ""


def test_own_cards_come_first(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace('["org/good"]', f'["org/mine", "{E5}"]'), encoding="utf-8")
    book = PrefixBook.load(own_cards=tmp_path)
    assert book.resolve("org/mine", SEARCH, CORRECT).pair.query.prefix == "query: "
    assert book.resolve(E5, SEARCH, CORRECT).pair.document.prefix == "title: {title} | text: "
    assert len(book.cards) == len(PrefixBook.load().cards) + 1


def test_faults_of_own_cards_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"--cards .*nowhere: no such folder; it holds one TOML file a model family"):
        PrefixBook.load(own_cards=tmp_path / "nowhere")
    with pytest.raises(CardError, match="holds no card"):
        PrefixBook.load(own_cards=tmp_path)
    (tmp_path / "mine.toml").write_text(GOOD.replace('mechanism = "prefix"', 'mechanism = "prefx"'), encoding="utf-8")
    with pytest.raises(CardError, match=r"mine.toml:5: models\[0\].mechanism: .*'prefx'"):
        PrefixBook.load(own_cards=tmp_path)
