from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prefixbench.errors import ResultsError
from prefixbench.items.hits import collect_hits
from prefixbench.results import load_run
from prefixbench.results.hits import write_hits
from prefixbench.results.ledger import append_row
from prefixbench.results.live import PlannedCell
from prefixbench.results.publish import publish_folder
from prefixbench.results.records import CellFailure
from prefixbench.results.run import Manifest, write_manifest
from prefixbench.results.texts import add_document_texts, add_item_texts
from prefixbench.run.mteb_results import write_model_meta, write_task_result
from prefixbench.spec.conditions import Condition, PrefixPair, Side
from prefixbench.spec.sweep import ModelSpec, SweepSpec, TaskSpec
from prefixbench.vectors.embedder import RoleAudit, TextSample

from tests.fakes import PROVENANCE, make_result

STARTER = Path(__file__).resolve().parents[3] / "results" / "starter"


def test_texts_go_and_everything_else_stays(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(STARTER, folder)
    cell = load_run(folder).results[0]
    digest = write_hits(folder, cell.cell_id, collect_hits({"q": ["d1", "d2"]}))
    append_row(folder, cell.model_copy(update={"hits_sha256": digest}))
    add_document_texts(folder, cell.task, cell.hf_subset, {"d1": "how it begins"})
    before = load_run(folder)
    sample = before.results[0].audit[0].samples[0].text
    assert sample in (folder / "ledger.jsonl").read_text(encoding="utf-8")
    assert before.item_texts()
    assert before.document_texts()
    with_samples = [row for row in before.rows if any(map(has_samples, getattr(row, "audit", ())))]
    assert publish_folder(folder) == len(with_samples)
    assert not (folder / "report.html").exists()
    after = load_run(folder)
    assert sample not in (folder / "ledger.jsonl").read_text(encoding="utf-8")
    assert (after.item_texts(), after.document_texts()) == ({}, {})
    hits = after.hits(cell.cell_id)
    assert hits is not None
    assert hits.name_first() == {"q": "d1"}
    assert not any(has_samples(audit) for cell in after.results for audit in cell.audit)
    assert [(cell.cell_id, cell.scores, cell.pair) for cell in after.results] == [
        (cell.cell_id, cell.scores, cell.pair) for cell in before.results
    ]
    assert after.items(after.results[0].cell_id).n_items == before.results[0].n_items
    assert publish_folder(folder) == 0


SECRET = "the patient asked about aspirin"


def test_whose_machine_it_was_and_what_texts_said_is_nowhere_left(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    models = ("/home/annabel/models/final", "/home/annabel/other/final", "org/model")
    spec = SweepSpec(
        name="t",
        models=tuple(ModelSpec(name=name) for name in models),
        tasks=(TaskSpec(name="Task"),),
        conditions=(Condition.parse("none"),),
    )
    planned = tuple(
        PlannedCell(
            cell_id=f"c{number}", model=name, task="Task", hf_subset="default", hf_split="test", conditions=("none",)
        )
        for number, name in enumerate(models)
    )
    command = "prefixbench sweep --models /home/annabel/models/final --cache /home/annabel/cache"
    write_manifest(folder, Manifest(spec=spec, planned=planned, command=command))
    sample = TextSample(text=SECRET, token_ids=(1,))
    audit = RoleAudit(
        role="query",
        prefix="/home/is a prefix: ",
        prefix_tokens=3,
        n_texts=1,
        n_truncated=0,
        n_truncated_without_prefix=0,
        tokens_pushed_out=0,
        n_tokens=9,
        samples=(sample,),
    )
    pair = PrefixPair(Side("/home/is a prefix: "))
    for number, name in enumerate(models):
        notes = (f"read from {name}/1_Pooling",)
        append_row(folder, make_result(f"c{number}", model=name, pair=pair, audit=(audit,), notes=notes))
    failure = {
        "cell_id": "f",
        "status": "failed",
        "conditions": ("correct",),
        "model": models[0],
        "model_revision": None,
        "task": "Task",
        "task_type": "STS",
        "hf_subset": "default",
        "hf_split": "test",
        "reason": f"AuditError: {SECRET!r} was sent otherwise",
        "error": "AuditError",
        "provenance": PROVENANCE,
    }
    append_row(folder, CellFailure.model_validate(failure))
    write_task_result(folder, "results/__home__annabel__models__final/no_revision/Task.json", {"scores": {}})
    write_model_meta(folder, "results/__home__annabel__models__final/no_revision/Task.json", {"name": models[0]})
    (folder / "report.html").write_text(SECRET)
    (folder / "export").mkdir()
    (folder / "export" / "movers.csv").write_text(SECRET)
    add_item_texts(folder, "Task", "default", {"q": SECRET})

    assert publish_folder(folder) == 4
    run = load_run(folder)
    assert [model.name for model in run.spec.models] == ["final", "final-2", "org/model"]
    assert [row.model for row in run.results] == ["final", "final-2", "org/model"]
    assert run.results[0].audit[0].prefix == "/home/is a prefix: "
    assert run.failures[0].reason == "AuditError; its words were left out, as they may quote a text."
    assert run.complete
    assert (folder / "mteb" / "results" / "final" / "no_revision" / "model_meta.json").exists()
    for path in folder.rglob("*"):
        content = path.read_text() if path.is_file() else path.name
        assert SECRET not in content, path
        assert "annabel" not in content, path
    assert publish_folder(folder) == 0


def has_samples(audit: object) -> bool:
    return bool(getattr(audit, "samples", ()))


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError):
        publish_folder(tmp_path)
