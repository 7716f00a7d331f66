from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import prefixbench as pb
import pytest
from prefixbench.errors import ResultsError, SpecError

STARTER = Path(__file__).resolve().parents[2] / "results" / "starter"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def test_importing_it_loads_nothing_heavy() -> None:
    probe = "import sys, prefixbench; print([n for n in ('torch', 'mteb', 'pandas', 'numpy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_plan_stays_a_function_beside_the_package_of_that_name() -> None:
    probe = "import prefixbench.plan.cell, prefixbench as pb; import prefixbench.plan.expand; print(callable(pb.plan))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_a_run_is_loaded_and_shown_in_a_line_and_a_table() -> None:
    run = pb.load(STARTER)
    assert repr(run) == f"<Run '{STARTER}': 3 models, 6 tasks, 63 cells scored, 69 skipped>"
    assert len(run._repr_html_()) < 10_000
    assert run.frame()["model"].nunique() == 3
    with pytest.raises(ResultsError, match="no such results folder"):
        pb.load(STARTER / "absent")


def test_a_plan_has_a_row_a_cell_and_condition(tmp_path: Path) -> None:
    frame = pb.plan(
        models=[MODEL],
        tasks=["StarterClassification"],
        conditions=["none", "correct", "placebo"],
        results=tmp_path / "run",
        cache=tmp_path / "cache",
    )
    assert frame["condition"].tolist() == ["none", "correct", "placebo"]
    assert frame["status"].tolist() == ["planned", "planned", "skipped"]
    assert frame["query"].tolist()[:2] == ["", ""]
    assert "all-MiniLM-L6-v2" in frame["reason"].tolist()[2]
    assert not (tmp_path / "run").exists()
    with pytest.raises(SpecError, match=r"sweep\.tasks\[0\]: unknown task 'StarterSTS'"):
        pb.plan(models=[MODEL], tasks=["StarterSTS"])


def test_a_model_is_resolved_on_a_task() -> None:
    frame = pb.resolve("intfloat/e5-small-v2", "SciFact", ["none", "correct"])
    assert frame[["condition", "query", "document"]].to_numpy().tolist() == [
        ["none", "", ""],
        ["correct", "query: ", "passage: "],
    ]


def test_a_sweep_is_run_and_loaded(tmp_path: Path) -> None:
    run = pb.sweep(
        models=[MODEL],
        tasks=["mteb.mocks.mock_tasks.MockSTSTask"],
        conditions=["none"],
        results=tmp_path / "run",
        cache=tmp_path / "cache",
        workers=0,
    )
    assert run.run.complete
    assert run.frame()["condition"].tolist() == ["none"]


def test_the_citation_names_the_version() -> None:
    citation = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    assert f'version: "{version("prefixbench")}"' in citation
