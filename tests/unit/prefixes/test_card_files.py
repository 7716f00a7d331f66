from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.errors import CardError
from prefixbench.prefixes.card_files import load_cards

GOOD = """\
family = "good"

[[models]]
names = ["org/good"]
mechanism = "prefix"
source = "https://example.org/good"
date = 2026-01-01

[models.uses]
query = "query: "
document = { prefix = "title: {title} | text: ", title_slot = true }

[[models.rules]]
group = "asymmetric"
query = "query"
document = "document"

[[models.rules]]
types = ["STS"]
text = "query"
"""


def faults_of(folder: Path, text: str) -> list[str]:
    path = folder / "card.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_cards(folder)
    return [fault.removeprefix(f"{path}:") for fault in caught.value.faults]


def test_a_good_card_loads(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(GOOD, encoding="utf-8")
    cards = load_cards(tmp_path)
    assert list(cards) == ["org/good"]
    assert cards["org/good"].family == "good"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'mechanism = "prefix"',
            'mechanism = "prefix"\nprompt = "x"',
            "6: models[0].prompt: unknown field 'prompt'; did you mean repository_prompts?",
        ),
        ('source = "https://example.org/good"\n', "", "3: models[0]: the field 'source' is missing"),
        ("date = 2026-01-01\n", "", "3: models[0]: the field 'date' is missing"),
        (
            'types = ["STS"]',
            'types = ["Similarity"]',
            "18: models[0].rules[1]: unknown task type 'Similarity'; did you mean Summarization?",
        ),
        (
            'text = "query"\n',
            'text = "query"\n\n[[models.rules]]\ntypes = ["Clustering", "STS"]\ntext = "document"\n',
            "22: models[0].rules[2]: this rule and rules[1] both match the task type 'STS'",
        ),
        (
            'text = "query"\n',
            'text = "query"\n\n[[models.rules]]\ngroup = "asymmetric"\nquery = "query"\ndocument = "nothing"\n',
            "22: models[0].rules[2]: this rule and rules[0] both match the group 'asymmetric'",
        ),
        (
            'query = "query: "',
            'query = { template = "Instruct: " }',
            "10: models[0].uses.query: the template 'Instruct: ' must hold {instruction} exactly once",
        ),
        (
            ", title_slot = true",
            "",
            "11: models[0].uses.document: title_slot goes together with {title} in the prefix "
            "'title: {title} | text: '",
        ),
        (
            'mechanism = "prefix"',
            'mechanism = "prompt"',
            "5: models[0].mechanism: unknown mechanism 'prompt'; valid choices: adapter, api, none, prefix, template.",
        ),
        (
            'mechanism = "prefix"',
            'mechanism = "none"',
            "5: models[0].mechanism: a model without prefixes (mechanism none) has no uses and no rules",
        ),
        (
            'mechanism = "prefix"',
            'mechanism = "template"',
            "5: models[0].mechanism: the mechanism template needs a use with a template",
        ),
        (
            'text = "query"\n',
            'text = "clustering"\n',
            "18: models[0].rules[1]: unknown use of this card 'clustering'; valid choices: document, nothing, query.",
        ),
        (
            'query = "query: "',
            'search = "query: "',
            "10: models[0].uses.search: unknown use 'search'; ",
        ),
        (
            'document = "document"\n',
            "",
            "13: models[0].rules[0]: a rule for tasks with roles needs both query and document",
        ),
        ('query = "query: "', 'query = "query: ', ": not valid TOML: Illegal character '\\n' (at line 10, column 17)"),
    ],
    ids=lambda value: value[:32] if isinstance(value, str) else None,
)
def test_a_bad_card_is_refused_with_file_and_line(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    faults = faults_of(tmp_path, GOOD.replace(old, new, 1))
    assert len(faults) == 1
    assert faults[0].lstrip(":").startswith(fault.lstrip(":"))


def test_all_faults_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD.replace("date = 2026-01-01\n", ""), encoding="utf-8")
    (tmp_path / "b.toml").write_text(GOOD.replace('source = "https://example.org/good"\n', ""), encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_cards(tmp_path)
    assert caught.value.faults == (
        f"{tmp_path}/a.toml:3: models[0]: the field 'date' is missing",
        f"{tmp_path}/b.toml:3: models[0]: the field 'source' is missing",
    )


def test_one_model_has_one_card(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.toml").write_text(GOOD.replace('family = "good"', 'family = "other"'), encoding="utf-8")
    with pytest.raises(CardError) as caught:
        load_cards(tmp_path)
    assert str(caught.value) == f"{tmp_path}/b.toml:4: 'org/good' already has a card, in the family 'good'"


def test_a_source_must_be_something_a_reader_can_open(tmp_path: Path) -> None:
    faults = faults_of(tmp_path, GOOD.replace("https://example.org/good", "the model card"))
    assert len(faults) == 1
    assert faults[0].startswith("6: models[0].source: must match pattern")
