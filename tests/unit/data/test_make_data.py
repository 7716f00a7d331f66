from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefixbench.cli.app import register_commands
from prefixbench.data.make import WAYS, make_data
from prefixbench.errors import SpecError
from typer.testing import CliRunner

from tests.unit.data.test_read_data import expand_one, load_retrieval, write_jsonl

BODY = "One says this about it at some length, so that there is something to search."


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))


def make(folder: Path, rows: list[dict[str, Any]], **told: Any) -> tuple[Any, Any]:
    """What was made, and the split that ``--data`` reads of it."""
    made = make_data(folder / "made", str(write_jsonl(folder / "docs.jsonl", rows)), **told)
    return made, load_retrieval(expand_one(made.folder))


def read_pairs(split: Any) -> dict[str, str]:
    """The text of the document that answers each query."""
    texts = dict(zip(split["corpus"]["id"], split["corpus"]["text"], strict=True))
    queries = dict(zip(split["queries"]["id"], split["queries"]["text"], strict=True))
    return {queries[name]: texts[next(iter(found))] for name, found in split["relevant_docs"].items()}


def test_a_title_searches_its_body_and_does_not_stand_in_it(tmp_path: Path) -> None:
    rows = [{"id": n, "title": f"How to do {n}", "body": f"How to do {n}\n{BODY} {n}"} for n in range(12)]
    made, split = make(tmp_path, rows)
    assert (made.way, made.documents, made.queries, made.verbatim) == ("title", 12, 12, 0.0)
    assert read_pairs(split)["How to do 3"] == f"{BODY} 3"
    assert split["corpus"].column_names == ["id", "text"]


def test_a_heading_searches_its_section(tmp_path: Path) -> None:
    text = "Before.\n# Install it {n}\n" + BODY + " a{n}\n```\n# no heading\n```\n## How to use it\n" + BODY + " b{n}"
    made, split = make(tmp_path, [{"text": text.replace("{n}", str(n))} for n in range(12)])
    assert (made.way, made.documents, made.queries) == ("heading", 36, 12)
    assert made.left_out == {
        "without a query": 12,
        "with a query or a text that another has too": 12,
    }  # "How to use it"
    assert read_pairs(split)["Install it 3"] == f"{BODY} a3\n```\n# no heading\n```"


def test_a_first_sentence_searches_the_rest_in_any_script(tmp_path: Path) -> None:
    rows = [{"text": f"This is about number {n}. {BODY} {n}"} for n in range(12)]
    body = "按住两个按钮十秒钟，" + "直到时钟开始闪烁为止，" * 4
    rows += [{"text": f"这是关于第{n}个时钟的说明。{body}{n}"} for n in range(12)]
    made, split = make(tmp_path, [*rows, {"text": "No sentence ends here"}])
    assert (made.way, made.documents, made.queries) == ("sentence", 25, 24)
    assert read_pairs(split)["This is about number 3."] == f"{BODY} 3"
    assert read_pairs(split)["这是关于第3个时钟的说明。"].startswith("按住")


def test_a_query_that_two_documents_answer_is_left_out(tmp_path: Path) -> None:
    rows = [{"title": f"Question {n}", "text": f"{BODY} {n}"} for n in range(12)]
    rows += [{"title": "question 3", "text": f"{BODY} x"}, {"title": "Quite another", "text": f"{BODY} 5"}]
    made, split = make(tmp_path, rows)
    assert made.left_out == {"with a query or a text that another has too": 4}
    assert not {"Question 3", "Question 5", "Quite another"} & set(read_pairs(split))
    assert made.documents == 14


def test_as_many_as_asked_for_are_drawn_by_hash(tmp_path: Path) -> None:
    rows = [{"title": f"Question {n}", "text": f"{BODY} {n}"} for n in range(50)]
    made, split = make(tmp_path, rows, most=20)
    assert (made.queries, made.documents, made.left_out) == (20, 50, {"beyond --queries": 30})
    (tmp_path / "again").mkdir()
    _, again = make(tmp_path / "again", list(reversed(rows)), most=20)
    assert set(read_pairs(again)) == set(read_pairs(split))


def test_the_command_says_what_it_cannot_show(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "docs.jsonl", [{"title": f"Question {n}", "text": f"{BODY} {n}"} for n in range(12)])
    folder = tmp_path / "made"
    told = CliRunner().invoke(register_commands(), ["data", "make", str(folder), "--from", str(path)])
    assert told.exit_code == 0, told.output
    assert "It cannot show\n\n- what your users' questions do" in told.output
    assert (folder / "README.md").read_text() in told.output
    assert told.output.endswith(f"next: prefixbench sweep --models MODEL --data {folder}\n")
    assert json.loads((folder / "queries.jsonl").read_text().splitlines()[0])["text"].startswith("Question")


def test_what_cannot_be_made_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"id": 1, "text": "short"}, {"id": 1, "text": " "}, {"id": 1, "text": "x"}]
    path = str(write_jsonl(tmp_path / "docs.jsonl", rows))
    with pytest.raises(SpecError) as caught:
        make_data(tmp_path / "made", path)
    assert list(caught.value.faults) == [
        f"{path}, line 2: the text is empty.",
        f"{path}, line 3: the id is another document's too.",
    ]
    few = str(write_jsonl(tmp_path / "few.jsonl", [{"text": f"{BODY} {n}"} for n in range(5)]))
    with pytest.raises(SpecError, match=r"only 0 queries come of it by sentence \(5 .*; 10 are .* title, heading"):
        make_data(tmp_path / "made", few)
    with pytest.raises(SpecError, match="--by: unknown way 'titel'; did you mean title"):
        make_data(tmp_path / "made", few, "titel")
    other = str(write_jsonl(tmp_path / "other.jsonl", [{"question": "x"}]))
    with pytest.raises(SpecError, match="has no column of text among question; it must be named one of text, body"):
        make_data(tmp_path / "made", other)
    with pytest.raises(SpecError, match="is there already"):
        make_data(tmp_path, few)
    assert not (tmp_path / "made").exists()
    assert not list(tmp_path.glob(".*.tmp"))
    assert set(WAYS) == {"title", "heading", "sentence"}
