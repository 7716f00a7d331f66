from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, List
from mteb.mocks.mock_tasks.classification import MockClassificationTask, MockMultilabelClassification
from mteb.mocks.mock_tasks.pair_classification import MockPairClassificationTask
from prefixbench.errors import ScoreError, SpecError
from prefixbench.items.statistics import compute_statistic
from prefixbench.plan.tasks import describe_label_task, expand_tasks, task_facts
from prefixbench.run.loading import load_task
from prefixbench.score import make_part, score_cell
from prefixbench.score.label_retrieval import make_label_task
from prefixbench.spec.conditions import Role
from prefixbench.spec.sweep import TaskSpec
from sklearn.metrics import label_ranking_average_precision_score

from tests.score_fakes import draw_texts, evaluate_plainly, make_encoder

MEANINGS = 'zero = "the cat sat on the mat"\none = "a dog ran far away"\n'


def make_base(kind: Any = MockClassificationTask, n: int = 120) -> Any:
    task = kind()
    task.load_data()
    split, labels = task.eval_splits[0], [number % 2 for number in range(n)]
    columns: dict[str, Any] = {"sentence1": draw_texts(n, 0), "sentence2": draw_texts(n, 1), "labels": labels}
    if kind is MockClassificationTask:
        columns = {
            "text": draw_texts(n, 0),
            "label": labels,
            "label_text": ["one" if one else "zero" for one in labels],
        }
    task.dataset[split] = Dataset.from_dict(columns)
    return task


def make_labels(base: Any, folder: Path, meanings: str = "") -> Any:
    path = folder / "labels.toml"
    path.write_text(meanings, encoding="utf-8")
    facts = describe_label_task(task_facts(base), f"={path}" if meanings else "", "sweep.tasks[0]")
    return make_label_task(facts, base)


def make_several(n: int = 120, most: int | None = None) -> Any:
    """Texts with one to three of four labels, by number; every seventh has none."""
    task = MockMultilabelClassification()
    task.load_data()
    labels = [[] if row % 7 == 0 else sorted({row % 4, row % 3, 3 * (row % 2)}) for row in range(n)]
    assert task.dataset is not None
    task.dataset["test"] = Dataset.from_dict({"text": draw_texts(n, 0), "label": labels}).cast_column(
        "label", List(ClassLabel(names=["apple", "pear tree", "plum", "quince"]))
    )
    task.dataset["train"] = task.dataset["test"]
    task.max_eval_samples = most
    return task


def test_several_labels_a_text_are_all_looked_for(tmp_path: Path) -> None:
    encoder = make_encoder()
    cell = score_cell(make_labels(make_several(), tmp_path), encoder, "test", "default")
    reference, _ = evaluate_plainly(make_labels(make_several(), tmp_path), encoder, "test", "default")
    assert cell.main_score == "map_at_1000"
    assert cell.score == pytest.approx(reference["main_score"], abs=1e-9)
    assert compute_statistic(cell.items) == pytest.approx(cell.score, abs=1e-6 + 0.5e-5)  # mteb's own rounding
    assert cell.items.n_items == 120 - 18  # a text without labels looks for nothing
    rows = make_several().dataset["test"]
    names = rows.features["label"].feature.names
    documents = encoder._embed(make_part(Role.DOCUMENT, names))
    queries = encoder._embed(make_part(Role.QUERY, rows["text"][:]))
    scores = (queries @ documents.T) / np.linalg.norm(documents, axis=1)
    expected = [
        label_ranking_average_precision_score([[number in wanted for number in range(4)]], [ranked])
        for ranked, wanted in zip(scores, rows["label"][:], strict=True)
        if wanted
    ]
    assert compute_statistic(cell.items) == pytest.approx(np.mean(expected), abs=1e-6)


def test_where_mteb_draws_samples_the_same_are_asked_and_named(tmp_path: Path) -> None:
    several = make_several(most=40)
    queries = make_labels(several, tmp_path).dataset["default"]["test"]["queries"]
    items = score_cell(several, make_encoder(), "test", "default").items
    assert set(queries["id"]) == set(items.item_id.tolist())


@pytest.mark.parametrize("kind", [MockClassificationTask, MockPairClassificationTask])
def test_scores_are_mtebs_and_are_rebuilt_from_items_that_stand_alone(kind: Any, tmp_path: Path) -> None:
    encoder = make_encoder()
    cell = score_cell(make_labels(make_base(kind), tmp_path), encoder, "test", "default")
    reference, _ = evaluate_plainly(make_labels(make_base(kind), tmp_path), encoder, "test", "default")
    assert 0 < cell.score < 1
    assert cell.score == pytest.approx(reference["main_score"], abs=1e-9)
    assert compute_statistic(cell.items) == pytest.approx(cell.score, abs=1e-6)
    assert cell.items.n_items == 120
    assert set(cell.items.value) <= {0.0, 1.0}  # one label is right: nDCG@1 is whether it was found
    assert list(cell.items.group_id) == list(cell.items.item_id)


def test_labels_are_what_a_file_says_or_what_they_are_called(tmp_path: Path) -> None:
    split = make_labels(make_base(), tmp_path).dataset["default"]["test"]
    assert split["corpus"]["text"][:] == ["one", "zero"]
    split = make_labels(make_base(), tmp_path, MEANINGS).dataset["default"]["test"]
    assert split["corpus"]["text"][:] == ["a dog ran far away", "the cat sat on the mat"]
    assert next(iter(split["relevant_docs"].values())) == {"zero": 1}
    pairs = make_labels(make_base(MockPairClassificationTask), tmp_path).dataset["default"]["test"]
    assert pairs["corpus"]["text"][:] == ["dissimilar", "similar"]
    assert pairs["queries"]["text"][0] == f"{draw_texts(120, 0)[0]}\n{draw_texts(120, 1)[0]}"
    named = make_base()
    rows = named.dataset["test"].remove_columns("label_text").cast_column("label", ClassLabel(names=["no", "yes_sir"]))
    named.dataset["test"] = rows
    assert make_labels(named, tmp_path).dataset["default"]["test"]["corpus"]["text"][:] == ["no", "yes sir"]


def test_faults_of_descriptions_are_sentences(tmp_path: Path) -> None:
    base = make_base()
    with pytest.raises(ScoreError, match=r"describe labels that are not there \(two\) and leave labels out \(one\)"):
        make_labels(base, tmp_path, 'zero = "x"\ntwo = "y"\n')
    base.dataset["test"] = base.dataset["test"].remove_columns("label_text")
    with pytest.raises(ScoreError, match=r"its labels are bare numbers \(0, 1\); say what they mean: .*@labels=FILE"):
        make_labels(base, tmp_path)
    for told, message in (
        ("=nowhere.toml", "nowhere.toml: cannot be read"),
        (":en", "write .*@labels or .*@labels=FILE"),
    ):
        with pytest.raises(SpecError, match=message):
            describe_label_task(task_facts(base), told, "sweep.tasks[0]")
    for name, content in (("a.toml", "x = 3"), ("b.toml", "x"), ("c.json", "[1]")):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        with pytest.raises(SpecError, match=r"must hold one description a label|is neither TOML nor"):
            describe_label_task(task_facts(base), f"={path}", "sweep.tasks[0]")
    with pytest.raises(SpecError, match="STSBenchmark is of type STS; labels can be retrieved for Classification"):
        expand_tasks([TaskSpec(name="STSBenchmark@labels")], {})


def test_a_sweep_loads_them_by_name() -> None:
    from prefixbench.starter import starter_facts

    (facts,) = expand_tasks([TaskSpec(name="StarterPairClassification@labels")], starter_facts())
    assert (facts.name, facts.task_type, facts.has_roles) == ("StarterPairClassification@labels", "Retrieval", True)
    task = load_task(facts)
    assert task.metadata.name == facts.name
    assert task.dataset is not None
    assert len(task.dataset["default"]["test"]["corpus"]) == 2
