"""What docs/own-data.md tells a reader to type works, in the order it stands there."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from prefixbench.cli.app import main

from tests.score_fakes import draw_texts
from tests.tiny_models import make_model
from tests.unit.data.test_read_data import write_jsonl

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own-data.md"
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_command_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_model(tmp_path / "made").rename(tmp_path / "my-model")
    texts = zip(draw_texts(40, 0), draw_texts(40, 1, n_words=12), strict=True)
    pairs = [{"question": f"{query} {n}", "answer": f"{query} {text}"} for n, (query, text) in enumerate(texts)]
    write_jsonl(tmp_path / "pairs.jsonl", pairs)
    write_jsonl(tmp_path / "docs.jsonl", [{"title": one["question"], "body": one["answer"]} for one in pairs])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFIXBENCH_CACHE", str(tmp_path / "cache"))
    said = {}
    for command in COMMANDS:
        monkeypatch.setattr(sys, "argv", shlex.split(command))
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr()
        assert stopped.value.code in (0, None), f"{command}\n{shown.err}"
        said[command] = shown.out
    assert len(COMMANDS) == 8
    sweep, reindex, recipe, made, plan, own, langchain, card = said.values()
    assert "query:·" in sweep
    assert "1,000,000 documents, about " in reindex
    assert '"query": "query: "' in recipe
    assert "40 queries over 40 documents: a document's title searches its body" in made
    assert "passage:·" in plan
    assert "told:·" in own
    assert "HuggingFaceEmbeddings(" in langchain
    assert card.startswith("## Task prefix")
