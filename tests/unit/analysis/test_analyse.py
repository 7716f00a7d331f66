from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prefixbench.analysis import Analysis, AnalysisSettings, analyse
from prefixbench.analysis.columns import CONTRASTS, MODELS, MOVERS, REFUSALS, TASKS
from prefixbench.analysis.columns import TYPES as TYPE_COLUMNS
from prefixbench.analysis.tables import to_records
from prefixbench.results import load_run
from prefixbench.vectors.embedder import RoleAudit

from tests.fake_runs import FakeRun, make_table

QUICK = AnalysisSettings(n_resamples=999)


def make_run(shift: float, n: int = 400, seed: int = 0) -> FakeRun:
    rng = np.random.default_rng(seed)
    base = rng.beta(0.6, 0.4, n)
    run = FakeRun()
    run.add("none", make_table(base))
    run.add("correct", make_table(base + shift + rng.normal(0, 0.05, n)))
    return run


def test_a_real_gain_helps_and_its_reverse_hurts() -> None:
    gain = analyse(make_run(0.05), QUICK).contrasts.iloc[0]
    assert gain["verdict"] == "helps"
    assert gain["ci_low"] < gain["delta_points"] < gain["ci_high"]
    assert gain["delta_points"] == pytest.approx(100 * (gain["score"] - gain["baseline_score"]))
    assert analyse(make_run(-0.05), QUICK).contrasts.iloc[0]["verdict"] == "hurts"


def test_frames_hold_exactly_the_documented_columns() -> None:
    analysis = analyse(make_run(0.05), QUICK)
    frames = {
        "contrasts": CONTRASTS, "tasks": TASKS, "types": TYPE_COLUMNS, "models": MODELS, "movers": MOVERS,
        "refusals": REFUSALS,
    }  # fmt: skip
    for name, columns in frames.items():
        assert list(getattr(analysis, name).columns) == list(columns)


def test_a_cell_with_two_names_differs_from_itself_by_exactly_nothing() -> None:
    run = FakeRun()
    run.add(("none", "correct"), make_table(np.random.default_rng(0).random(50)))
    row = analyse(run, QUICK).contrasts.iloc[0]
    assert row["same_strings"]
    assert (row["delta_points"], row["ci_low"], row["ci_high"]) == (0, 0, 0)
    assert (row["verdict"], row["reason"]) == ("same strings", "both send the same")


def test_numbers_do_not_depend_on_what_else_is_in_the_run() -> None:
    alone = analyse(make_run(0.01), QUICK).contrasts.iloc[0]
    run = make_run(0.01)
    rng = np.random.default_rng(9)
    for task in ("Apple", "Zebra"):
        for name in ("none", "correct"):
            run.add(name, make_table(rng.random(400)), task=task)
    run.cells.reverse()
    together = analyse(run, QUICK).contrasts.query("task == 'Task'").iloc[0]
    for column in ("delta_points", "ci_low", "ci_high", "p_value"):
        assert together[column] == pytest.approx(alone[column], rel=1e-12)


ALL = ("none", "correct", "wrong", "instruction", "query-only", "document-only")


def make_wide_run(rng: np.random.Generator, model: str = "org/model", n_tasks: int = 3) -> FakeRun:
    """Every condition on a few tasks, with effects and spreads at random."""
    run = FakeRun()
    for number in range(n_tasks):
        n = int(rng.integers(80, 500))
        base = rng.beta(2, 2, n)
        for name in ALL:
            shift = 0.0 if name == "none" else rng.choice([0.0, 0.004, 0.03, -0.05])
            values = np.clip(base + shift + rng.normal(0, rng.choice([0.01, 0.1, 0.3]), n), 0, 1)
            run.add(name, make_table(values), task=f"T{number}", task_type=str(rng.choice(TYPES)), model=model)
    return run


TYPES = ["Retrieval", "STS", "Classification", "Clustering"]


def supports(word: str, low: float, high: float, margin: float) -> bool:
    """Whether an interval supports what the word claims."""
    return {
        "helps": low > margin,
        "hurts": high < -margin,
        "equivalent": -margin < low and high < margin,
        "positive": 0 < low <= margin,
        "negative": -margin <= high < 0,
        "inconclusive": low <= 0 <= high,
    }.get(word, word in ("described", "same strings"))


def supports_line(line: str, low: float, high: float, margin: float) -> bool:
    """Whether the interval that a model's sentence quotes beside a type supports its line."""
    return {
        "required": low > 0,
        "helpful": low > 0,
        "harmful": high < 0,
        "harmless": -margin < low and high < margin,
    }.get(line, True)


def check_words(analysis: Analysis) -> None:
    """No word stands beside an interval that does not support it, in any frame."""
    for frame in (analysis.contrasts, analysis.tasks, analysis.types):
        for row in to_records(frame):
            assert supports(row["verdict"], row["ci_low_adjusted"], row["ci_high_adjusted"], row["margin"]), row
            if row["verdict"] in ("helps", "hurts", "equivalent"):
                assert supports(row["verdict"], row["ci_low"], row["ci_high"], row["margin"]), row
            assert row["ci_low_adjusted"] <= row["ci_low_cautious"] + 1e-9 <= row["ci_low"] + 2e-9, row
            assert row["ci_high"] <= row["ci_high_cautious"] + 1e-9 <= row["ci_high_adjusted"] + 2e-9, row
    for row in to_records(analysis.types):
        assert supports_line(row["line"], row["ci_low"], row["ci_high"], row["margin"]), row
    primary = analysis.tasks[analysis.tasks["contrast"] == "correct-none"]
    for model in to_records(analysis.models):
        own = primary[primary["model"] == model["model"]]
        verdicts = set(own[own["task_type"].isin(model["line_types"].split(","))]["verdict"])
        if model["line"] in ("required", "helpful"):
            assert "helps" in verdicts
        if model["line"] == "harmful":
            assert "hurts" in verdicts
            assert "helps" not in verdicts
        if model["line"] == "mixed":
            assert {"helps", "hurts"} <= verdicts
        if model["line"] == "harmless":
            assert verdicts - {"same strings"} == {"equivalent"}
        assert sum(model[name] for name in COUNTS) == len(own)


COUNTS = ("n_helps", "n_hurts", "n_equivalent", "n_open", "n_described", "n_same")


@pytest.mark.parametrize("seed", range(200))
def test_no_word_is_without_support_in_random_runs(seed: int) -> None:
    check_words(analyse(make_wide_run(np.random.default_rng(seed)), QUICK))


@pytest.mark.parametrize("name", ["starter", "twins", "twins-mteb", "validity"])
def test_no_word_is_without_support_in_committed_runs(name: str) -> None:
    check_words(analyse(load_run(Path(__file__).parents[3] / "results" / name), QUICK))


def test_another_model_or_a_duplicate_changes_no_word_and_no_number() -> None:
    alone = make_wide_run(np.random.default_rng(3))
    both = make_wide_run(np.random.default_rng(3))
    for cell in make_wide_run(np.random.default_rng(8), "org/other", n_tasks=5).cells:
        both.add(
            cell.conditions[0], make_table(np.random.default_rng(1).random(300)), model="org/other", task=cell.task
        )
    both.cells = [
        cell.model_copy(update={"conditions": (*cell.conditions, "placebo")}) if "wrong" in cell.conditions else cell
        for cell in both.cells
    ]
    one, two = (analyse(run, QUICK).tasks for run in (alone, both))
    two = two[(two["model"] == "org/model") & ~two["contrast"].str.contains("placebo")]
    for column in ("task", "contrast", "verdict", "p_adjusted", "ci_low_adjusted", "ci_high_adjusted", "mde"):
        assert two[column].tolist() == pytest.approx(one[column].tolist(), nan_ok=True), column


@pytest.mark.parametrize(("value", "verdict"), [(0.0, "hurts"), (1.0, "helps")])
def test_total_failure_and_total_success_have_their_word(value: float, verdict: str) -> None:
    run = FakeRun()
    run.add("none", make_table(np.random.default_rng(0).random(200)))
    run.add("correct", make_table(np.full(200, value)))
    assert analyse(run, QUICK).contrasts.iloc[0]["verdict"] == verdict


def test_the_same_shift_everywhere_has_its_word() -> None:
    values = np.random.default_rng(0).random(200) / 2
    run = FakeRun()
    run.add("none", make_table(values))
    run.add("correct", make_table(values + 0.25))
    row = analyse(run, QUICK).contrasts.iloc[0]
    assert (row["verdict"], row["delta_points"]) == ("helps", pytest.approx(25))


def test_few_units_and_draws_of_one_corpus_are_described() -> None:
    rng = np.random.default_rng(0)
    run = FakeRun()
    for task, n, task_type in (("Few", 99, "Retrieval"), ("Draws", 300, "Clustering")):
        base = rng.random(n)
        run.add("none", make_table(base), task=task, task_type=task_type)
        run.add("correct", make_table(base + 0.3), task=task, task_type=task_type)
    analysis = analyse(run, QUICK)
    assert analysis.tasks["verdict"].tolist() == ["described", "described"]
    assert analysis.tasks["reason"].tolist() == [
        "99 independent units, fewer than 100", "draws of one corpus, which speak of that corpus only",
    ]  # fmt: skip
    assert analysis.models.iloc[0]["line"] == "not shown"


def test_sides_are_opened_by_the_primary_contrast() -> None:
    rng, run = np.random.default_rng(2), FakeRun()
    for task, shift in (("Open", 0.2), ("Closed", 0.0)):
        base = rng.random(400)
        for name in ("none", "correct", "query-only"):
            own = 0.0 if name == "none" else shift
            run.add(name, make_table(base + own + rng.normal(0, 0.2, 400)), task=task)
    rows = analyse(run, QUICK).tasks.set_index(["task", "contrast"])["family"]
    assert rows["Open", "correct-none"] == rows["Closed", "correct-none"] == "primary"
    assert rows["Open", "query-only-none"] == rows["Open", "query-only-correct"] == "sides"
    assert rows["Closed", "query-only-none"] == "exploratory"


def test_strings_that_the_tokenizer_reads_alike_measure_nothing() -> None:
    run = FakeRun()
    for name in ("none", "correct"):
        cell = run.add(name, make_table(np.random.default_rng(0).random(200)))
        audit = RoleAudit("query", f"{name}: ", 1, 200, 0, 0, 0, 900, tokens_sha256="a" * 64)
        run.cells[-1] = cell.model_copy(update={"audit": (audit,)})
    row = analyse(run, QUICK).contrasts.iloc[0]
    assert (row["verdict"], row["same_strings"]) == ("same strings", True)
