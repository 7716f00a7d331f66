from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prefixbench.errors import ResultsError
from prefixbench.results import load_run
from prefixbench.results.publish import drop_texts

STARTER = Path(__file__).resolve().parents[3] / "results" / "starter"


def test_texts_go_and_everything_else_stays(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(STARTER, folder)
    before = load_run(folder)
    sample = before.results[0].audit[0].samples[0].text
    assert sample in (folder / "ledger.jsonl").read_text(encoding="utf-8")
    assert before.item_texts()
    assert drop_texts(folder) == len([row for row in before.rows if any(map(has_samples, getattr(row, "audit", ())))])
    after = load_run(folder)
    assert sample not in (folder / "ledger.jsonl").read_text(encoding="utf-8")
    assert after.item_texts() == {}
    assert not any(has_samples(audit) for cell in after.results for audit in cell.audit)
    assert [(cell.cell_id, cell.scores, cell.pair) for cell in after.results] == [
        (cell.cell_id, cell.scores, cell.pair) for cell in before.results
    ]
    assert after.items(after.results[0].cell_id).n_items == before.results[0].n_items
    assert drop_texts(folder) == 0


def has_samples(audit: object) -> bool:
    return bool(getattr(audit, "samples", ()))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError):
        drop_texts(tmp_path)
